"""The tour of the demo: a few looks into the mount, each compared with the truth about the drawn library.

``Tour.steps`` are run in order against the mounted folder with nothing but file operations, as any program would do
it, from a process that does not serve the mount. A step prints what it sees and gives the list of what is not as
it must be; an empty list is a pass. What comes a moment later (meaning, while the model is being loaded; clusters, when
everything is embedded) is looked at again, as a person would, for at most PATIENCE_S.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from albumsd.core import names

from .story import ABSENT
from .truth import DemoFile, DemoLibrary

Problems = list[str]
QUERY = "warranty letter"
LETTER = "warranty"
PATIENCE_S = 60.0
AGAIN_S = 1.0
WORTH_ASKING = 4
"""A query about what is in the pictures has at least so many answers."""


class Step(NamedTuple):
    title: str
    run: Callable[[], Problems]


@dataclass(slots=True)
class Tour:
    """The truth, where it is mounted, where to print, and whether a model is there to see what is in the pictures."""

    library: DemoLibrary
    mount: Path
    say: Callable[[str], None]
    meaning: bool = False
    rest: Callable[[float], None] = time.sleep
    """Between two looks at what is still to come."""

    def steps(self) -> list[Step]:
        steps = [
            Step("The mount is a folder tree that nobody had to make", self.tree),
            Step("Every photo stands in its month", self.months),
            Step("Bytes are true: the mount gives the originals, bit for bit", self.bytes_are_true),
            Step("A search is a folder", self.search),
            Step("Places, without a network", self.place),
            Step("A filter is all views again", self.filter),
            Step("Exact duplicates", self.duplicates),
            Step("Broken files are named, and harm nothing", self.problems),
            Step("Previews", self.previews),
        ]
        if self.meaning:
            steps += [
                Step("A search finds what is in the pictures", self.seen),
                Step("What is in no picture is not found", self.unseen),
                Step("Tags and captions that nobody typed", self.described),
                Step("Pictures that belong together", self.clusters),
            ]
        else:
            steps.append(Step("What is missing is said in one line", self.missing))
        return steps

    # ------------------------------------------------------------------------------------ steps

    def tree(self) -> Problems:
        shown = sorted(os.listdir(self.mount))
        self._lines("./", shown)
        years = sorted(os.listdir(self.mount / "by-date"))
        self._lines("by-date/", years)
        wanted = {file.month[:4] for file in self._pictures() if file.month}
        return [f"by-date/{year} is missing" for year in sorted(wanted - set(years))]

    def months(self) -> Problems:
        """Every file of the truth, by its hash, in the month that the truth says."""
        where = {path.name: path for path in _files(self.mount / "by-date")}
        found: dict[str, set[str]] = {}
        for path in where.values():
            found.setdefault(_digest(path), set()).add(path.parent.name)
        wrong = []
        for file in self._pictures():
            months = found.get(_digest(self.library.folder / os.fsdecode(file.path)), set())
            if file.month and file.month not in months:
                wrong.append(f"{names.decode(file.path)} is not in {file.month} but in {sorted(months) or 'no month'}")
        self.say(f"  {len(where)} files in by-date, {len(self._pictures())} photos and videos compared with the truth")
        return wrong

    def bytes_are_true(self) -> Problems:
        originals = {_digest(self.library.folder / os.fsdecode(file.path)) for file in self.library.files}
        shown = list(_files(self.mount / "by-folder"))
        strange = [str(path) for path in shown if _digest(path) not in originals]
        self.say(f"  {len(shown)} files read through by-folder, SHA-256 of each is that of an original")
        if len(shown) < len(self.library.files):
            strange.append(f"by-folder shows {len(shown)} of {len(self.library.files)} files")
        return strange

    def search(self) -> Problems:
        results = sorted(os.listdir(self.mount / "search" / QUERY))
        self._lines(f"search/{QUERY}/", results)
        if not results or LETTER not in results[0].casefold():
            return [f"the first result of {QUERY!r} is {results[:1]}"]
        return []

    def place(self) -> Problems:
        cities: dict[str, set[str]] = {}
        for path in _files(self.mount / "by-place"):
            for part in path.relative_to(self.mount / "by-place").parts[:-1]:
                cities.setdefault(part, set()).add(path.name)
        self.say("  by-place/" + "  ".join(sorted(os.listdir(self.mount / "by-place"))))
        wanted: dict[str, int] = {}
        for file in self._pictures():
            if file.city and not file.same:
                wanted[file.city] = wanted.get(file.city, 0) + 1
        return [
            f"{city}: {len(cities.get(city, ()))} of {number} pictures"
            for city, number in sorted(wanted.items())
            if len(cities.get(city, ())) < number
        ]

    def filter(self) -> Problems:
        top = self.mount / "filter" / "place=lisbon type=photos"
        years = sorted(os.listdir(top / "by-date"))
        self._lines("filter/place=lisbon type=photos/by-date/", years)
        wanted = {f.month[:4] for f in self._pictures() if f.city == "Lisbon" and f.month and f.kind == "photo"}
        return [] if set(years) == wanted else [f"years in Lisbon are {years}, not {sorted(wanted)}"]

    def duplicates(self) -> Problems:
        groups = sorted(os.listdir(self.mount / "duplicates"))
        truth = self.library.duplicates()
        if groups:
            self._lines(f"duplicates/{groups[0]}/", sorted(os.listdir(self.mount / "duplicates" / groups[0])))
        self.say(f"  {len(groups)} groups")
        sizes = sorted(len(os.listdir(self.mount / "duplicates" / group)) for group in groups)
        wanted = sorted(len(members) for members in truth.values())
        return [] if sizes == wanted else [f"groups have {sizes} copies, not {wanted}"]

    def problems(self) -> Problems:
        shown = {path.name: path.parent.name for path in _files(self.mount / "problems")}
        for name, reason in sorted(shown.items()):
            self.say(f"  problems/{reason}/{name}")
        broken = [names.decode(file.path.rsplit(b"/", 1)[-1]) for file in self.library.files if file.broken]
        return [f"{name} is not under problems/" for name in broken if name not in shown]

    def previews(self) -> Problems:
        number, wrong = 0, []
        for path in _files(self.mount / "previews" / "by-date"):
            number += 1
            with path.open("rb") as source:
                head = source.read(12)
            if head[:4] != b"RIFF" or head[8:] != b"WEBP":
                wrong.append(f"{path} is no WebP")
        self.say(f"  {number} previews, all WebP")
        photos = [file for file in self._pictures() if not file.broken and not file.same]
        return wrong + ([] if number >= len(photos) else [f"{number} previews for {len(photos)} pictures"])

    def seen(self) -> Problems:
        """The colour and object that is drawn most often, in words of no caption: those pictures come first."""
        drawn: dict[tuple[str, str], set[str]] = {}
        for file in self._pictures():
            if file.scene:
                sha = _digest(self.library.folder / os.fsdecode(file.path))
                drawn.setdefault((file.scene.colour, file.scene.object), set()).add(sha)
        (colour, thing), right = max(drawn.items(), key=lambda pair: (len(pair[1]), pair[0]))
        query = f"a photo of {'an' if colour[0] in 'aeiou' else 'a'} {colour} {thing}"
        folder, wanted = self.mount / "search" / query, min(WORTH_ASKING, len(right))
        self._until(lambda: len(os.listdir(folder)) >= wanted)
        results = sorted(folder.iterdir())
        self._lines(f"search/{query}/", [path.name for path in results])
        first = results[: max(WORTH_ASKING, len(right) // 2)]
        wrong = [f"{path.name} shows no {colour} {thing}" for path in first if _digest(path) not in right]
        if len(first) < wanted:
            wrong.append(f"only {len(first)} found of {len(right)}")
        why = sorted((self.mount / "info" / "search" / query).iterdir())
        told = [row for path in why for row in path.read_text().splitlines() if row.startswith("Found by")]
        self.say(f"    why: {told[0] if told else '?'}")
        return wrong + [f"no meaning in it: {row}" for row in told if "meaning" not in row]

    def unseen(self) -> Problems:
        colour, thing = min(ABSENT)
        wrong = []
        for query in (f"a {colour} {thing} on the beach", "qwrx zvlkpt"):
            results = sorted(os.listdir(self.mount / "search" / query))
            self.say(f"  search/{query}/ is {'empty' if not results else 'not empty'}")
            wrong += [f"{name} is found by {query!r}" for name in results]
        return wrong

    def described(self) -> Problems:
        tags = sorted(os.listdir(self.mount / "by-tag"))
        self._lines("by-tag/", tags)
        wanted = {file.scene.object for file in self._pictures() if file.scene}
        for path in sorted(_files(self.mount / "info" / "by-date"))[:40]:
            rows = [row for row in path.read_text().splitlines() if row.startswith("Caption")]
            if rows:
                self.say(f"  {path.name}: {rows[0]}")
                break
        else:
            return ["no picture has a caption"]
        return [f"by-tag/{thing} is missing" for thing in sorted(wanted - set(tags))]

    def clusters(self) -> Problems:
        self._until(lambda: bool(os.listdir(self.mount / "clusters")))
        labels = sorted(os.listdir(self.mount / "clusters"))
        self._lines("clusters/", [f"{label}/ ({len(os.listdir(self.mount / 'clusters' / label))})" for label in labels])
        return [] if labels else ["clusters/ is empty"]

    def missing(self) -> Problems:
        """Without a model."""
        told = [row for row in (self.mount / "README.txt").read_text().splitlines() if "by words only" in row]
        for row in told:
            self.say(f"  README.txt: {row}")
        return [] if told else ["README.txt does not say that meaning is missing"]

    # ------------------------------------------------------------------------------------ help

    def _until(self, enough: Callable[[], bool]) -> None:
        """Look again and again until it is enough, or long enough."""
        for _ in range(round(PATIENCE_S / AGAIN_S)):
            if enough():
                return
            self.rest(AGAIN_S)

    def _pictures(self) -> list[DemoFile]:
        return [file for file in self.library.files if file.kind in ("photo", "video") and not file.broken]

    def _lines(self, head: str, rows: list[str]) -> None:
        self.say(f"  {head}")
        for row in rows[:24]:
            self.say(f"    {row}")
        if len(rows) > 24:
            self.say(f"    … and {len(rows) - 24} more")


def _files(top: Path) -> Iterator[Path]:
    for folder, _, found in os.walk(top):
        for name in found:
            yield Path(folder, name)


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
