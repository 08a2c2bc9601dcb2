"""The tour of `albumsd demo`: what comes a moment later is waited for, as a person would, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from albumsd.demo import tour
from albumsd.demo.draw import Scene
from albumsd.demo.tour import Tour
from albumsd.demo.truth import DemoFile, DemoLibrary


class Slow:
    """A mount, of sorts: a folder to which ``comes`` is done when it was looked at ``after`` times."""

    def __init__(self, top: Path, files: tuple[DemoFile, ...], after: int, comes: Callable[[], object]) -> None:
        self.said: list[str] = []
        self.looks = 0
        self._after, self._comes = after, comes
        self.tour = Tour(DemoLibrary(top / "Pictures", files), top, self.said.append, True, self.rest)

    def rest(self, seconds: float) -> None:
        assert seconds > 0
        self.looks += 1
        if self.looks == self._after:
            self._comes()


def test_the_first_clusters_are_waited_for(tmp_path: Path) -> None:
    clusters = tmp_path / "clusters"
    clusters.mkdir()
    slow = Slow(tmp_path, (), 5, (clusters / "beach, sunset").mkdir)
    assert slow.tour.clusters() == []
    assert slow.looks == 5
    assert any("beach, sunset" in line for line in slow.said)


def test_clusters_that_never_come_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "clusters").mkdir()
    slow = Slow(tmp_path, (), 0, lambda: None)
    assert slow.tour.clusters() == ["clusters/ is empty"]
    assert slow.looks == tour.PATIENCE_S / tour.AGAIN_S


def test_a_model_that_is_still_being_loaded_is_waited_for(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(5)]
    (tmp_path / "Pictures").mkdir()
    for name in names:
        (tmp_path / "Pictures" / name).write_text(name)
    files = tuple(DemoFile(name.encode(), "photo", scene=Scene(1, "red", "dog", "grass", "day")) for name in names)
    query = "a photo of a red dog"
    results, why = tmp_path / "search" / query, tmp_path / "info" / "search" / query
    results.mkdir(parents=True)
    why.mkdir(parents=True)

    def found() -> None:
        for rank, name in enumerate(names, 1):
            (results / f"{rank:03} {name}").write_text(name)
            (why / f"{rank:03} {name}.txt").write_text("Found by:    meaning 0.312\n")

    slow = Slow(tmp_path, files, 3, found)
    assert slow.tour.seen() == []
    assert slow.looks == 3
    (results / f"001 {names[0]}").write_text("something else")
    assert slow.tour.seen() == [f"001 {names[0]} shows no red dog"]
    (why / f"005 {names[4]}.txt").write_text("Found by:    text 4.20\n")
    assert slow.tour.seen()[1:] == ["no meaning in it: Found by:    text 4.20"]
