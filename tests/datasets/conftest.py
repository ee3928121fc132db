import contextlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    """No test reads or writes the cache or the data of the user who runs it."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
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


class Server:
    """A web server that can be told to misbehave, on this machine only.

    It serves `files`, path → content, in the `ways`, path → words, that the test asks for: "breaks
    off" (after half of the content), "no length", "html", "short html", "another", "too much",
    "404", or "to URL" for a redirect.
    """

    def __init__(self):
        self.files, self.ways, self.asked = {}, {}, []

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    @contextlib.contextmanager
    def running(self):
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                owner.answer(self)

            def log_message(self, *arguments):
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.port = server.server_port
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()

    def answer(self, handler):
        path, way = handler.path, self.ways.get(handler.path, "")
        self.asked.append(path)
        content = self.files.get(path)
        if content is None or way == "404":
            handler.send_error(404)
            return
        if way.startswith("to "):
            handler.send_response(302)
            handler.send_header("Location", way[3:])
            handler.end_headers()
            return
        if way == "html":
            content = b"<!DOCTYPE html><html>Please log in" + bytes(len(content))
        if way == "short html":
            content = b"<!DOCTYPE html><html>Please log in".ljust(100)
        if way == "another":
            content = content[:-1] + bytes([content[-1] ^ 1])
        if "too much" in way:
            content = content + b"more"
        handler.send_response(200)
        if "no length" not in way:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2] if "breaks off" in way else content)


@pytest.fixture
def server():
    with Server().running() as server:
        yield server
