"""The fake tree is only worth something while it is asked as the real one is."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from mount_fakes import FakeTree

import albumsd.mount
from albumsd.vfs.tree import Tree


def _asked() -> set[str]:
    """What the modules of the mount use of a ``tree`` or ``_tree``."""
    found = set()
    for module in Path(albumsd.mount.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith(("self.tree", "self._tree")):
                found.add(node.attr)
    return found


METHODS = sorted(_asked() - {"root"})


def test_the_methods_are_those_that_the_mount_uses() -> None:
    assert {"leaf", "content", "link_target", "preview_path", "xattrs", "folder_mtime_ns", "apply"} <= set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_what_the_real_one_takes(name: str) -> None:
    real, fake = (inspect.signature(getattr(tree, name)).parameters.values() for tree in (Tree, FakeTree))
    assert [(p.name, p.kind, p.default) for p in fake] == [(p.name, p.kind, p.default) for p in real]


def test_it_is_made_as_the_real_one_is_and_has_a_root() -> None:
    assert list(inspect.signature(FakeTree).parameters) == list(inspect.signature(Tree).parameters)
    assert "self.root" in inspect.getsource(FakeTree.__init__)
    assert "self.root" in inspect.getsource(Tree.__init__)
