"""Where a page may be written."""

import os
from pathlib import Path

from zoo.arguments import as_path
from zoo.errors import ArgumentError
from zoo.pages.frame import is_own_page


def check_page_path(path: str | os.PathLike[str], name: str = "path") -> Path:
    """Check that a page can be written without the loss of another file.

    Args:
        path: The path of the file.
        name: The name of the argument, for the message.

    Returns:
        The path.

    Raises:
        ArgumentError: The path does not end in `.html`, or a file is there that is no page of Zoo.

    Example:
        >>> check_page_path("page.pdf")
        Traceback (most recent call last):
        zoo.errors.ArgumentError: path must end in .html. Received: 'page.pdf'. Rename the file.
    """
    path = as_path(name, path)
    if path.suffix != ".html":
        raise ArgumentError(f"{name} must end in .html. Received: {str(path)!r}. Rename the file.")
    try:
        is_free = not path.exists() or is_own_page(path)
    except OSError:  # such as a folder
        is_free = False
    if not is_free:
        raise ArgumentError(
            f"{name} must be a new file, or a page that Zoo wrote. Received: "
            f"{str(path)!r}, which is something else. Name another file, or remove this file."
        )
    return path
