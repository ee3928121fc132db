"""The files of images that a table names."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zoo.arguments import as_path
from zoo.errors import ArgumentError


def write_images(folder: Any, images: np.ndarray, names: list[str]) -> list[str]:
    """Write images as PNG files into a folder, which is made if it does not exist.

    Args:
        folder: The path of the folder.
        images: uint8 [n, height, width, 1 or 3].
        names: The name of each file, without its suffix.

    Returns:
        The absolute paths of the files.

    Raises:
        ArgumentError: The images are neither grey nor RGB, or the folder cannot be written.
    """
    path = as_path("folder", folder)
    if images.shape[-1] not in (1, 3):
        raise ArgumentError(
            "Images must be grey or RGB to be written as files. Received: "
            f"{images.shape[-1]} channels. Leave out folder=."
        )
    files = []
    try:
        path.mkdir(parents=True, exist_ok=True)
        for pixels, name in zip(images, names, strict=True):
            file = Path(path, f"{name}.png").absolute()
            Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file)
            files.append(str(file))
    except OSError as error:
        raise ArgumentError(
            f"folder must be a folder in which files can be written. Received: {str(path)!r} "
            f"({error}). Pass another folder."
        ) from error
    return files
