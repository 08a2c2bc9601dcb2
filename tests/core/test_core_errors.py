"""Every error says what to do about it: its message, its exit code, its errno."""

from __future__ import annotations

import errno
import string

import pytest

from albumsd.core import errors
from albumsd.core.errors import AlbumsdError


def _classes(base: type[AlbumsdError]) -> list[type[AlbumsdError]]:
    return [base, *(found for each in base.__subclasses__() for found in _classes(each))]


OURS = [found for found in _classes(AlbumsdError) if found.__module__ == errors.__name__]


@pytest.mark.parametrize("error", OURS, ids=lambda error: error.__name__)
def test_the_docstring_is_the_message(error: type[AlbumsdError]) -> None:
    assert "__doc__" in vars(error)
    assert error.__doc__
    fields = {name: f"<{name} {{}}>" for _, name, _, _ in string.Formatter().parse(error.__doc__) if name}
    message = str(error(**fields))
    assert all(value in message for value in fields.values())
    assert "\n" not in message
    with pytest.raises(KeyError):
        string.Formatter().vformat("{unheard_of}", (), fields)


@pytest.mark.parametrize("error", OURS, ids=lambda error: error.__name__)
def test_exit_codes_and_errnos_are_of_the_documented_ones(error: type[AlbumsdError]) -> None:
    assert error.exit_code in (1, 2, 3, 4)
    assert error.errno in errno.errorcode
    assert error.errno != errno.EACCES, "mode bits let a gesture reach its handler: it refuses with EROFS or EPERM"
    assert error.traceback is False


TABLE = {
    "AlbumsdError": (1, errno.EIO),
    "UsageError": (2, errno.EINVAL),
    "QueryError": (2, errno.ENOENT),
    "LibraryMissing": (3, errno.EIO),
    "LibraryFull": (1, errno.ENOSPC),
    "StoreBusy": (3, errno.EAGAIN),
    "NotReady": (3, errno.ETIMEDOUT),
    "Offline": (3, errno.ENOMEDIUM),
    "Stalled": (3, errno.EIO),
    "Changed": (1, errno.ESTALE),
    "NotFound": (1, errno.ENOENT),
}


@pytest.mark.parametrize("name", TABLE)
def test_what_programs_rely_on(name: str) -> None:
    error = getattr(errors, name)
    assert (error.exit_code, error.errno) == TABLE[name]


def test_braces_in_a_field_are_text() -> None:
    assert (
        str(errors.QueryError(what="no such term {x}", position=3, query="{tag}=1"))
        == "no such term {x}, at character 3: {tag}=1"
    )


def test_the_exit_codes_are_written_down() -> None:
    assert "0 done, 1 error, 2 usage, 3 not ready or time out, 4 problems found" in (errors.__doc__ or "")
