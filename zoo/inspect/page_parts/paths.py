"""Where a page may be written."""

import os
from pathlib import Path

from zoo.arguments import as_path
from zoo.errors import ArgumentError
from zoo.files import check_writable
from zoo.pages.frame import is_own_page


def check_page_path(path: str | os.PathLike[str], name: str = "path") -> Path:
    """Check that a page can be written without the loss of another file.

    Args:
        path: The path of the file.
        name: The name of the argument, for the message.

    Returns:
        The path.

    Raises:
        ArgumentError: The path does not end in `.html`, nothing can be written there, or a file is
            there that is no page of Zoo.

    Example:
        >>> check_page_path("page.pdf")
        Traceback (most recent call last):
        zoo.errors.ArgumentError: path must end in .html. Received: page.pdf. Rename it.
    """
    path = check_writable(name, as_path(name, path), [".html"])
    try:
        is_free = not path.exists() or is_own_page(path)
    except OSError:  # such as a file that must not be read
        is_free = False
    if not is_free:
        raise ArgumentError(
            f"{name} must be a new file, or a page that Zoo wrote. Received: {path}, which is "
            "something else. Name another file, or remove this file."
        )
    return path
