"""The rim: whatever goes wrong in a handler becomes an errno. An exception that is no FUSEError would end the whole
mount.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import trio
from pyfuse3 import FUSEError

from albumsd.core.errors import AlbumsdError

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)


def guarded(handler: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """AlbumsdError: its errno. FUSEError passes. Everything else: EIO, and a line with the stack in the log.

    A request that is cancelled (the mount ends) is answered too, or its caller would wait for ever; the loop meets its
    cancellation again at the next request.
    """

    @wraps(handler)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await handler(*args, **kwargs)
        except FUSEError:
            raise
        except AlbumsdError as error:
            if error.traceback:
                log.exception("%s", handler.__name__)
            raise FUSEError(error.errno) from None
        except trio.Cancelled:
            raise FUSEError(errno.EIO) from None
        except Exception:
            log.exception("%s%r", handler.__name__, _plain(args[1:]))
            raise FUSEError(errno.EIO) from None

    return wrapper


def _plain(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Numbers and names of a request; of anything else only the type."""
    return tuple(a if isinstance(a, (int, bytes)) and len(repr(a)) < 300 else type(a).__name__ for a in args)
