"""Pictures of maps. Colours are symmetric around 0, and differ for colour-blind readers too."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.ensembles.measures.pairwise import disagreement
from zoo.ensembles.reports.figures import disagreement_side, draw_disagreement
from zoo.plots import name_matrix, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_SIDE = 1.35
"""The side of a small picture in inches."""


def draw_map(axes: "Axes", values: np.ndarray, image: np.ndarray, *, signed: bool = True) -> Any:
    """Draw a map over its image, which is shown pale and grey.

    The colour is the value, divided by the absolute value that 99 % of the pixels do not exceed, so
    that a few pixels do not make all others pale. A value of 0 lets the image shine through.

    Args:
        axes: The axes to draw into.
        values: The map, float32 [height, width].
        image: uint8 [height, width, channels].
        signed: Whether the colours tell signs apart: red is positive, blue negative. Else the
            darker, the larger.

    Returns:
        matplotlib's picture of the map, for a colour bar.
    """
    scale = float(np.quantile(np.abs(values), 0.99)) or float(np.abs(values).max())
    shares = np.clip(values / scale, -1, 1) if scale > 0 else np.zeros_like(values)
    grey = image.astype("float32").mean(axis=-1)
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255, alpha=0.45)
    drawn = axes.imshow(
        shares,
        cmap="RdBu_r" if signed else "Purples",
        vmin=-1 if signed else 0,
        vmax=1,
        alpha=np.clip(np.abs(shares) * 1.2, 0, 0.9),
    )
    axes.set_xticks([])
    axes.set_yticks([])
    return drawn


def figure_of_maps(
    images: np.ndarray,
    maps: np.ndarray,
    names: Sequence[Sequence[str]],
    spread: np.ndarray | None,
    caption: str,
) -> "Figure":
    """Draw images, and below each its maps.

    Args:
        images: uint8 [n, height, width, channels].
        maps: float32 [n, k, height, width].
        names: The name of the class of each map, [n][k].
        spread: Maps of the members' disagreement, float32 [n, height, width], or None.
        caption: Text below the pictures.

    Returns:
        The figure.
    """
    count, classes = maps.shape[:2]
    rows = 1 + classes + (spread is not None)
    width = max(count * _SIDE + 1, 4.5)
    figure = new_figure(width, rows * (_SIDE + 0.2) + 0.5)
    grid = figure.subplots(rows, count, squeeze=False)
    drawn: Any = None
    for column in range(count):
        draw_image(grid[0, column], images[column])
        for row in range(classes):
            axes = grid[1 + row, column]
            drawn = draw_map(axes, maps[column, row], images[column])
            axes.set_title(names[column][row], fontsize="small", parse_math=False)
        if spread is not None:
            draw_map(grid[-1, column], spread[column], images[column], signed=False)
    if spread is not None:
        grid[-1, 0].set_ylabel("members\ndisagree", fontsize="small")
    bar = figure.colorbar(drawn, ax=grid[1 : 1 + classes].ravel().tolist(), shrink=0.9, aspect=12)
    bar.set_label("value, 1 at the\n99 % quantile", fontsize="small")
    bar.set_ticks([-1, 0, 1], labels=["−1\nagainst", "0", "1\nfor"], fontsize="small")
    figure.supxlabel(caption, fontsize="small", parse_math=False)
    return figure


def figure_of_members(
    correlations: np.ndarray,
    votes: np.ndarray | None,
    names: Sequence[str],
    figure: "Figure | SubFigure | None" = None,
) -> "Figure | SubFigure":
    """Draw the rank correlations of members' maps, and the pairs that vote for different classes.

    Args:
        correlations: float64 [members, members].
        votes: int64 [members, n], or None.
        names: The names of the members.
        figure: The empty figure, or part of a figure, to draw into; None makes a figure.

    Returns:
        The figure.
    """
    side = disagreement_side(names)
    pictures = 1 if votes is None else 2
    figure = figure or new_figure(side * pictures, side + 0.5)
    grid = figure.subplots(1, pictures, squeeze=False)[0]
    grid[0].imshow(correlations, cmap="RdBu_r", vmin=-1, vmax=1)
    name_matrix(grid[0], names)
    for row, column in np.ndindex(correlations.shape):
        value = correlations[row, column]
        if row != column:
            colour = "white" if abs(value) > 0.6 else "black"
            style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": "small"}
            grid[0].text(column, row, f"{value:z.2f}", color=colour, **style)
    grid[0].set_title("rank correlation of the maps")
    if votes is not None:
        draw_disagreement(grid[1], disagreement(votes), names)
    return figure


def draw_image(axes: "Axes", image: np.ndarray) -> None:
    """Draw an image, without ticks.

    Args:
        axes: The axes to draw into.
        image: uint8 [height, width, 1 or 3].
    """
    pixels = np.clip(np.rint(image), 0, 255).astype("uint8")
    if pixels.shape[-1] == 3:
        axes.imshow(pixels)
    else:
        axes.imshow(pixels[..., 0], cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
