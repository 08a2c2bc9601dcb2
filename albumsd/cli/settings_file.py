"""Change one setting in a library's settings file, and nothing else in it.

The person's own lines, comments and order stay. What is written is read again before it counts: it must say the same
as before but for the one setting, else the file stays as it is and the person is told what to write.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from albumsd.core.errors import ConfigError


def put(path: Path, name: str, value: str) -> None:
    """Set the text setting ``name`` in the TOML file ``path``, which is made if it is not there; atomic, mode 0600.

    Raises ConfigError when the file is no TOML, cannot be written, or cannot be changed without touching more.
    """
    path = Path(os.path.realpath(path))
    try:
        old = path.read_bytes().decode("utf-8") if path.exists() else ""
        before = tomllib.loads(old)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path=path, what=f"not valid TOML: {error}") from None
    except OSError as error:
        raise ConfigError(path=path, what=f"cannot be read: {error.strerror}") from None
    line = f"{name} = {_quoted(path, value)}"
    if before.get(name) == value:
        return
    for new in _ways(old, name, line):
        with suppress(tomllib.TOMLDecodeError):
            if tomllib.loads(new) == {**before, name: value}:
                _replace(path, new)
                return
    raise ConfigError(path=path, what=f"cannot be changed by itself. Write this line into it: {line}")


def _quoted(path: Path, value: str) -> str:
    """A TOML string: JSON's, but for one control character that only JSON allows."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigError(path=path, what=f"{value!r} is not UTF-8, which a settings file must be") from None
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _ways(text: str, name: str, line: str) -> Iterator[str]:
    """Texts that may be it, the likeliest first: in place of each line that looks like it, at the end, at the top."""
    lines = text.splitlines(keepends=True)
    looks = re.compile(rf"""\s*(?:{name}|"{name}"|'{name}')\s*=""")
    for number, found in enumerate(lines):
        if looks.match(found):
            body = found.rstrip("\r\n")
            rest = re.fullmatch(r"""[^=]*=\s*(?:"(?:[^"\\]|\\.)*"|'[^']*')(\s*#.*)?\s*""", body)
            comment = (rest[1] or "") if rest else ""
            yield "".join([*lines[:number], line, comment, found[len(body) :], *lines[number + 1 :]])
    end = "\r\n" if "\r\n" in text else "\n"
    yield f"{text}{end if text and not text.endswith(end) else ''}{line}{end}"
    yield f"{line}{end}{text}"


def _replace(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = (path if path.exists() else path.parent).stat()
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                file.write(text.encode("utf-8"))
                file.flush()
                if owner.st_uid != os.geteuid():  # root changes the library of somebody else
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(file.name)
                raise
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigError(path=path, what=f"cannot be written: {error.strerror}") from None
