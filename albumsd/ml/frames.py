"""Messages over a pipe: a 4-byte big-endian length, that much JSON, and as many raw bytes as its ``bytes`` says.

Paths are written with surrogates for bytes that are not UTF-8, as ``os.fsdecode`` makes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

Header = dict[str, Any]


def pack(header: Mapping[str, Any], payload: bytes = b"") -> bytes:
    if payload:
        header = {**header, "bytes": len(payload)}
    data = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return len(data).to_bytes(4, "big") + data + payload


def _header(data: bytes | bytearray) -> Header:
    message: Header = json.loads(data.decode("utf-8", "surrogatepass"))
    return message


def receive(stream: IO[bytes]) -> tuple[Header, bytes] | None:
    """The next message of a blocking stream; None at its end."""
    size = stream.read(4)
    if len(size) < 4:
        return None
    header = _header(stream.read(int.from_bytes(size, "big")))
    return header, stream.read(header.get("bytes", 0))


class Unpacker:
    """Messages out of what a non-blocking read brought, whole ones only. Used by one thread."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Header, bytes]]:
        self._buffer += data
        while len(self._buffer) >= 4:
            start = 4 + int.from_bytes(self._buffer[:4], "big")
            if len(self._buffer) < start:
                return
            header = _header(self._buffer[4:start])
            end = start + header.get("bytes", 0)
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[start:end])
            del self._buffer[:end]
            yield header, payload
