"""search/ and filter/: a search is a folder.

``search/<query>/`` lists ranked results, ``001 IMG_1.jpg``; it is computed when the folder is opened, and kept, so
that a name once shown means the same asset while the query is remembered. It is computed each time the folder is
opened: what was not there before (a new file; what meaning found when the model was loaded) comes after what was shown.
Each result keeps the reason for which it was shown. ``filter/<query>/`` holds all views again, narrowed to the query.
A stat or lookup runs nothing and saves nothing: any plausible query "exists".
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence

from albumsd.core import names
from albumsd.core.errors import LibraryFull, NotFound, QueryError, StoreBusy
from albumsd.core.ids import computed_inode
from albumsd.query import parser
from albumsd.query.fold import canonical
from albumsd.query.tree import Everything, Node
from albumsd.search import chosen, run, selections
from albumsd.store import lookups, queries
from albumsd.store.database import Reader

from .. import info, readmes
from ..context import Context
from ..node import Content, Entry, Folder, Leaf, Listing
from ..renditions import INFO, Form, encode
from .fixed import ListListing, text_leaf

log = logging.getLogger(__name__)

_RANKED = re.compile(r"(\d{3,}) (.+)", re.DOTALL)

_PROBES = re.compile(
    r"(folder|cover|albumart\w*)\.(jpe?g|png|gif)|~\$.*|.*\.(part|partial|crdownload|download|tmp|ini|inf|lnk|desktop|db)",
    re.IGNORECASE,
)
"""Names that programs ask for in any folder, or make while they copy. Nobody searches for them."""


def is_query(name: bytes, today: str) -> bool:
    """Whether a name in search/ or filter/ stands for a query. Parses it, runs nothing."""
    return _PROBES.fullmatch(name.decode("utf-8", "replace")) is None and parser.plausible(name, today)


def ranked_name(rank: int, name: str) -> str:
    """``001 IMG_1.jpg``"""
    return f"{rank:03d} {name}"


class SearchFolder(Folder):
    """search/: any plausible name is a query; listed are those that were listed before."""

    __slots__ = ("form",)

    volatile = True

    def __init__(self, context: Context, path: tuple[str, ...], form: Form) -> None:
        super().__init__(context, path)
        self.form = form

    def child(self, text: str) -> ResultsFolder:
        return ResultsFolder(self.context, (*self.path, text), self.form, text)

    def _readme(self, reader: Reader) -> Leaf:
        missing = readmes.meaning(reader, self.context.config, self.context.opened_ns)
        return text_leaf((*self.path, "README.txt"), readmes.search_readme(missing), self.context.changed_ns)

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        if name == b"README.txt":
            return self._readme(reader)
        if not is_query(name, self.context.today()):
            raise NotFound(name=name)
        return self.child(name.decode())

    def open(self, reader: Reader) -> Listing:
        rows: list[tuple[bytes, Folder | Leaf]] = [(b"README.txt", self._readme(reader))]
        for text, _ in queries.recent(reader):
            if names.sanitise(text) == text:  # the name rule holds for listed names; the others can be typed
                rows.append((encode(text), self.child(text)))
        return ListListing(rows)


class ResultsFolder(Folder):
    """search/<query>/: ranked files."""

    __slots__ = ("form", "text")

    def __init__(self, context: Context, path: tuple[str, ...], form: Form, text: str) -> None:
        super().__init__(context, path)
        self.form, self.text = form, text

    @property
    def key(self) -> str:
        return canonical(self.text)

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        """By the shown name behind the rank. A remembered query answers for the names it has shown only."""
        asked = self.form.asked_for(name)
        found = _RANKED.fullmatch(asked.decode("utf-8", "replace")) if asked else None
        if found:
            rank, shown = int(found[1]), found[2]
            row = selections.by_name(reader, Everything(), shown)
            hit = queries.hit(reader, self.key, rank) if row else None
            leaf = None
            if row and hit is None:
                leaf = self.form.leaf(reader, (row.id, row.size, row.mtime_ns))
            elif row and hit and hit.asset == row.id:
                leaf = self.leaves(reader, [(hit, row)])[0]
            if leaf:
                return leaf
        raise NotFound(name=name)

    def leaves(self, reader: Reader, shown: Sequence[tuple[queries.Ranked, selections.Selected]]) -> list[Leaf | None]:
        """A leaf for each result. Info says why it was found, so there it is a text of this folder's own."""
        if self.form is not INFO:
            return self.form.leaves(reader, [(row.id, row.size, row.mtime_ns) for _, row in shown])
        return [self._explained(reader, hit, row) for hit, row in shown]

    def _explained(self, reader: Reader, hit: queries.Ranked, row: selections.Selected) -> Leaf | None:
        data = info.render(reader, row.id, hit.why)
        if data is None:
            return None
        inode = computed_inode((*self.path, ranked_name(hit.rank, row.name)))
        return Leaf(inode, len(data), row.mtime_ns, Content.TEXT, row.id, data)

    def open(self, reader: Reader) -> Listing:
        config = self.context.config
        try:
            results = run.search(
                reader,
                self.text,
                today=self.context.today(),
                limit=config["search_results"],
                brain=config.run / run.SOCKET,
                model=chosen.is_chosen(reader, config, self.context.opened_ns),
                deadline_s=config["search_deadline_s"],
            )
        except QueryError:
            raise NotFound(name=self.text) from None
        try:
            self.context.remember(self.key, self.text, results.hits)
        except (StoreBusy, LibraryFull) as error:  # the results can be shown all the same, but their ranks are not kept
            log.warning("search/%s is not remembered: %s", self.text, error)
            return ResultsListing(self, [queries.Ranked(n, *hit) for n, hit in enumerate(results.hits, 1)])
        return ResultsListing(self, queries.ranked(reader, self.key) or [])


class ResultsListing(Listing):
    """The kept results by rank; cookie = rank. At most ``search_results`` rows."""

    def __init__(self, folder: ResultsFolder, ranked: list[queries.Ranked]) -> None:
        self._folder = folder
        self._ranked = ranked

    def page(self, reader: Reader, cookie: int, count: int) -> list[Entry]:
        folder = self._folder
        while True:  # a whole page may have no such rendition: that is not the end
            hits = [hit for hit in self._ranked if hit.rank > cookie][:count]
            rows = lookups.assets(reader, [hit.asset for hit in hits])
            shown = [
                (hit, selections.Selected(row.id, row.name, row.size, row.mtime_ns))
                for hit in hits
                if (row := rows.get(hit.asset))
            ]
            entries = [
                Entry(folder.form.name_of(encode(ranked_name(hit.rank, row.name))), hit.rank, leaf)
                for (hit, row), leaf in zip(shown, folder.leaves(reader, shown), strict=True)
                if leaf
            ]
            if entries or not hits:
                return entries
            cookie = hits[-1].rank


class FilterFolder(Folder):
    """filter/: any plausible name is a query whose folder holds all views, narrowed. Lists none of them: finite."""

    __slots__ = ("_views", "form")

    slow_listing = False

    def __init__(
        self,
        context: Context,
        path: tuple[str, ...],
        form: Form,
        views: Callable[[tuple[str, ...], Form, Node], Folder],
    ) -> None:
        """``views`` makes the folder of all views at a path, in a form, narrowed to a selection."""
        super().__init__(context, path)
        self.form, self._views = form, views

    def _readme(self) -> Leaf:
        return text_leaf((*self.path, "README.txt"), readmes.filter_readme(), self.context.opened_ns)

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        if name == b"README.txt":
            return self._readme()
        if not is_query(name, self.context.today()):
            raise NotFound(name=name)
        text = name.decode()
        path = (*self.path, text)
        try:
            selection = run.filter_selection(text, self.context.today())
        except QueryError:  # it can be ranked, but selects nothing
            raise NotFound(name=name) from None
        self.context.filters.touch(path, self.form)
        return self._views(path, self.form, selection)

    def open(self, reader: Reader) -> Listing:
        return ListListing([(b"README.txt", self._readme())])
