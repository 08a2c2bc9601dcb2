"""The program that may use the network: one command starts it, and nothing else knows it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "albumsd"
NETWORK = {"http", "ssl", "urllib", "ftplib", "smtplib", "socketserver", "requests", "httpx", "huggingface_hub"}


def modules(*words: str) -> dict[str, ast.Module]:
    """By path in the package, all but the program's own, those in which one of the words stands."""
    texts = {path.relative_to(PACKAGE): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    assert len(texts) > 100
    return {
        str(path): ast.parse(text)
        for path, text in texts.items()
        if path.parts[0] != "fetch" and any(word in text for word in words)
    }


def imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module or ''}.{alias.name}".strip(".") for alias in node.names} | {node.module or ""}
    return found


def code_strings(tree: ast.Module) -> list[str]:
    """What stands in the code as text, without docstrings."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    ]


def test_one_command_starts_it_and_nothing_else_names_it():
    trees = modules("fetch", "pulling")
    assert [path for path, tree in trees.items() if any("albumsd.fetch" in text for text in code_strings(tree))] == [
        "cli/pulling.py"
    ]
    assert [path for path, tree in trees.items() if any("pulling" in name for name in imports(tree))] == [
        "cli/commands/models.py"
    ]
    assert [path for path, tree in trees.items() if any("fetch" in name.split(".") for name in imports(tree))] == []


def test_no_other_module_imports_a_library_of_the_network():
    wrong = {path: imports(tree) for path, tree in modules(*NETWORK).items()}
    assert {path for path, names in wrong.items() if {name.split(".")[0] for name in names} & NETWORK} == set()


def test_no_process_of_a_library_carries_it():
    """What `albumsd run` starts imports neither the program nor what it fetches with."""
    code = (
        "import albumsd.mount.process, albumsd.indexer.process, albumsd.brain.process, albumsd.cli.supervisor, sys;"
        "print([m for m in sys.modules if m.startswith(('albumsd.fetch', 'urllib.request', 'http.client'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
