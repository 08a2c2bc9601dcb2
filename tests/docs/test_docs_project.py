"""The project's own papers agree with the tree: links lead somewhere, named tests exist, what is imported is declared and pinned."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAPERS = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "systemd").glob("*.md"))]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
BASE, MEANING = (ROOT / "contrib" / name for name in ("requirements.lock", "meaning.lock"))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~;\[ ]", name)[0]).lower()


def pins(lock: Path) -> dict[str, str]:
    """Package to its line in a file of exact versions."""
    lines = [line for line in lock.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return {canonical(line): line for line in lines}


def imported() -> set[str]:
    """Top-level names of what albumsd imports from outside, or looks for by name, wherever in a module it stands."""
    found: set[str] = set()
    for path in (ROOT / "albumsd").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.split(".")[0])
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("find_spec", "import_module")):
                found |= {str(word.value).split(".")[0] for word in node.args if isinstance(word, ast.Constant)}
    return found - set(sys.stdlib_module_names) - {"albumsd"}


def test_links_between_papers_lead_somewhere():
    broken = [
        f"{paper.relative_to(ROOT)}: {target}"
        for paper in PAPERS
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", paper.read_text("utf-8"))
        if "://" not in target and not (paper.parent / target).exists()
    ]
    assert len(PAPERS) > 5
    assert not broken


def is_there(name: str) -> bool:
    """Whether a clone has the file or folder: git tracks it, or would (it is new and not ignored). Outside git: it exists."""
    if not (ROOT / ".git").exists():
        return (ROOT / name).exists()
    listed = subprocess.run(
        ["git", "-C", ROOT, "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others", "--exclude-standard", "--", name],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    return (ROOT / name).exists() and bool(listed.stdout)


def test_tests_named_in_papers_exist():
    named = {name for paper in PAPERS for name in re.findall(r"`(tests/[\w/.-]+)`", paper.read_text("utf-8"))}
    assert len(named) > 10
    assert {name for name in named if not is_there(name)} == set()


def test_functions_named_in_papers_exist():
    """`test_x`, with or without the file before it, in a paper means a test function of that name."""
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    named = {name for paper in PAPERS for name in re.findall(r"`(test_\w+)`", paper.read_text("utf-8"))}
    assert len(named) > 10
    assert named - defined == set()


def test_modules_named_in_papers_exist():
    """`vfs/tree.py` and `albumsd/vfs/tree.py` are files of the package; `store.assets.refresh` is a function or class in it."""
    wrong = set()
    for paper in (ROOT / "docs" / "architecture.md", ROOT / "docs" / "invariants.md", ROOT / "CONTRIBUTING.md"):
        text = paper.read_text("utf-8")
        wrong |= {
            name
            for name in re.findall(r"`(?:albumsd/)?((?:\w+/)+\w+\.(?:py|sql))`", text)
            if not name.startswith("tests/") and not (ROOT / "albumsd" / name).exists()
        }
        for name in re.findall(r"`(\w+(?:\.\w+)+)\(?\)?`", text):
            first, *rest = name.split(".")
            if (ROOT / "albumsd" / first / "__init__.py").exists() and not resolves(first, rest):
                wrong.add(name)
    assert wrong == set()


def resolves(package: str, rest: list[str]) -> bool:
    """Whether the dotted name leads to a module, or to something in one: a function, a class, one of its methods."""
    path = ROOT / "albumsd" / package
    while rest and (path / rest[0]).is_dir():
        path /= rest.pop(0)
    if rest and (path / f"{rest[0]}.py").exists():
        path = path / f"{rest.pop(0)}.py"
    else:
        path /= "__init__.py"
    body: list[ast.stmt] = ast.parse(path.read_text("utf-8")).body
    for name in rest:
        found = [
            node
            for node in body
            if getattr(node, "name", None) == name
            or (isinstance(node, ast.Assign | ast.AnnAssign) and name in ast.unparse(node).split("=")[0])
        ]
        if not found:
            return False
        body = getattr(found[0], "body", [])
    return True


BY_CHOICE = {"pillow_jxl"}  # the extra `jxl`, used where the person has installed it
NEVER_IMPORTED = {"tzdata": "zoneinfo looks for it by itself where the system has no zone files"}


def test_dependencies_are_exactly_what_is_imported():
    providers = packages_distributions()
    needed = {
        canonical(providers[name][0]) if name in providers else f"(not installed) {name}"
        for name in imported() - BY_CHOICE
    }
    base = {canonical(name) for name in PROJECT["dependencies"]}
    meaning = {canonical(name) for name in PROJECT["optional-dependencies"]["meaning"]}
    assert not needed & set(NEVER_IMPORTED)
    assert needed | set(NEVER_IMPORTED) == base | meaning
    assert not base & meaning


def test_everything_declared_is_pinned_exactly():
    for lock in (BASE, MEANING):
        assert [line for line in pins(lock).values() if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    declared = {canonical(name) for name in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"])}
    assert declared <= set(pins(BASE))
    extra = {canonical(name) for name in PROJECT["optional-dependencies"]["meaning"]}
    assert extra <= set(pins(BASE)) | set(pins(MEANING))


def test_the_extra_with_models_is_not_in_the_base():
    """Nothing is pinned twice, so the base never brings a part of what models need."""
    assert not set(pins(BASE)) & set(pins(MEANING))
    assert {"torch", "open-clip-torch", "hnswlib", "scikit-learn"} <= set(pins(MEANING))


def test_no_build_of_torch_is_pinned():
    """``torch==2.13.0`` is right for the build for processors and for that for cards: one lock for every machine."""
    assert [line for name, line in pins(MEANING).items() if name.startswith("torch") and "+" in line] == []
    assert [name for name in pins(MEANING) if name.startswith(("nvidia", "cuda", "triton"))] == []


def test_setup_asks_for_the_compiler_of_hnswlib_only_with_models():
    groups = dict[str, set[str]]()
    for line in (ROOT / "contrib" / "debian-packages").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            group, package, _ = line.split()
            groups.setdefault(group, set()).add(package)
    assert groups["meaning"] == {"g++"}
    assert set(groups) == {"setup", "test", "bench", "meaning"}


def test_the_known_models_stand_in_the_paper_about_them():
    from albumsd.core import weights

    paper = (ROOT / "docs" / "models.md").read_text("utf-8")
    for one in weights.KNOWN:
        assert f"`{one.name}`" in paper
        assert one.repository in paper
        assert one.licence in paper
        assert all(file.sha256 in paper for file in one.files)
