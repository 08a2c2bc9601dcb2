"""Screenshots: told by their name in many languages, by the programs that make them, and by EXIF (``exif.read_exif``).

A photograph is never called one for its shape: a name or a mark by its maker is asked for.
"""

from __future__ import annotations

import re

_NAME = re.compile(
    r"""(?:^|[\W_\d])(?:
        screen[ _-]?shots? | screen[ _-]?capture | bildschirmfoto | bildschirmaufnahme
      | captura[ _]de[ _](?:pantalla|ecr[aã])
      | capture[ _]d[’'_ ]?[eé]cran | schermata | istantanea[ _]schermo
      | schermafbeelding | schermafdruk | sk[aä]rm(?:avbild|bild)
      | sk[æa]rmbillede | skjermbilde | zrzut[ _]ekranu | snímek[ _]obrazovky
      | снимок[ _]экрана | скриншот | ekran[ _](?:görüntüsü|resmi)
      | näyttökuva | képernyőkép | スクリーンショット
      | 屏幕截图 | 屏幕快照 | 截屏 | 截图 | 螢幕截圖 | 螢幕快照 | 스크린샷
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_MAKERS = (
    "gnome-screenshot",
    "spectacle",
    "flameshot",
    "shutter",
    "ksnip",
    "scrot",
    "greenshot",
    "snagit",
    "xfce4-screenshooter",
)


def screenshot_name(name: str) -> bool:
    """Whether a file's name says that it is a screenshot."""
    return bool(_NAME.search(name))


def screenshot_maker(software: str | None) -> bool:
    """Whether the program that wrote a picture makes screenshots and nothing else."""
    low = (software or "").strip().lower()
    return low.startswith(_MAKERS)
