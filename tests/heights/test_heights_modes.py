"""Rule 11: what a library holds is for its owner, whatever the umask of the shell that it was made from."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from heights.indexed import Indexed

from albumsd.cli import main


@pytest.fixture
def careless() -> Iterator[None]:
    """A umask that hides nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(top: Path) -> list[str]:
    """Everything below ``top`` that anyone but its owner may touch, with its mode."""
    found = []
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            status = os.lstat(os.path.join(folder, name))
            if stat.S_IMODE(status.st_mode) & 0o077:
                found.append(f"{os.path.join(folder, name)} {stat.S_IMODE(status.st_mode):o}")
    return found


@pytest.mark.usefixtures("careless")
@pytest.mark.parametrize("existed", [False, True])
def test_a_library_is_private(tmp_path: Path, existed: bool) -> None:
    library = tmp_path / "library"
    if existed:
        library.mkdir(mode=0o755)
    made = Indexed(tmp_path)
    made.picture("a.jpg", "red", "Pixel 7")
    made.index()
    written = [path for path in library.rglob("*") if path.is_file()]
    assert {path.suffix for path in written} >= {".db", ".webp", ".npz"}
    assert open_to_others(library) == []
    made.close()
    assert stat.S_IMODE(library.stat().st_mode) == (0o755 if existed else 0o700)


@pytest.mark.usefixtures("careless")
@pytest.mark.parametrize(
    "start",
    [
        *(
            f"import albumsd.cli as p; p.main([{name!r}, '--library', LIBRARY])"
            for name in ("indexer", "brain", "status")
        ),
        *(f"import albumsd.{name}.process as p; p.main(config.load(LIBRARY))" for name in ("mount", "indexer")),
    ],
)
def test_every_process_hides_what_it_writes(tmp_path: Path, start: str) -> None:
    """They refuse a library that is not there, but their umask is set by then."""
    code = "\n".join(
        ["import os", "from albumsd.core import config", f"LIBRARY = {str(tmp_path / 'none')!r}",
         "try:", f"    {start}", "except Exception as error:", "    print(error)", "print(oct(os.umask(0)))"]
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "0o77", done.stderr


@pytest.mark.usefixtures("careless")
def test_a_command_that_makes_a_library_hides_it(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    assert main(["add", "--library", str(tmp_path / "library"), str(tmp_path / "photos")]) == 0
    assert os.umask(0) == 0o077
    assert stat.S_IMODE((tmp_path / "library").stat().st_mode) == 0o700
    assert open_to_others(tmp_path / "library") == []
