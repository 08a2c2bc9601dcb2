"""PDF: text, first page, title and date, all by PDFium, which opens damaged files and needs no password for most."""

from __future__ import annotations

import re
from typing import Any

import pypdfium2 as pdfium

from ...core.facts import CaptureTime, Facts, Problem
from .. import pictures
from ..ends import cut
from ..errors import MediaError
from ..evidence import Evidence, clean, prose, settle
from ..limits import Limits
from ..reader import Reader
from ..sniff import Guess
from ..source import Source
from ..zones import written

_DATE = re.compile(r"^(?:D:)?(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:(Z)|([+-])(\d{2})'?(\d{2})?'?)?")


def _open(source: Source) -> Any:
    if source.size == 0:
        raise MediaError("empty")
    try:
        return pdfium.PdfDocument(source.file(), autoclose=False)
    except pdfium.PdfiumError as error:
        text = str(error)
        if "password" in text.lower() or "security" in text.lower():
            raise MediaError("encrypted", "it needs a password") from None
        if missing := cut(source, "application/pdf"):
            raise MediaError("truncated", missing) from None
        raise MediaError("corrupt", text) from None


def _date(text: str | None) -> CaptureTime | None:
    found = _DATE.match((text or "").strip())
    if not found or not found[3]:
        return None
    clock = f"{found[1]}-{found[2]}-{found[3]}T{found[4] or '00'}:{found[5] or '00'}:{found[6] or '00'}"
    offset = "Z" if found[7] else f"{found[8]}{found[9]}:{found[10] or '00'}" if found[8] else ""
    return written(clock + offset, "xmp")


def facts(source: Source, guess: Guess) -> Facts:
    document = _open(source)
    try:
        pages = len(document)
        data = document.get_metadata_dict(skip_empty=True)
    finally:
        document.close()
    when = _date(data.get("CreationDate"))
    tags = tuple(part.strip() for part in re.split("[,;]", data.get("Keywords", "")) if part.strip())
    found = Evidence(
        claims=[when] if when else [], title=clean(data.get("Title")), description=prose(data.get("Subject")), tags=tags
    )
    missing = cut(source, guess.mime)
    problems = [Problem("truncated", missing)] if missing else []
    return settle(guess.kind, guess.mime, [found], pages=pages, problems=problems)


def _show_forms(document: Any) -> None:
    """Have what was filled in drawn. A form that PDFium cannot set up is drawn without."""
    try:
        if document.get_formtype() != pdfium.raw.FORMTYPE_NONE:
            document.init_forms()
    except (pdfium.PdfiumError, RuntimeError):
        return


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture:
    document = _open(source)
    try:
        _show_forms(document)
        page = document[0]
        width, height = page.get_size()
        if not (width > 0 and height > 0):
            raise MediaError("corrupt", "its first page has no size")
        bitmap = page.render(scale=long_side / max(width, height))
        image = bitmap.to_pil().convert("RGB")
    except (pdfium.PdfiumError, IndexError, ValueError, RuntimeError) as error:
        raise MediaError("corrupt", f"its first page: {error}") from None
    finally:
        document.close()
    return pictures.finish(image, long_side)


def text(source: Source, limit: int) -> str:
    document = _open(source)
    parts: list[str] = []
    length = 0
    try:
        for number in range(len(document)):
            try:
                page = document[number]
                textpage = page.get_textpage()
                piece = textpage.get_text_range()
                textpage.close()
                page.close()
            except pdfium.PdfiumError:
                continue  # a page that PDFium cannot load has no text; the others have
            parts.append(piece.replace("\r\n", "\n").replace("\ufffe", "-"))
            length += len(piece)
            if length >= limit:
                break
    finally:
        document.close()
    return "\f".join(parts)[:limit].replace("\0", "")


READER = Reader(
    name="pdf",
    help="PDF documents: their text and their first page.",
    example="warranty.pdf",
    facts=facts,
    preview=preview,
    text=text,
)
