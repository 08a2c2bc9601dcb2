"""IPTC (IIM) in Photoshop blocks: keywords, title, caption, and the date it was created.

The older half of what XMP says. A time without a date is no claim.
"""

from __future__ import annotations

from ..core.capture import offset_text, wall_clock
from ..core.facts import CaptureTime
from .evidence import Evidence, clean, prose


def _records(data: bytes) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    at = 0
    while at + 5 <= len(data):
        if data[at] != 0x1C:
            at += 1
            continue
        record, number, length = data[at + 1], data[at + 2], int.from_bytes(data[at + 3 : at + 5], "big")
        if length & 0x8000:
            return found
        if record == 2:
            found.setdefault(number, []).append(data[at + 5 : at + 5 + length])
        elif record == 1 and number == 90:
            found[-90] = [data[at + 5 : at + 5 + length]]
        at += 5 + length
    return found


def _resource(block: bytes) -> bytes:
    """The IIM records out of ``8BIM`` resources; the block itself if it has none around it."""
    at = 0
    while block[at : at + 4] == b"8BIM":
        number = int.from_bytes(block[at + 4 : at + 6], "big")
        name = block[at + 6] if at + 6 < len(block) else 0
        at += 6 + (name + 1) + ((name + 1) & 1)
        length = int.from_bytes(block[at : at + 4], "big")
        at += 4
        if number == 0x0404:
            return block[at : at + length]
        at += length + (length & 1)
    return b"" if block[:4] == b"8BIM" else block


def read_iptc(block: bytes) -> Evidence:
    """Evidence from a Photoshop block or bare IIM records. Nothing is raised."""
    found = _records(_resource(block))
    evidence = Evidence()
    if not found:
        return evidence
    utf8 = found.get(-90, [b""])[0] == b"\x1b%G"

    def text(raw: bytes) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("utf-8" if utf8 else "latin-1", "replace")

    def first(number: int) -> str | None:
        return text(found[number][0]) if found.get(number) else None

    evidence.tags = tuple(text(raw) for raw in found.get(25, ()))
    evidence.title = clean(first(5)) or clean(first(105))
    evidence.description = prose(first(120))
    date, time = first(55) or "", first(60) or ""
    if len(date) >= 8 and date[:8].isdigit():
        clock = time[:6] if time[:6].isdigit() and len(time) >= 6 else "000000"
        local = wall_clock(
            int(date[:4]), int(date[4:6]), int(date[6:8]), int(clock[:2]), int(clock[2:4]), int(clock[4:6])
        )
        if local:
            evidence.claims = [CaptureTime(local, offset_text(time[6:11]) if len(time) >= 11 else None, "xmp")]
    return evidence
