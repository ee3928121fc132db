import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    """No test reads or writes the cache or the data of the user who runs it."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_DATA", raising=False)
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / "user-data" / name)
    return tmp_path / "cache"


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def image_bytes(rng):
    """Encode an array, or random pixels of a shape, as an image file's content."""

    def encode(pixels=(8, 8), format="PNG", **options):
        if isinstance(pixels, tuple):
            pixels = rng.integers(0, 256, pixels, dtype=np.uint8)
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        content = io.BytesIO()
        image.save(content, format, **options)
        return content.getvalue()

    return encode


@pytest.fixture
def write(tmp_path):
    """Write {path: content} as a folder, or as a zip or tar archive if the name ends so."""

    def write(name: str, files: dict[str, bytes]) -> Path:
        target = tmp_path / name
        if name.endswith(".zip"):
            target.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(target, "w") as archive:
                for path, content in files.items():
                    archive.writestr(path, content)
            return target
        if ".tar" in name:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tarfile.open(target, f"w:{target.suffix[1:].replace('tar', '')}") as archive:
                for path, content in files.items():
                    member = tarfile.TarInfo(path)
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
            return target
        target.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(content)
        return target

    return write
