"""A server of models on 127.0.0.1, as the Hugging Face hub answers: a redirect that announces, then the bytes, by Range.

``Hub()`` is a context manager. ``files`` is ``{"ORG/REPO/resolve/REV/NAME": bytes}``; the rest are ways to misbehave.
"""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

CONFIG = json.dumps(
    {
        "model_cfg": {
            "embed_dim": 8,
            "vision_cfg": {"image_size": 16, "layers": 1, "width": 8, "patch_size": 8},
            "text_cfg": {"context_length": 8, "vocab_size": 600, "width": 8, "heads": 1, "layers": 1},
        }
    }
).encode()


def safetensors(content: bytes) -> bytes:
    """A file of one tensor that is these bytes."""
    header = json.dumps({"bytes": {"dtype": "U8", "shape": [len(content)], "data_offsets": [0, len(content)]}}).encode()
    return len(header).to_bytes(8, "little") + header + content


WEIGHTS = safetensors(bytes(range(256)) * 20_000)  # 5 MB that are no model: nothing here loads them


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Hub:
    """``asked``: (path, Range) of each request for bytes, in order."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.status = 200
        """The answer to every request for bytes."""
        self.announce = True
        """Name hashes and sizes, as the hub does."""
        self.lie = ""
        """Announce this SHA-256."""
        self.ranges = True
        """Know Range."""
        self.breaks: list[int] = []
        """Bytes after which the next answers break off, one each."""
        self.gate: threading.Event | None = None
        """Half of an answer is sent; the rest when this is set."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def put(self, repository: str, revision: str = "main", **files: bytes) -> None:
        """Publish a model: by default a configuration and weights. ``a__b=`` is the file ``a.b``."""
        contents = files or {"open_clip_config__json": CONFIG, "open_clip_model__safetensors": WEIGHTS}
        for name, data in contents.items():
            self.files[f"{repository}/resolve/{revision}/{name.replace('__', '.')}"] = data

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.lstrip("/")
        data = self.files.get(path.removeprefix("bytes/"))
        if data is None:
            request.send_error(404)
            return
        if not path.startswith("bytes/"):
            request.send_response(302)
            request.send_header("Location", f"{self.url}/bytes/{path}")
            if self.announce and len(data) > 10_000:
                request.send_header("X-Linked-Etag", f'"{self.lie or sha256(data)}"')
                request.send_header("X-Linked-Size", str(len(data)))
            elif self.announce:
                git = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
                request.send_header("ETag", f'W/"{self.lie or git}"')
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        self._bytes(request, path.removeprefix("bytes/"), data)

    def _bytes(self, request: BaseHTTPRequestHandler, path: str, data: bytes) -> None:
        asked = request.headers.get("Range", "")
        self.asked.append((path.rpartition("/")[2], asked))
        if self.status != 200:
            request.send_error(self.status)
            return
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        if begin >= len(data) > 0:
            request.send_error(416)
            return
        request.send_response(206 if begin else 200)
        if begin:
            request.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(data) - begin))
        request.end_headers()
        end = begin + self.breaks.pop(0) if self.breaks and len(data) > 10_000 else len(data)
        middle = (begin + len(data)) // 2 if self.gate and len(data) > 10_000 else begin
        try:
            request.wfile.write(data[begin:middle])
            request.wfile.flush()
            if self.gate and len(data) > 10_000:
                self.gate.wait(60)
            request.wfile.write(data[middle:end])
        except (BrokenPipeError, ConnectionResetError):
            pass
        request.close_connection = True

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self.gate:
            self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
