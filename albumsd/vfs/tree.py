"""The root, and what hangs from it; inode → leaf; contents. What a change of rows does to names is in ``effects``.

    /  README.txt  <views>  search/  filter/  sources/  status/          originals
       previews/   <views>  search/  filter/                             as WebP
       info/       <views>  search/  filter/                             as text
       links/      <views>  search/  filter/                             as symbolic links
    filter/<query>/  <views>, narrowed. A rendition or a filter does not list itself again: the tree is finite.

One ``Tree`` per process. Every method is safe to call from several threads: each is given its own ``Reader``, and
what is shared (``context``) changes under a lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from albumsd.core.config import Config
from albumsd.core.errors import Changed
from albumsd.core.ids import split_asset_inode
from albumsd.query.tree import Everything, Node
from albumsd.store import lookups
from albumsd.store.changes import Change
from albumsd.store.database import Reader
from albumsd.views import VIEWS, View

from . import info, readmes, renditions
from .context import Context
from .effects import Effects, Held, effects_of
from .folders.copies import GroupsFolder
from .folders.disk import SourcesFolder
from .folders.fixed import FixedFolder, Maker, text_leaf
from .folders.grouped import GroupedFolder
from .folders.queries import FilterFolder, SearchFolder
from .folders.texts import TextsFolder, source_texts, status_texts
from .node import Content, Folder, Leaf
from .renditions import FORMS, ORIGINALS, Form


class Tree:
    """The whole mount as plain objects."""

    def __init__(self, config: Config, reader: Reader) -> None:
        self.config = config
        self.context = Context(config, reader)
        self.root: Folder = FixedFolder(self.context, (), self._root_children(config))

    # ------------------------------------------------------------------------------------ shape

    def _root_children(self, config: Config) -> dict[str, Maker]:
        children: dict[str, Maker] = {"README.txt": self._readme}
        children |= self._view_children((), ORIGINALS, Everything())
        children |= self._query_children((), ORIGINALS)
        children["sources"] = lambda _: TextsFolder(self.context, ("sources",), source_texts)
        children["status"] = lambda _: TextsFolder(self.context, ("status",), partial(status_texts, str(config.mount)))
        for form in FORMS:
            if form.folder:
                children[form.folder] = self._form_maker(form)
        return children

    def _readme(self, reader: Reader) -> Leaf:
        missing = readmes.advice(reader, self.config, self.context.opened_ns)
        return text_leaf(("README.txt",), readmes.root_readme(missing), self.context.changed_ns)

    def _form_maker(self, form: Form) -> Maker:
        top = (form.folder,)
        children = self._view_children(top, form, Everything()) | self._query_children(top, form)
        return lambda _: FixedFolder(self.context, top, children)

    def _query_children(self, top: tuple[str, ...], form: Form) -> dict[str, Maker]:
        return {
            "search": lambda _: SearchFolder(self.context, (*top, "search"), form),
            "filter": lambda _: FilterFolder(self.context, (*top, "filter"), form, self.views_folder),
        }

    def _view_children(self, top: tuple[str, ...], form: Form, narrow: Node) -> dict[str, Maker]:
        return {view.name: self._view_maker(view, (*top, view.name), form, narrow) for view in VIEWS}

    def _view_maker(self, view: View, path: tuple[str, ...], form: Form, narrow: Node) -> Maker:
        if view.layout == "disk":
            return lambda _: SourcesFolder(self.context, path, form, narrow)
        if view.layout == "copies":
            return lambda _: GroupsFolder(self.context, path, view, form, narrow)
        return lambda _: GroupedFolder(self.context, path, view, form, narrow)

    def views_folder(self, path: tuple[str, ...], form: Form, narrow: Node) -> Folder:
        """All views, narrowed: what filter/<query>/ is."""
        return FixedFolder(self.context, path, self._view_children(path, form, narrow))

    # ------------------------------------------------------------------------------------ leaves

    def leaf(self, reader: Reader, inode: int) -> Leaf | None:
        """An asset's leaf from its inode alone; None when the asset or its rendition is gone."""
        parts = split_asset_inode(inode)
        row = lookups.asset(reader, parts[0]) if parts else None
        if parts is None or row is None or parts[1] not in renditions.BY_RENDITION:
            return None
        return renditions.BY_RENDITION[parts[1]].leaf(reader, (row.id, row.size, row.mtime_ns))

    def content(self, reader: Reader, leaf: Leaf) -> bytes:
        """The bytes of an INFO or TEXT leaf. Raises Changed when the asset is gone."""
        if leaf.content is Content.TEXT:
            return leaf.text
        data = info.render(reader, leaf.asset)
        if data is None:
            raise Changed(name=leaf.asset)
        return data

    def link_target(self, reader: Reader, leaf: Leaf) -> bytes:
        """Where a LINK leaf points. Raises Changed when the asset has no file any more."""
        target = leaf.text or renditions.link_target(reader, leaf.asset)
        if not target:
            raise Changed(name=leaf.asset)
        return target

    def preview_path(self, reader: Reader, leaf: Leaf) -> Path:
        """The file that holds a PREVIEW leaf's bytes. Raises Changed when it has none."""
        row = lookups.asset(reader, leaf.asset)
        if row is None or row.sha256 is None:
            raise Changed(name=leaf.asset)
        digest = row.sha256.hex()
        return self.config.previews / digest[:2] / f"{digest}.webp"

    def xattrs(self, reader: Reader, leaf: Leaf) -> dict[bytes, bytes]:
        """Extended attributes of a leaf; none for texts without an asset."""
        return info.xattrs(reader, leaf.asset) if leaf.asset else {}

    # ------------------------------------------------------------------------------------ changes

    def folder_mtime_ns(self, folder: Folder) -> int:
        """When something in the folder last changed."""
        return self.context.times.get(folder.path, self.context.changed_ns)

    def apply(self, reader: Reader, rows: Sequence[Change], held: Held) -> Effects:
        """What ``rows`` do to the names in folders for which ``held`` is true. Runs in a worker thread."""
        return effects_of(self.context, reader, rows, held)
