"""Volumes: which filesystem a path lies on, what its times and inode numbers are worth, and which mounts are ours.

Everything here is read from ``/proc/self/mountinfo`` and ``/dev/disk/by-uuid``, and, where udev does not run
(containers, small systems), from statfs of local ext filesystems, which the kernel answers from memory. No function
touches another filesystem, so none can hang on a dead drive. A volume is named ``uuid:<filesystem UUID>``, or
``<fstype>:<source>`` where there is none.

``Mounts`` is a snapshot: immutable, free to be shared by threads. Take a new one for each look.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from albumsd.core import mountinfo
from albumsd.core.mountinfo import Mount

STABLE_INODES = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs"})
"""Where an inode number means the same file after a remount (docs/invariants.md)."""

UUID_IN_FSID = frozenset({"ext2", "ext3", "ext4"})

GRAIN_NS = {
    "vfat": 2_000_000_000,
    "msdos": 2_000_000_000,
    "exfat": 2_000_000_000,
    "hfsplus": 1_000_000_000,
    "hfs": 1_000_000_000,
    "iso9660": 1_000_000_000,
    "udf": 1_000_000_000,
    "ext2": 1_000_000_000,
    "ext3": 1_000_000_000,
    "cifs": 100,
    "smb3": 100,
    "ntfs": 100,
    "ntfs3": 100,
    "fuseblk": 2_000_000_000,  # ntfs-3g, or exfat and vfat through FUSE: nobody says which
}
"""How far apart two mtimes may be and still be the same. Everything else keeps nanoseconds."""

NO_INOTIFY = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "fuse.sshfs", "fuse.rclone", "vboxsf", "davfs"}
)
"""Where inotify works but stays silent about what other machines do."""


class Volume(NamedTuple):
    """The filesystem that a path lies on."""

    identity: str
    fstype: str
    grain_ns: int
    inodes: bool  # whether inode numbers are stable


def _uuids(folder: Path = Path("/dev/disk/by-uuid")) -> dict[str, str]:
    """``{real device path: UUID}``; empty where udev does not run."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return {}
    return {os.path.realpath(folder / name): name for name in names}


def _named_by_themselves(mounts: list[Mount], known: dict[str, str]) -> dict[str, str]:
    """``{real device path: name}`` of ext filesystems that udev has not named: their f_fsid is made from their UUID.

    Without it two drives plugged in one after the other, both ``/dev/sdb1``, would be one volume.
    """
    hidden_by = [mount.point.rstrip(b"/") + b"/" for mount in mounts if not mount.source.startswith("/dev/")]
    found = {}
    for mount in mounts:
        device = os.path.realpath(mount.source)
        if mount.fstype not in UUID_IN_FSID or not mount.source.startswith("/dev/") or device in known:
            continue
        if any(mount.point.startswith(point) or mount.point + b"/" == point for point in hidden_by if point != b"/"):
            continue  # the way there may lead through a filesystem that does not answer
        try:
            if os.stat(mount.point).st_dev == os.makedev(*map(int, mount.device.split(":"))):
                found[device] = f"fsid-{os.statvfs(mount.point).f_fsid:016x}"
        except (OSError, ValueError):
            continue
    return found


class Mounts:
    """What is mounted where, at one moment."""

    def __init__(self, mounts: list[Mount], uuids: dict[str, str]) -> None:
        self._by_point = {mount.point: mount for mount in mounts}
        self._uuids = uuids

    @classmethod
    def now(cls) -> Mounts:
        """Read the system's tables. Without ``/proc`` everything is one nameless volume."""
        try:
            text = Path(mountinfo.PATH).read_bytes()
        except OSError:
            text = b""
        mounts, uuids = mountinfo.parse(text), _uuids()
        return cls(mounts, uuids | _named_by_themselves(mounts, uuids))

    def mount_of(self, path: bytes) -> Mount | None:
        """The mount that ``path`` (absolute, without symlinks) lies on."""
        while True:
            found = self._by_point.get(path or b"/")
            if found or path in (b"", b"/"):
                return found
            path = path.rpartition(b"/")[0]

    def volume(self, path: bytes) -> Volume:
        """The volume that ``path`` lies on."""
        mount = self.mount_of(path)
        if mount is None:
            return Volume("unknown:", "unknown", 1, False)
        return self.name(mount)

    def name(self, mount: Mount) -> Volume:
        uuid = self._uuids.get(os.path.realpath(mount.source)) if mount.source.startswith("/dev/") else None
        identity = f"uuid:{uuid}" if uuid else f"{mount.fstype}:{mount.source}"
        return Volume(identity, mount.fstype, GRAIN_NS.get(mount.fstype, 1), mount.fstype in STABLE_INODES)

    def below(self, path: bytes) -> list[Mount]:
        """The mounts strictly below ``path``, in the order of their paths."""
        prefix = path.rstrip(b"/") + b"/"
        return [self._by_point[point] for point in sorted(self._by_point) if point.startswith(prefix)]

    def ours(self, mount_point: bytes) -> frozenset[bytes]:
        """Every place where the albumsd filesystem mounted at ``mount_point`` is seen, bind mounts included."""
        own = self._by_point.get(mount_point)
        devices = {own.device} if own and own.fstype.startswith("fuse") else set()
        found = {m.point for m in self._by_point.values() if m.device in devices or m.fstype == "fuse.albumsd"}
        return frozenset(found | {mount_point})
