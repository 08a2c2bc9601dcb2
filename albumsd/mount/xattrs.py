"""Which extended attributes exist here at all; every other name is answered from a constant, without the database.

ls, cp and smbd ask every file for ``security.*`` and ``system.posix_acl_*``, and the kernel never remembers the
answer. "Not supported" is what they remember themselves: ``ls -l`` then asks once per filesystem instead of once per
file. For ``user.*`` it must be "no such attribute": KDE asks for ``user.test`` to learn whether there are attributes.
"""

from __future__ import annotations

import errno

_OURS = (b"user.albumsd.", b"user.xdg.", b"user.baloo.")


def refusal(name: bytes) -> int:
    """The errno for a name that no file here can have; 0 for the names that ``vfs`` may know."""
    if name.startswith(_OURS):
        return 0
    return errno.ENODATA if name.startswith(b"user.") else errno.EOPNOTSUPP
