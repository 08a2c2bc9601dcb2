"""Office documents: OOXML (docx, xlsx, pptx), OpenDocument (odt, ods, odp) and EPUB.

All are ZIP files of XML, so one reader serves them: the parts that hold text are streamed through defusedxml,
paragraph by paragraph, and never more is unpacked than the limit allows. Libraries for one of the formats build the
whole document in memory and leave out headers, notes and text boxes; a search wants every word.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring, iterparse

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
_BREAKS = frozenset({"p", "h", "br", "cr", "tab", "row", "si", "table-row", "line-break", "tr", "s"})
_UNPACK = 8
_PART_LIMIT = 256 << 20
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


def _part_text(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    with archive.open(name) as part:
        skip_formula = name.startswith("xl/worksheets")
        for event, element in iterparse(part, events=("start", "end")):
            local = _local(element.tag)
            if event == "end":
                if element.text and not (skip_formula and local in ("f", "v")):
                    yield element.text
                if local in _BREAKS:
                    yield "\n" if local not in ("tab", "s") else " "
                if element.tail and element.tail.strip():
                    yield element.tail
                element.clear()


def text(source: Source, limit: int) -> str:
    pieces: list[str] = []
    length = unpacked = 0
    with _open(source) as archive:
        for name in _parts(archive):
            size = archive.getinfo(name).file_size
            unpacked += size
            if size > _PART_LIMIT or unpacked > max(limit, 1 << 20) * _UNPACK:
                break
            try:
                if name.endswith(("html", "htm")):
                    pieces.append(html_text(_read(archive, name, _PART_LIMIT).decode("utf-8", "replace")))
                    length += len(pieces[-1])
                else:
                    for piece in _part_text(archive, name):
                        pieces.append(piece)
                        length += len(piece)
                        if length >= limit:
                            break
            except (ParseError, DefusedXmlException, zipfile.BadZipFile, zlib.error, EOFError, OSError):
                continue  # a damaged part has no text; the others have
            except RuntimeError:
                raise MediaError("encrypted", "it needs a password") from None
            pieces.append("\n")
            if length >= limit:
                break
    return re.sub(r"\n\s*\n+", "\n\n", "".join(pieces)).strip()[:limit]


READER = Reader(
    name="office",
    help="Documents of Word, Excel, PowerPoint, LibreOffice, and EPUB books.",
    example="letter.docx",
    facts=facts,
    preview=preview,
    text=text,
)
