"""What a file is by its name: extension to (kind, MIME type).

Used before anybody has looked inside (phase one of the index) and when the content says nothing. The
content, once read, wins.
"""

from __future__ import annotations

from .facts import Kind

_BY_KIND: dict[Kind, dict[str, str]] = {
    "photo": {
        "jpg": "image/jpeg", "jpeg": "image/jpeg", "jpe": "image/jpeg", "jfif": "image/jpeg", "png": "image/png",
        "webp": "image/webp", "gif": "image/gif", "tif": "image/tiff", "tiff": "image/tiff", "bmp": "image/bmp",
        "heic": "image/heic", "heif": "image/heif", "hif": "image/heif", "avif": "image/avif", "jxl": "image/jxl",
        "jp2": "image/jp2",
        "dng": "image/x-adobe-dng", "cr2": "image/x-canon-cr2", "cr3": "image/x-canon-cr3", "crw": "image/x-canon-crw",
        "nef": "image/x-nikon-nef", "nrw": "image/x-nikon-nrw", "arw": "image/x-sony-arw", "sr2": "image/x-sony-sr2",
        "rw2": "image/x-panasonic-rw2", "orf": "image/x-olympus-orf", "raf": "image/x-fuji-raf",
        "pef": "image/x-pentax-pef", "srw": "image/x-samsung-srw", "3fr": "image/x-hasselblad-3fr",
        "iiq": "image/x-phaseone-iiq", "rwl": "image/x-leica-rwl",
    },
    "video": {
        "mp4": "video/mp4", "m4v": "video/x-m4v", "mov": "video/quicktime", "qt": "video/quicktime",
        "mkv": "video/x-matroska", "webm": "video/webm", "avi": "video/x-msvideo", "mpg": "video/mpeg",
        "mpeg": "video/mpeg", "3gp": "video/3gpp", "3g2": "video/3gpp2", "mts": "video/mp2t", "m2ts": "video/mp2t",
        "wmv": "video/x-ms-wmv", "flv": "video/x-flv", "mp": "video/mp4", "mv": "video/mp4",
    },
    "document": {
        "pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "markdown": "text/markdown",
        "html": "text/html", "htm": "text/html", "rtf": "application/rtf", "csv": "text/csv",
        "doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "odt": "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet",
        "odp": "application/vnd.oasis.opendocument.presentation", "eml": "message/rfc822",
        "epub": "application/epub+zip",
    },
}  # fmt: skip

EXTENSIONS: dict[str, tuple[Kind, str]] = {
    extension: (kind, mime) for kind, table in _BY_KIND.items() for extension, mime in table.items()
}
"""``jpg`` to ``("photo", "image/jpeg")``."""

OTHER: tuple[Kind, str] = ("other", "application/octet-stream")


def extension(name: str) -> str:
    """The extension in lower case without its dot; empty if there is none."""
    _, dot, after = name.rpartition(".")
    return after.lower() if dot else ""


def of_name(name: str) -> tuple[Kind, str]:
    """Kind and MIME type by extension; ``("other", "application/octet-stream")`` if it says nothing."""
    return EXTENSIONS.get(extension(name), OTHER)


TYPE_OF_KIND: dict[str, str] = {"photo": "photos", "video": "videos", "document": "documents", "other": "other"}
"""The folder of a kind under by-type/."""

TYPE_OF_FLAG: dict[str, str] = {"motion": "live-photos"}
"""The folder of a flag of ``Facts`` under by-type/, where it is not the flag's own name."""
