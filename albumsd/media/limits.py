"""What one file may cost: time, memory, pixels, text. The numbers are settings; here is their shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """``seconds`` for one task, ``memory`` bytes of one decoder process, ``pixels`` of one picture, ``text`` characters
    of one document. ``text`` also bounds, eight times, what a packed document may unpack to."""

    seconds: float = 60.0
    memory: int = 1536 * MIB
    pixels: int = 1_000_000_000
    text: int = 64 * MIB

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Limits:
        """From the settings ``decode_seconds``, ``decode_mib``, ``decode_megapixels``, ``text_mib``."""
        return cls(
            seconds=float(settings["decode_seconds"]),
            memory=int(settings["decode_mib"]) * MIB,
            pixels=int(settings["decode_megapixels"]) * 1_000_000,
            text=int(settings["text_mib"]) * MIB,
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Limits:
        return cls(**data)


DEFAULT = Limits()
