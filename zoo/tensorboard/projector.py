"""The files from which TensorBoard's PROJECTOR tab draws embeddings: a point for each image."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from zoo.files import write_atomically
from zoo.text import visible

LARGEST_SPRITE = 8192
"""The largest side in pixels of the picture with all thumbnails that TensorBoard can show."""

LARGEST_THUMBNAIL = 64
"""The largest side of a thumbnail in pixels."""

CONFIG = "projector_config.pbtxt"
"""The file that TensorBoard looks for in the folder of a run."""


def write_embeddings(
    folder: Path,
    embeddings: Mapping[str, np.ndarray],
    columns: Mapping[str, Sequence[object]],
    images: np.ndarray,
) -> None:
    """Write embeddings of the same images into the folder of a run.

    TensorBoard lists a run in its PROJECTOR tab if the folder also holds an event file.

    Args:
        folder: The folder of a run, such as `logs/digits/committee`. An earlier projection there is
            replaced.
        embeddings: Name, such as that of a model → float [n, values].
        columns: Name → a value for each image: the columns by which points are coloured, labelled
            and searched. There must be two columns or more. Tabs and line breaks become spaces.
        images: The images, uint8 [n, height, width, 1 or 3], which TensorBoard draws as the points.

    Raises:
        RunError: A file cannot be written.
    """
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    rows = zip(*columns.values(), strict=True)
    lines = ["\t".join(map(_cell, row)) for row in (columns, *rows)]
    _write(folder / "projector" / "images.tsv", "\n".join(lines) + "\n")
    side, sprite = sprite_of(images)
    write_atomically(folder / "projector" / "images.png", sprite.save)
    config = ProjectorConfig()
    for number, (name, values) in enumerate(embeddings.items()):
        file = f"projector/features-{number}.tsv"
        _write(folder / file, "".join(f"{_numbers(row)}\n" for row in values))
        embedding = config.embeddings.add(
            tensor_name=visible(name),
            tensor_path=file,
            tensor_shape=values.shape,
            metadata_path="projector/images.tsv",
        )
        embedding.sprite.image_path = "projector/images.png"
        embedding.sprite.single_image_dim.extend(side)
    _write(folder / CONFIG, text_format.MessageToString(config))


def sprite_of(images: np.ndarray) -> tuple[tuple[int, int], Image.Image]:
    """Draw thumbnails of images side by side into a square grid, row by row.

    Args:
        images: uint8 [n, height, width, 1 or 3].

    Returns:
        The width and the height of a thumbnail in pixels, and the picture.

    Example:
        >>> side, picture = sprite_of(np.zeros((5, 6, 8, 1), "uint8"))
        >>> side, picture.size
        ((8, 6), (24, 18))
    """
    count, height, width, _ = images.shape
    columns = max(math.ceil(math.sqrt(count)), 1)
    scale = min(1.0, min(LARGEST_THUMBNAIL, LARGEST_SPRITE // columns) / max(height, width))
    side = max(round(width * scale), 1), max(round(height * scale), 1)
    picture = Image.new("RGB", (columns * side[0], columns * side[1]))
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        pixels = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("RGB")
        place = column * side[0], row * side[1]
        picture.paste(pixels.resize(side, Image.Resampling.BOX) if scale < 1 else pixels, place)
    return side, picture


def _cell(value: object) -> str:
    """Write a value in a column: a single line without tabs."""
    return visible(" ".join(str(value).split())) or "-"


def _numbers(row: np.ndarray) -> str:
    return "\t".join(f"{value:.6g}" for value in row)


def _write(file: Path, text: str) -> None:
    write_atomically(file, lambda path: path.write_text(text, "utf-8"))
