"""Plain text, Markdown, HTML, mail, CSV and RTF: words, a title where the format has one, and the date of a mail."""

from __future__ import annotations

import codecs
import re
from email import policy
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser

from ...core.capture import from_moment
from ...core.facts import Facts
from ..errors import MediaError
from ..evidence import Evidence, clean, settle
from ..reader import Reader
from ..sniff import Guess
from ..source import Source

_BYTES_PER_CHAR = 4
_HEAD = 65_536
_MARKDOWN_TITLE = re.compile(r"^\s{0,3}#\s+(.+?)\s*#*\s*$|^([^\n]+)\n=+\s*$", re.MULTILINE)
_RTF_GROUP = re.compile(r"\{\\(?:\*|fonttbl|colortbl|stylesheet|info|pict)[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
_RTF_HEX = re.compile(r"\\'([0-9a-fA-F]{2})")
_RTF_UNICODE = re.compile(r"\\u(-?\d+)\s?\??")
_RTF_WORD = re.compile(r"\\([a-zA-Z]+)-?\d* ?|[{}]")
_CHARSET = re.compile(rb"charset=[\"']?([A-Za-z0-9_-]+)", re.IGNORECASE)


def decode(data: bytes) -> str:
    """Text of unknown encoding: by its byte order mark, else UTF-8 if it is that, else Windows-1252."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):  # fmt: skip
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and error.start:  # cut inside a character
            return data[: error.start].decode("utf-8")
        return data.decode("cp1252", "replace")


class _Words(HTMLParser):
    """The words of a page, and its title; nothing of scripts and styles."""

    _HIDDEN = frozenset({"script", "style", "template", "noscript"})
    _BLOCKS = frozenset(
        {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "title", "td", "th", "pre", "section"}
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.title: list[str] = []
        self._hidden = 0
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in self._HIDDEN
        self._in_title = self._in_title or tag == "title"
        if tag in self._BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag == "title":
            self._in_title = False
        if tag in self._BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        if not self._hidden:
            self.parts.append(data)


def html_text(page: str) -> str:
    """The words of an HTML page, without scripts and styles."""
    words = _Words()
    words.feed(page)
    words.close()
    return re.sub(r"[ \t]*\n\s*\n*", "\n", "".join(words.parts)).strip()


def _html_title(page: str) -> str | None:
    words = _Words()
    words.feed(page)
    return clean("".join(words.title))


def _html_decode(data: bytes) -> str:
    found = _CHARSET.search(data[:2048])
    if found:
        try:
            return data.decode(found[1].decode("ascii"), "replace")
        except LookupError:
            return decode(data)
    return decode(data)


def _rtf_text(data: bytes) -> str:
    body = _RTF_GROUP.sub("", data.decode("latin-1"))
    body = _RTF_HEX.sub(lambda found: bytes([int(found[1], 16)]).decode("cp1252", "replace"), body)
    body = _RTF_UNICODE.sub(lambda found: chr(int(found[1]) & 0xFFFF), body)
    body = _RTF_WORD.sub(lambda found: "\n" if found[1] in ("par", "line") else "", body)
    return body.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()


def _mail(data: bytes) -> tuple[Evidence, str]:
    message = BytesParser(policy=policy.default).parsebytes(data)
    found = Evidence(title=clean(message["subject"]))
    try:
        moment = parsedate_to_datetime(str(message["date"])) if message["date"] else None
    except (TypeError, ValueError):
        moment = None
    claim = from_moment(moment, "xmp") if moment is not None and moment.tzinfo else None
    found.claims = [claim] if claim else []
    heading = [f"{name}: {message[name]}" for name in ("From", "To", "Cc", "Subject", "Date") if message[name]]
    body = message.get_body(preferencelist=("plain", "html"))
    words = ""
    if body is not None:
        try:
            words = str(body.get_content())
        except (KeyError, LookupError, ValueError):
            words = decode(bytes(body.get_payload(decode=True) or b""))
        if body.get_content_subtype() == "html":
            words = html_text(words)
    return found, "\n".join(heading) + "\n\n" + words


def facts(source: Source, guess: Guess) -> Facts:
    head = source.read(0, _HEAD)
    found = Evidence()
    if guess.mime == "message/rfc822":
        found, _ = _mail(head)
    elif "html" in guess.mime:
        found.title = _html_title(_html_decode(head))
    elif guess.mime == "text/markdown":
        title = _MARKDOWN_TITLE.search(decode(head))
        found.title = clean(title[1] or title[2]) if title else None
    return settle(guess.kind, guess.mime, [found])


def text(source: Source, limit: int) -> str:
    from ..sniff import sniff

    mime = sniff(source.head, source.name).mime
    data = source.read(0, min(source.size, limit * _BYTES_PER_CHAR))
    if mime == "message/rfc822":
        try:
            words = _mail(data)[1]
        except (ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise MediaError("corrupt", str(error)) from None
    elif "html" in mime:
        words = html_text(_html_decode(data))
    elif mime == "application/rtf":
        words = _rtf_text(data)
    else:
        words = decode(data)
    return words.replace("\0", "")[:limit]


READER = Reader(
    name="text",
    help="Plain text, Markdown, HTML, mail, CSV and RTF.",
    example="notes.md",
    facts=facts,
    text=text,
)
