"""The one table of what can be asked about an asset: attributes, types, flags, text scopes.

Views group by these names, query nodes name them, ``albumsd.search`` maps each to SQL. An attribute that is not
here does not exist. Kinds: ``text`` (one text), ``number``, ``date`` (text that sorts by time), ``multi`` (any
number of texts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AttributeKind = Literal["text", "number", "date", "multi"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; ``help`` is a sentence that says its unit or form."""

    name: str
    kind: AttributeKind
    help: str


ATTRIBUTES: tuple[Attribute, ...] = (
    # when: the wall clock at the place of capture
    Attribute("day", "date", "The day of capture, YYYY-MM-DD."),
    Attribute("week", "date", "The ISO week of capture, YYYY-Www."),
    Attribute("week_year", "date", "The year of the ISO week of capture, YYYY; around New Year not the day's."),
    Attribute("month", "date", "The month of capture, YYYY-MM."),
    Attribute("year", "date", "The year of capture, YYYY."),
    Attribute("origin", "text", "Source of the capture time: exif, gps, video, xmp, takeout, name, folder or mtime."),
    # where
    Attribute("country", "text", "The country of the position."),
    Attribute("region", "text", "The region, state or district."),
    Attribute("city", "text", "The city or village."),
    Attribute("hood", "text", "The neighbourhood, where the data has one."),
    Attribute("place", "multi", "Country, region, city and neighbourhood together."),
    Attribute("position", "number", "Latitude and longitude; can only be asked for by has= and near=."),
    Attribute("lat", "number", "Degrees north."),
    Attribute("lon", "number", "Degrees east."),
    # with what
    Attribute("camera", "text", "Make and model of the camera."),
    Attribute("lens", "text", "The lens."),
    Attribute("aperture", "number", "The f-number."),
    Attribute("shutter_s", "number", "Exposure time in seconds."),
    Attribute("iso", "number", "Sensitivity as an ISO number."),
    Attribute("focal_mm", "number", "Focal length in millimetres."),
    # what it is
    Attribute("name", "text", "The shown name."),
    Attribute("kind", "text", "photo, video, document or other."),
    Attribute("mime", "text", "The media type, such as image/jpeg."),
    Attribute("extension", "text", "The extension in small letters, without the dot."),
    Attribute("width", "number", "Pixels across, upright."),
    Attribute("height", "number", "Pixels down, upright."),
    Attribute("duration_s", "number", "Length of a video in seconds."),
    Attribute("size", "number", "Bytes."),
    Attribute("type", "multi", "The kinds of thing it is, see TYPES."),
    Attribute("problem", "multi", "Why it could not be fully read: the folder names under problems/."),
    # where it lies
    Attribute("source", "multi", "The names of the sources that hold it."),
    Attribute("folder", "multi", "The folders that hold it, below their source."),
    # what it says, and what was said about it
    Attribute("rating", "number", "Stars, 1 to 5."),
    Attribute("tag", "multi", "Tags, from the file, its sidecar or you, and those that a model suggests."),
    Attribute("cluster", "multi", "The group of alike pictures it is in: the folder names under clusters/."),
    Attribute("person", "multi", "People named in it."),
    Attribute("album", "multi", "Albums it is in."),
    Attribute("title", "text", "Its title."),
    Attribute("description", "text", "Its description."),
    Attribute("caption", "text", "Its caption; where nobody wrote one, a model's."),
    Attribute("text", "text", "The text inside a document."),
)

BY_NAME: dict[str, Attribute] = {attribute.name: attribute for attribute in ATTRIBUTES}

TYPES: dict[str, str] = {
    "photos": "Pictures of any format.",
    "videos": "Moving pictures; Live Photos are photos.",
    "documents": "PDF, office documents, Markdown, plain text.",
    "other": "Files that are neither picture, video nor document.",
    "raw": "The camera's raw data (DNG, CR2, NEF, ARW …).",
    "live-photos": "Photos with a short video, in one file or beside it.",
    "screenshots": "Pictures of a screen.",
    "panoramas": "Very wide or spherical pictures.",
    "animated": "GIF, WebP and AVIF that move.",
}
"""Values of the attribute ``type`` and the folder names of by-type/; an asset may be of several."""

FLAGS: dict[str, str] = {
    "offline": "No file of it is on a drive that is here.",
    "undated": "Its date is only a guess by the time of the file.",
    "provisional": "Found, but not yet read.",
    "problem": "Something in it could not be read.",
}
"""Values of ``Flag.name``."""

SCOPES: dict[str, str] = {
    "path": "The names of the file and of the folders above it.",
    "text": "The text inside a document, and no other field.",
    "title": "Title, description, caption and tags, a model's too.",
}
"""Values of ``Text.scope``; without one a Text looks into the whole search document."""
