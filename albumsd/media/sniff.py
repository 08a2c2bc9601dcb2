"""What a file is: by its first bytes, and only where they say nothing, by its extension.

``sniff`` returns a ``Guess``: the MIME type, the kind, the name of the reader module (None: nothing here reads it),
and whether the bytes or only the name said so. A file whose name promises a picture, video or document but whose
bytes are nothing known keeps the kind that its name promises, so that it is shown among its like with a problem.
Standard library only: the parent process asks here without meeting a decoder.
"""

from __future__ import annotations

import os
from typing import Literal, NamedTuple

from ..core.facts import Kind


class Guess(NamedTuple):
    mime: str
    kind: Kind
    reader: str | None
    by: Literal["content", "name"]


def _table(kind: Kind, reader: str | None, **mimes: str) -> dict[str, tuple[str, Kind, str | None]]:
    return {extension.lstrip("_"): (mime, kind, reader) for extension, mime in mimes.items()}


BY_EXTENSION: dict[str, tuple[str, Kind, str | None]] = {
    **_table("photo", "jpeg", jpg="image/jpeg", jpeg="image/jpeg", jpe="image/jpeg", jfif="image/jpeg"),
    **_table("photo", "png", png="image/png", apng="image/apng"),
    **_table("photo", "webp", webp="image/webp"),
    **_table("photo", "gif", gif="image/gif"),
    **_table("photo", "tiff", tif="image/tiff", tiff="image/tiff"),
    **_table("photo", "raster", bmp="image/bmp", dib="image/bmp"),
    **_table(
        "photo", "raster", jp2="image/jp2", j2k="image/jp2", jpx="image/jp2", tga="image/x-tga", psd="image/x-psd"
    ),
    **_table("photo", "raster", ico="image/x-icon", ppm="image/x-portable-pixmap", pgm="image/x-portable-graymap"),
    **_table("photo", "heif", heic="image/heic", heif="image/heif", hif="image/heif", heics="image/heic-sequence"),
    **_table("photo", "heif", heifs="image/heif-sequence"),
    **_table("photo", "avif", avif="image/avif", avifs="image/avif"),
    **_table("photo", "jxl", jxl="image/jxl"),
    **_table("photo", "raw", cr2="image/x-canon-cr2", cr3="image/x-canon-cr3", crw="image/x-canon-crw"),
    **_table("photo", "raw", nef="image/x-nikon-nef", nrw="image/x-nikon-nrw", arw="image/x-sony-arw"),
    **_table("photo", "raw", sr2="image/x-sony-sr2", srf="image/x-sony-srf", dng="image/x-adobe-dng"),
    **_table("photo", "raw", rw2="image/x-panasonic-rw2", rwl="image/x-leica-rwl", orf="image/x-olympus-orf"),
    **_table("photo", "raw", raf="image/x-fuji-raf", pef="image/x-pentax-pef", srw="image/x-samsung-srw"),
    **_table("photo", "raw", x3f="image/x-sigma-x3f", erf="image/x-epson-erf", kdc="image/x-kodak-kdc"),
    **_table("photo", "raw", dcr="image/x-kodak-dcr", mrw="image/x-minolta-mrw", _3fr="image/x-hasselblad-3fr"),
    **_table("photo", "raw", iiq="image/x-phaseone-iiq", mos="image/x-leaf-mos", gpr="image/x-gopro-gpr"),
    **_table("photo", None, svg="image/svg+xml"),
    **_table("video", "video", mp4="video/mp4", m4v="video/x-m4v", mov="video/quicktime", qt="video/quicktime"),
    **_table("video", "video", _3gp="video/3gpp", _3g2="video/3gpp2", mkv="video/x-matroska", webm="video/webm"),
    **_table("video", "video", avi="video/x-msvideo", wmv="video/x-ms-wmv", asf="video/x-ms-asf", flv="video/x-flv"),
    **_table("video", "video", mpg="video/mpeg", mpeg="video/mpeg", mts="video/mp2t", m2ts="video/mp2t"),
    **_table("video", "video", m2t="video/mp2t", vob="video/mpeg", ogv="video/ogg", dv="video/dv", insv="video/mp4"),
    **_table("video", "video", lrv="video/mp4", mp="video/mp4", mv="video/mp4"),
    **_table("document", "pdf", pdf="application/pdf"),
    **_table(
        "document",
        "office",
        docx="application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        docm="application/vnd.ms-word.document.macroenabled.12",
        xlsx="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        xlsm="application/vnd.ms-excel.sheet.macroenabled.12",
        pptx="application/vnd.openxmlformats-officedocument.presentationml.presentation",
        odt="application/vnd.oasis.opendocument.text",
        ods="application/vnd.oasis.opendocument.spreadsheet",
        odp="application/vnd.oasis.opendocument.presentation",
        epub="application/epub+zip",
    ),
    **_table(
        "document", None, doc="application/msword", xls="application/vnd.ms-excel", ppt="application/vnd.ms-powerpoint"
    ),
    **_table("document", None, pages="application/vnd.apple.pages", numbers="application/vnd.apple.numbers"),
    **_table("document", "text", txt="text/plain", text="text/plain", log="text/plain", md="text/markdown"),
    **_table("document", "text", markdown="text/markdown", rst="text/x-rst", org="text/org", tex="text/x-tex"),
    **_table(
        "document", "text", html="text/html", htm="text/html", xhtml="application/xhtml+xml", eml="message/rfc822"
    ),
    **_table("document", "text", csv="text/csv", tsv="text/tab-separated-values", rtf="application/rtf"),
    **_table(
        "other", None, xmp="application/rdf+xml", json="application/json", aae="application/xml", zip="application/zip"
    ),
    **_table("other", None, mp3="audio/mpeg", m4a="audio/mp4", wav="audio/x-wav", flac="audio/flac", ogg="audio/ogg"),
    **_table("other", None, thm="image/jpeg", xml="application/xml", srt="application/x-subrip"),
}


_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"mif2", b"miaf", b"MiHB", b"MiHE"}
_HEIF_SEQUENCES = {b"hevc", b"hevx", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}

_DOCUMENT_ZIP = (
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "odt"),
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "ods"),
    (b"mimetypeapplication/vnd.oasis.opendocument.presentation", "odp"),
    (b"mimetypeapplication/epub+zip", "epub"),
    (b"word/", "docx"),
    (b"xl/", "xlsx"),
    (b"ppt/", "pptx"),
)


def extension_of(name: str) -> str:
    """The extension in lower case without its dot. ``X.MP~2`` counts as ``mp`` (Pixel motion videos)."""
    stem, dot, extension = name.rpartition(".")
    return extension.lower().partition("~")[0] if dot and stem else ""


def _content(head: bytes, extension: str) -> tuple[str, Kind, str | None] | None:
    """The type that the first bytes prove, or None."""
    if head.startswith(b"\xff\xd8\xff"):
        return BY_EXTENSION["jpg"]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return BY_EXTENSION["png"]
    if head[:4] == b"RIFF" and len(head) >= 12:
        return {
            b"WEBP": BY_EXTENSION["webp"],
            b"AVI ": BY_EXTENSION["avi"],
            b"WAVE": BY_EXTENSION["wav"],
        }.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _isobmff(head)
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return BY_EXTENSION["gif"]
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff(head, extension)
    if head.startswith(b"IIU\0"):
        return BY_EXTENSION["rwl" if extension == "rwl" else "rw2"]
    if head[:4] in (b"IIRO", b"IIRS", b"MMOR"):
        return BY_EXTENSION["orf"]
    if head.startswith(b"FUJIFILMCCD-RAW"):
        return BY_EXTENSION["raf"]
    if head.startswith((b"FOVb", b"\0MRM")) or head[6:14] == b"HEAPCCDR":
        return BY_EXTENSION[{b"F": "x3f", b"\0": "mrw"}.get(head[:1], "crw")]
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return BY_EXTENSION["jxl"]
    if head.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return BY_EXTENSION["jp2"]
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot") and extension not in ("heic", "heif"):
        return BY_EXTENSION["mov"]
    if head.startswith(b"\x1aE\xdf\xa3"):
        return BY_EXTENSION["webm" if b"webm" in head[:64] else "mkv"]
    if b"%PDF-" in head[:1024]:
        return BY_EXTENSION["pdf"]
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(head, extension)
    if head.startswith(b"{\\rtf"):
        return BY_EXTENSION["rtf"]
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return BY_EXTENSION[extension] if extension in ("xls", "ppt") else BY_EXTENSION["doc"]
    if head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
        return BY_EXTENSION["wmv"]
    if head.startswith(b"FLV\x01"):
        return BY_EXTENSION["flv"]
    if head.startswith((b"\0\0\x01\xba", b"\0\0\x01\xb3")):
        return BY_EXTENSION["mpg"]
    if (head[:1] == b"G" and head[188:189] == b"G") or (head[4:5] == b"G" and head[196:197] == b"G"):
        return BY_EXTENSION["mts"]
    if head.startswith(b"8BPS"):
        return BY_EXTENSION["psd"]
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return BY_EXTENSION["bmp"]
    if head.startswith(b"OggS"):
        return BY_EXTENSION["ogv" if b"theora" in head[:256] else "ogg"]
    return None


def _isobmff(head: bytes) -> tuple[str, Kind, str | None]:
    major = head[8:12]
    size = max(16, min(int.from_bytes(head[:4], "big"), len(head)))
    brands = [major] + [head[at : at + 4] for at in range(16, size - 3, 4)]
    if major == b"crx ":
        return BY_EXTENSION["cr3"]
    if major == b"jxl ":
        return BY_EXTENSION["jxl"]
    if major in _AVIF_BRANDS or (major in _HEIF_BRANDS | _HEIF_SEQUENCES and _AVIF_BRANDS & set(brands)):
        return BY_EXTENSION["avif"]
    if major in _HEIF_SEQUENCES:
        return ("image/heic-sequence" if major != b"msf1" else "image/heif-sequence", "photo", "heif")
    if major in _HEIF_BRANDS:
        is_hevc = bool({b"heic", b"heix"} & set(brands))
        return BY_EXTENSION["heic" if is_hevc else "heif"]
    if major in (b"M4A ", b"M4B "):
        return BY_EXTENSION["m4a"]
    if major == b"qt  ":
        return BY_EXTENSION["mov"]
    if major[:3] == b"3gp" or major[:3] == b"3g2":
        return BY_EXTENSION[major[:3].decode()]
    return BY_EXTENSION["mp4"]


def _tiff(head: bytes, extension: str) -> tuple[str, Kind, str | None]:
    if head[8:10] == b"CR" and head[:2] in (b"II", b"MM"):
        return BY_EXTENSION["cr2"]
    named = BY_EXTENSION.get(extension)
    if named and named[2] == "raw":
        return named
    return BY_EXTENSION["tif"]


def _zip(head: bytes, extension: str) -> tuple[str, Kind, str | None] | None:
    for mark, kind in _DOCUMENT_ZIP:
        if mark.startswith(b"mimetype"):
            if head[30 : 30 + len(mark)] == mark:
                return BY_EXTENSION[kind]
        elif mark in head and b"[Content_Types].xml" in head[:2048]:
            named = BY_EXTENSION.get(extension)
            return named if named and named[2] == "office" else BY_EXTENSION[kind]
    named = BY_EXTENSION.get(extension)
    if named and (named[2] == "office" or extension in ("pages", "numbers")):
        return named
    return BY_EXTENSION["zip"]


def _is_text(head: bytes) -> bool:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    if not head or b"\0" in head:
        return False
    controls = sum(byte < 32 and byte not in (9, 10, 12, 13, 27) for byte in head[:1024])
    return controls == 0


def sniff(head: bytes, name: bytes | str) -> Guess:
    """What the file is whose first bytes are ``head`` (4 KiB are enough) and whose name is ``name``."""
    extension = extension_of(os.fsdecode(name))
    proved = _content(head, extension)
    if proved is not None:
        return Guess(*proved, "content")
    named = BY_EXTENSION.get(extension)
    if named is not None:
        if named[2] == "text" and head and not _is_text(head):
            return Guess(named[0], named[1], None, "name")
        return Guess(*named, "content" if named[2] == "text" and head else "name")
    if _is_text(head):
        if head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
            return Guess(*BY_EXTENSION["html"], "content")
        if not extension:
            return Guess("text/plain", "document", "text", "content")
        return Guess("text/plain", "other", None, "content")
    return Guess("application/octet-stream", "other", None, "name")
