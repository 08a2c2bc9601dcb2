"""Office documents: OOXML (docx, xlsx, pptx), OpenDocument (odt, ods, odp) and EPUB.

All are ZIP files of XML, so one reader serves them: the parts that hold text are streamed through defusedxml,
paragraph by paragraph. What would unpack to more than the limits is a bomb and not unpacked at all. Libraries for
one of the formats build the whole document in memory and leave out headers, notes and text boxes; a search wants
every word.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from xml.etree.ElementTree import ParseError
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

from defusedxml import sax
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ...core.facts import Facts
from .. import pictures
from ..errors import MediaError
from ..evidence import Evidence, clean, prose, settle
from ..limits import Limits
from ..reader import Reader
from ..sniff import Guess
from ..source import Source
from ..zones import written
from .text import html_text

_PARTS = (
    re.compile(r"^word/(document|header\d*|footer\d*|footnotes|endnotes|comments)\.xml$"),
    re.compile(r"^xl/(sharedStrings|comments\d*)\.xml$|^xl/worksheets/sheet\d+\.xml$|^xl/drawings/drawing\d+\.xml$"),
    re.compile(r"^ppt/(slides/slide|notesSlides/notesSlide)\d+\.xml$"),
    re.compile(r"^content\.xml$"),
    re.compile(r"^.*\.x?html?$"),
)
_BREAKS = frozenset({"p", "h", "br", "cr", "row", "si", "is", "table-row", "line-break", "tr"})
_OOXML, _ODF = frozenset({"t"}), frozenset({"p", "h"})
_UNPACK = 8
_PART_LIMIT = 256 << 20
_RATIO_FROM = 16 << 20
_RATIO = 200
"""Text that people write packs to a tenth, the emptiest sheets to a fiftieth; a bomb to a thousandth."""
_NUMBER = re.compile(r"(\d+)")


def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _open(source: Source) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source.file())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        if source.size and b"PK\x05\x06" not in source.read(max(0, source.size - 66_000), 66_000):
            raise MediaError("truncated", "the end of the document is missing") from None
        raise MediaError("corrupt", str(error)) from None


def _read(archive: zipfile.ZipFile, name: str, limit: int = 4 << 20) -> bytes:
    try:
        with archive.open(name) as part:
            return part.read(limit)
    except (KeyError, zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError):
        return b""
    except RuntimeError:
        raise MediaError("encrypted", "it needs a password") from None


def _properties(archive: zipfile.ZipFile) -> Evidence:
    found = Evidence()
    data = _read(archive, "docProps/core.xml") or _read(archive, "meta.xml")
    if not data:
        return found
    try:
        root = fromstring(data)
    except (ParseError, DefusedXmlException, ValueError):
        return found
    values = {_local(item.tag): (item.text or "").strip() for item in root.iter() if (item.text or "").strip()}
    found.title = clean(values.get("title"))
    found.description = prose(values.get("description") or values.get("subject"))
    when = written(values.get("created") or values.get("creation-date"), "xmp")
    found.claims = [when] if when else []
    found.tags = tuple(part.strip() for part in re.split("[,;]", values.get("keywords", "")) if part.strip())
    return found


def _parts(archive: zipfile.ZipFile) -> list[str]:
    names = [name for name in archive.namelist() if any(pattern.match(name) for pattern in _PARTS)]
    return sorted(names, key=lambda name: [int(part) if part.isdigit() else part for part in _NUMBER.split(name)])


def facts(source: Source, guess: Guess) -> Facts:
    with _open(source) as archive:
        names = archive.namelist()
        if "EncryptedPackage" in names:
            raise MediaError("encrypted", "it needs a password")
        found = _properties(archive)
        slides = sum(bool(re.match(r"^ppt/slides/slide\d+\.xml$", name)) for name in names)
    return settle(guess.kind, guess.mime, [found], pages=slides or None)


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture | None:
    """The thumbnail that the program which wrote it left in the document; None if it left none."""
    with _open(source) as archive:
        for name in ("docProps/thumbnail.jpeg", "docProps/thumbnail.png", "Thumbnails/thumbnail.png"):
            data = _read(archive, name, 16 << 20)
            if data:
                return pictures.by_pillow(io.BytesIO(data), long_side, limits, None, ("JPEG", "PNG"))
    return None


def _check_room(archive: zipfile.ZipFile, names: list[str], limit: int) -> None:
    """Raises MediaError ``too-large`` when the parts with text are more than will be unpacked, by their own sizes.

    zipfile never unpacks more of a part than the size that is checked here.
    """
    parts = [archive.getinfo(name) for name in names]
    whole, packed = sum(part.file_size for part in parts), max(1, sum(part.compress_size for part in parts))
    largest = max((part.file_size for part in parts), default=0)
    most = max(limit, 1 << 20) * _UNPACK
    rule = ""
    if whole > _RATIO_FROM and whole > _RATIO * packed:
        rule = f"{whole // packed} times their packed size; the limit is {_RATIO} times"
    elif largest > _PART_LIMIT:
        rule = f"one of them to {largest >> 20} MiB; the limit of one is {_PART_LIMIT >> 20} MiB"
    elif whole > most:
        rule = f"the limit is {most >> 20} MiB, {_UNPACK} times text_mib"
    if rule:
        raise MediaError("too-large", f"its parts with text unpack to {whole >> 20} MiB, {rule}")


class _Enough(Exception):
    """The limit is reached."""


class _Words(ContentHandler):
    """The words of one part, in order: those inside ``t`` elements (OOXML), or paragraphs and headings (ODF)."""

    def __init__(self, pieces: list[str], room: int, within: frozenset[str]) -> None:
        super().__init__()
        self._pieces, self._room, self._within = pieces, room, within
        self._depth = 0

    def startElement(self, name: str, attrs: object) -> None:
        local = name.rpartition(":")[2]
        self._depth += local in self._within
        if local in ("tab", "s"):
            self._pieces.append(" ")

    def endElement(self, name: str) -> None:
        local = name.rpartition(":")[2]
        self._depth -= local in self._within
        if local in _BREAKS:
            self._pieces.append("\n")

    def characters(self, content: str) -> None:
        if self._depth:
            self._pieces.append(content)
            self._room -= len(content)
            if self._room <= 0:
                raise _Enough


def text(source: Source, limit: int) -> str:
    pieces: list[str] = []
    length = 0
    damage: MediaError | None = None
    with _open(source) as archive:
        names = _parts(archive)
        _check_room(archive, names, limit)
        for name in names:
            try:
                if name.endswith(("html", "htm")):
                    pieces.append(html_text(_read(archive, name, _PART_LIMIT).decode("utf-8", "replace")))
                    length += len(pieces[-1])
                else:
                    before = len(pieces)
                    with archive.open(name) as part:
                        sax.parse(part, _Words(pieces, limit - length, _ODF if name == "content.xml" else _OOXML))
                    length += sum(map(len, pieces[before:]))
            except _Enough:
                break
            except (SAXException, DefusedXmlException, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
                entities = isinstance(error, DefusedXmlException)
                why = "it defines entities, as no document does" if entities else "it cannot be unpacked or parsed"
                damage = damage or MediaError("corrupt", f"{name}: {why}")
                continue  # a damaged part has no text; the others have
            except RuntimeError:
                raise MediaError("encrypted", "it needs a password") from None
            pieces.append("\n")
            if length >= limit:
                break
    whole = re.sub(r"\n\s*\n+", "\n\n", "".join(pieces)).strip()[:limit]
    if damage is not None and not whole:
        raise damage
    return whole


READER = Reader(
    name="office",
    help="Documents of Word, Excel, PowerPoint, LibreOffice, and EPUB books.",
    example="letter.docx",
    facts=facts,
    preview=preview,
    text=text,
)
