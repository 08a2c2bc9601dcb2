"""Every error a person or a caller of the mount can meet, in one table.

Inside, code raises these; at the rim (``cli`` and ``mount``) the class attributes say what to do:
``exit_code`` for the command line, ``errno`` for the kernel. The class docstring is the message; the
fields in braces are the keyword arguments of the constructor. A user's mistake never prints a stack:
only an error with ``traceback = True``, or an exception that is not an ``AlbumsdError``, does.

Exit codes: 0 done, 1 error, 2 usage, 3 not ready or time out, 4 problems found.
"""

from __future__ import annotations

import errno as _errno
from typing import ClassVar


class AlbumsdError(Exception):
    """Something went wrong."""

    exit_code: ClassVar[int] = 1
    errno: ClassVar[int] = _errno.EIO
    traceback: ClassVar[bool] = False

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.message)

    @property
    def message(self) -> str:
        text = " ".join((type(self).__doc__ or "").split())
        return text.format(**self.fields)

    def __str__(self) -> str:
        return self.message


# --- what the person typed ------------------------------------------------------------------------


class UsageError(AlbumsdError):
    """{what}"""

    exit_code = 2
    errno = _errno.EINVAL


class QueryError(UsageError):
    """{what}, at character {position}: {query}"""

    errno = _errno.ENOENT


class ConfigError(UsageError):
    """{path}: {what}"""


# --- sources --------------------------------------------------------------------------------------


class SourceRefused(UsageError):
    """{path} cannot be a source: {why}"""


class NoSuchSource(UsageError):
    """There is no source named {name}. `albumsd sources` lists them."""


# --- the library ----------------------------------------------------------------------------------


class LibraryMissing(AlbumsdError):
    """There is no library in {path}. `albumsd run --library {path}` makes one."""

    exit_code = 3


class LibraryBusy(AlbumsdError):
    """The library {path} is in use by another {process} (pid {pid}). Stop it first."""

    exit_code = 3


class LibraryRefused(UsageError):
    """{path} cannot hold the library: {why}"""


class LibraryTooNew(AlbumsdError):
    """{path} was written by a newer albumsd (schema {found}, this one knows {known}). Upgrade albumsd."""


class LibraryOld(AlbumsdError):
    """{path} is of an older release (schema {found}, this one has {known}). `albumsd run` brings it up to date."""

    exit_code = 3


class LibraryNotSaved(AlbumsdError):
    """{path}: what you made could not be saved there ({why}), so the library stays as it is, of an older release."""


class LibraryDamaged(AlbumsdError):
    """{path} is damaged: {what}. The originals are untouched; move the file away and run `albumsd rescan`."""


class LibraryFull(AlbumsdError):
    """No space is left on the disk of {path}. Nothing was changed."""

    errno = _errno.ENOSPC


class StoreBusy(AlbumsdError):
    """The database stayed busy for {seconds} s. Nothing was changed; try again."""

    exit_code = 3
    errno = _errno.EAGAIN


class NotReady(AlbumsdError):
    """{what} did not answer within {seconds} s."""

    exit_code = 3
    errno = _errno.ETIMEDOUT


class NotDone(AlbumsdError):
    """There is still work after {seconds} s: {what}."""

    exit_code = 3
    errno = _errno.ETIMEDOUT


# --- files ----------------------------------------------------------------------------------------


class Offline(AlbumsdError):
    """The drive of {name} is not here."""

    exit_code = 3
    errno = _errno.ENOMEDIUM


class Stalled(AlbumsdError):
    """The drive of {name} does not answer."""

    exit_code = 3
    errno = _errno.EIO


class Changed(AlbumsdError):
    """{name} is no longer what was indexed."""

    errno = _errno.ESTALE


class NotFound(AlbumsdError):
    """{name} does not exist."""

    errno = _errno.ENOENT


# --- the mount ------------------------------------------------------------------------------------


class MountRefused(UsageError):
    """{path} cannot be the mount: {why}"""


class MountFailed(AlbumsdError):
    """{path} could not be mounted: {why}"""


# --- models ---------------------------------------------------------------------------------------


class ModelMissing(UsageError):
    """There is no model {name} in {where}. `albumsd models list` shows what is there, `albumsd models pull` gets it."""


class ModelBad(UsageError):
    """{path} is no model that albumsd can use: {why}."""


class ModelUnknown(UsageError):
    """There is no model {name} to fetch. `albumsd models list` shows those that are known."""


class FetchFailed(AlbumsdError):
    """{why}."""


class FetchBroken(AlbumsdError):
    """{why}. What came so far is kept: the same command goes on from there."""

    exit_code = 3
