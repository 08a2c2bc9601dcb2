"""vectors.Index: by a scan or by the graph, the same answers, while rows come, go and come back."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albumsd.vectors import Index, files, graph, memory, upkeep
from albumsd.vectors import index as module

DIMENSIONS = 24
Make = Callable[..., Index]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    begun: list[Index] = []

    def new(exact_rows: int = 0, key: str = "model@1", dimensions: int = DIMENSIONS, nearest: int = 10) -> Index:
        begun.append(Index(tmp_path / "vectors", key, dimensions, exact_rows, nearest))
        return begun[-1]

    yield new
    for own in begun:
        own.close()


@pytest.fixture
def grown(make: Make, made: Any) -> Index:
    """3,000 rows under the ids 1 to 3000, in a graph."""
    own = make()
    own.add(np.arange(1, 3001), made.vectors(3000))
    own.maintain()
    assert own.describe()["method"] == "graph"
    return own


def recall(own: Index, rows: dict[int, Any], queries: Any, k: int = 10, allowed: set[int] | None = None) -> float:
    """Share of the nearest that are found, after a look at everything else about the answers."""
    kept = rows if allowed is None else {row: rows[row] for row in allowed & rows.keys()}
    given = None if allowed is None else np.array(sorted(allowed), np.int64)
    found = wanted = 0
    for query in queries:
        ids, scores = own.search(query, k, given)
        assert ids.dtype == np.int64
        assert scores.dtype == np.float32
        assert len(ids) == len(set(ids.tolist())) == min(k, len(kept))
        assert (np.diff(scores) <= 0).all()
        assert scores == pytest.approx([float(kept[row] @ query) for row in ids.tolist()], abs=2e-4)
        assert set(ids.tolist()) <= kept.keys()
        nearest = sorted((float(vector @ query) for vector in kept.values()), reverse=True)[:k]
        found += sum(score >= nearest[-1] - 2e-4 for score in scores.tolist())
        wanted += len(nearest)
    return found / wanted if wanted else 1.0


def test_without_rows(make: Make, made: Any) -> None:
    own = make()
    query = made.vectors(1)[0]
    for allowed in (None, np.array([], np.int64), np.array([5])):
        ids, scores = own.search(query, 10, allowed)
        assert len(ids) == len(scores) == 0
        assert len(own.scores(query, allowed)[0]) == 0
    assert len(own) == len(own.ids()) == len(own.get(np.array([], np.int64))) == 0
    own.maintain()
    assert own.describe()["method"] == "exact"
    assert own.remove(np.array([1, 2])) == 0


def test_wrong_shapes_are_refused(make: Make, made: Any) -> None:
    own = make()
    for ids, vectors in (([1, 2], made.vectors(1)), ([1], made.vectors(1, 25)), ([[1]], made.vectors(1))):
        with pytest.raises(ValueError, match="dimensions"):
            own.add(np.array(ids), vectors)
    with pytest.raises(ValueError, match="dimensions"):
        own.search(made.vectors(1, 25)[0], 3)
    with pytest.raises(ValueError, match="dimensions"):
        own.scores(made.vectors(1), None)


def test_a_query_without_direction_finds_nothing(grown: Index) -> None:
    for query in (np.zeros(DIMENSIONS), np.full(DIMENSIONS, np.nan)):
        assert len(grown.search(query, 10)[0]) == 0
        assert not grown.scores(query)[1].any()


def test_few_rows_are_compared_one_by_one(make: Make, made: Any, tmp_path: Path) -> None:
    own = make(exact_rows=500)
    vectors = made.vectors(500)
    own.add(np.arange(500), vectors)
    own.maintain()
    about = own.describe()
    assert (about["method"], about["graph"], about["rows"]) == ("exact", None, 500)
    assert "500 vectors" in about["why"]
    assert recall(own, dict(enumerate(vectors)), made.vectors(30, seed=2)) == 1
    assert not list(tmp_path.rglob("*.hnsw"))


def test_many_rows_get_a_graph_that_holds(grown: Index, made: Any) -> None:
    about = grown.describe()["graph"]
    assert about["rows"] == 3000
    assert about["recall"] >= graph.RECALL
    assert recall(grown, dict(enumerate(made.vectors(3000), 1)), made.vectors(60, seed=2)) >= 0.98


def test_the_graph_is_really_asked(grown: Index, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    cosines = grown._scanner.cosines
    monkeypatch.setattr(
        grown._scanner,
        "cosines",
        lambda view, query, at=None: looked.append(view.count if at is None else len(at)) or cosines(view, query, at),
    )
    grown.search(made.vectors(1, seed=2)[0], 10)
    assert looked[-1] < 1000
    grown.search(made.vectors(1, seed=2)[0], 2000)  # more than a graph gives well
    assert looked[-1] == 3000


@pytest.mark.parametrize("narrow", [50_000, 10])
@pytest.mark.parametrize("share", [0.001, 0.02, 0.5, 0.99])
def test_filters(grown: Index, made: Any, narrow: int, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NARROW", narrow)
    rows = dict(enumerate(made.vectors(3000), 1))
    rng = np.random.default_rng(4)
    allowed = set(rng.choice(np.arange(1, 3400), int(3400 * share), replace=False).tolist())
    assert recall(grown, rows, made.vectors(25, seed=2), allowed=allowed) >= 0.98
    ids, scores = grown.scores(rows[7], np.array(sorted(allowed)))
    assert set(ids.tolist()) == allowed & rows.keys()
    assert scores == pytest.approx([float(rows[row] @ rows[7]) for row in ids.tolist()], abs=2e-4)


def test_a_filter_far_from_the_query_still_gets_all_it_can(
    grown: Index, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NARROW", 10)
    vectors = made.vectors(3000)
    far = np.argsort(vectors @ vectors[0])[:1800] + 1
    assert recall(grown, dict(enumerate(vectors, 1)), vectors[:1], 10, set(far.tolist())) == 1


def test_more_than_there_is(grown: Index, made: Any) -> None:
    query = made.vectors(1, seed=2)[0]
    assert len(grown.search(query, 10_000)[0]) == 3000
    assert len(grown.search(query, 0)[0]) == len(grown.search(query, -3)[0]) == 0
    assert len(grown.search(query, 10, np.array([5, 6, 7, 99_999]))[0]) == 3


def test_hnswlib_that_gets_stuck_means_a_scan(grown: Index, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stuck:
        def knn_query(self, *_: object, **__: object) -> None:
            raise RuntimeError("Cannot return the results in a contiguous 2D array. Probably ef or M is too small")

    assert grown._stock.state.graph is not None
    monkeypatch.setattr(grown._stock.state.graph, "index", Stuck())
    assert recall(grown, dict(enumerate(made.vectors(3000), 1)), made.vectors(5, seed=2)) == 1


def test_what_was_removed_is_found_no_more(grown: Index, made: Any) -> None:
    vectors = made.vectors(3000)
    rows = dict(enumerate(vectors, 1))
    gone = np.argsort(-(vectors @ vectors[0]))[:300] + 1  # all that is near, so that the graph has nothing left there
    assert grown.remove(gone) == 300
    assert grown.remove(gone) == 0
    for row in gone.tolist():
        del rows[row]
    assert len(grown) == 2700
    assert set(grown.ids().tolist()) == rows.keys()
    queries = [vectors[0], *made.vectors(20, seed=2)]
    assert recall(grown, rows, queries) >= 0.98
    grown.maintain()
    assert grown.describe()["graph"]["rows"] == 2700
    assert recall(grown, rows, queries) >= 0.98
    with pytest.raises(KeyError):
        grown.get(gone[:1])


def test_what_comes_back_is_found_again(grown: Index, made: Any) -> None:
    vectors = made.vectors(3000)
    rows = dict(enumerate(vectors, 1))
    other = made.vectors(200, seed=8)
    back = np.arange(1, 401)
    grown.remove(back)
    grown.maintain()
    grown.add(back[:200], vectors[:200])  # as they were
    grown.add(back[200:], other)  # the ids of others, which must not happen and does no harm
    rows |= dict(zip(back[200:].tolist(), other))
    queries = [*vectors[:20], *other[:20], *vectors[200:220]]
    for _ in range(3):
        assert recall(grown, rows, queries) >= 0.98
        assert np.abs(grown.get(back) - [rows[row] for row in back.tolist()]).max() < 1e-4
        grown.maintain()


def test_too_many_removed_means_a_new_graph(grown: Index, made: Any) -> None:
    before = grown._stock.state.graph
    grown.remove(np.arange(1, 1200))
    grown.maintain()
    about = grown.describe()
    assert grown._stock.state.graph is not before
    assert (about["rows"], about["graph"]["rows"]) == (1801, 1801)
    assert recall(grown, dict(list(enumerate(made.vectors(3000), 1))[1199:]), made.vectors(30, seed=2)) >= 0.98


def test_new_rows_are_found_at_once_and_join_the_graph(grown: Index, made: Any) -> None:
    rows = dict(enumerate(made.vectors(3000), 1))
    more = made.vectors(2500, seed=6)
    queries = [*more[:20], *made.vectors(20, seed=2)]
    kept = grown._stock.state.graph
    for begin in range(0, 2500, 500):
        new = dict(enumerate(more[begin : begin + 500], 3001 + begin))
        grown.add(np.array(list(new)), np.array(list(new.values())))
        rows |= new
        assert recall(grown, rows, queries) >= 0.98
        grown.maintain()
        assert recall(grown, rows, queries) >= 0.98
    assert grown._stock.state.graph is kept
    assert grown.describe()["graph"] | {"rows": 5000 + 500, "tail": 0} == grown.describe()["graph"]


def test_after_a_restart_the_kept_graph_serves(
    grown: Index, make: Make, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown.remove(np.arange(100, 200))
    before = grown.search(made.vectors(1, seed=2)[0], 50)
    grown.close()
    monkeypatch.setattr(graph.Graph, "new", None)  # nothing may be built
    own = make()
    vectors = made.vectors(3000)
    kept = np.array([n for n in range(1, 3001) if not 100 <= n < 200])
    own.add(kept, vectors[kept - 1])
    own.add(np.arange(3001, 3101), made.vectors(100, seed=6))
    own.maintain()
    assert own.describe()["graph"] | {"rows": 2900, "tail": 100} == own.describe()["graph"]
    own.remove(np.arange(3001, 3101))
    after = own.search(made.vectors(1, seed=2)[0], 50)
    assert np.array_equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])


def test_a_graph_of_other_vectors_is_not_used(grown: Index, make: Make, made: Any) -> None:
    grown.close()
    own = make()
    others = made.vectors(3000, seed=77)
    own.add(np.arange(1, 3001), others)
    own.maintain()
    assert own.describe()["graph"]["rows"] == 3000
    assert recall(own, dict(enumerate(others, 1)), made.vectors(30, seed=2)) >= 0.98


def test_what_the_graph_holds_otherwise_is_compared_one_by_one(grown: Index, make: Make, made: Any) -> None:
    grown.close()
    vectors, other = made.vectors(3000), made.vectors(3, seed=77)
    vectors[[5, 1000, 2999]] = other
    own = make()
    own.add(np.arange(1, 3001), vectors)
    own.maintain()
    assert own.describe()["graph"] | {"rows": 2997, "tail": 3} == own.describe()["graph"]
    assert [own.search(query, 1)[0].tolist() for query in other] == [[6], [1001], [3000]]


def test_a_graph_waits_for_the_searches_that_are_under_way() -> None:
    log: list[str] = []
    inside, go = threading.Event(), threading.Event()

    class Slow:
        def knn_query(self, *_: object, **__: object) -> Any:
            inside.set()
            assert go.wait(10)
            log.append("found")
            return np.array([[1]]), np.array([[0.0]])

    class Waits(threading.Condition):
        def wait_for(self, *args: Any, **kwargs: Any) -> Any:
            go.set()  # only now may the search end
            return super().wait_for(*args, **kwargs)

    own = graph.Graph(Slow(), 16, 100, np.array([1]))
    own._change = Waits()
    own.serve()
    asking = threading.Thread(target=own.search, args=(np.ones(4, np.float32), 1))
    asking.start()
    assert inside.wait(10)
    own.withdraw()
    log.append("withdrawn")
    go.set()
    asking.join()
    assert log == ["found", "withdrawn"]
    assert own.search(np.ones(4, np.float32), 1) is None


def test_vectors_that_no_graph_holds_are_compared_one_by_one(
    make: Make, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "widest", lambda rows: 20)
    monkeypatch.setattr(graph, "_SMALLEST_EF", 8)
    monkeypatch.setattr(graph, "LADDER", ((2, 8), (3, 8)))
    vectors = made.vectors(1500, 64)
    own = make(dimensions=64, nearest=0)
    own.add(np.arange(1500), vectors)
    own.maintain()
    about = own.describe()
    assert about["method"] == "exact"
    assert "finds only" in about["why"]
    assert recall(own, dict(enumerate(vectors)), made.vectors(10, 64, seed=2)) == 1
    own.close()

    tried: list[int] = []
    new = graph.Graph.new
    monkeypatch.setattr(graph.Graph, "new", lambda *args: tried.append(args[1]) or new(*args))
    again = make(dimensions=64, nearest=0)
    again.add(np.arange(1500), vectors)
    again.maintain()
    assert tried == []
    assert "finds only" in again.describe()["why"]
    monkeypatch.undo()
    again.add(np.arange(1500, 3000), made.vectors(1500, 64, seed=3))  # twice as many: worth another try
    again.maintain()
    assert again.describe()["method"] == "graph"


def test_a_graph_that_will_not_hold_is_given_up_early(make: Make, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "widest", lambda rows: 20)
    monkeypatch.setattr(graph, "_SMALLEST_EF", 8)
    monkeypatch.setattr(graph, "LADDER", ((2, 8), (3, 8)))
    monkeypatch.setattr(upkeep, "CHUNK", 500)
    monkeypatch.setattr(upkeep, "_TRIED", 1000)
    added: list[int] = []
    add = graph.Graph.add
    monkeypatch.setattr(graph.Graph, "add", lambda self, ids, *rest: added.append(len(ids)) or add(self, ids, *rest))
    own = make(dimensions=64, nearest=0)
    own.add(np.arange(4000), made.vectors(4000, 64))
    own.maintain()
    assert sum(added) == 2 * 1000  # both rungs, a quarter of the rows each
    assert "finds only" in own.describe()["why"]


def test_the_queries_that_were_asked_are_measured_too(make: Make, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own = make()
    own.add(np.arange(2000), made.vectors(2000))
    asked = made.vectors(20, seed=3)
    for query in asked:
        own.search(query, 5)
    seen: list[Any] = []
    found = graph.Graph._found
    monkeypatch.setattr(
        graph.Graph, "_found", lambda self, group, *rest: seen.append(group) or found(self, group, *rest)
    )
    own.maintain()
    assert any(group.shape == asked.shape and np.abs(group - asked).max() < 1e-6 for group in seen)
    assert max(len(group) for group in seen) >= 50


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda patch: patch.setattr(graph, "library", lambda: None), "hnswlib is not installed"),
        (lambda patch: patch.setattr(memory, "free", lambda: 1000), "a graph needs"),
    ],
)
def test_without_hnswlib_or_memory_all_goes_on(
    make: Make, made: Any, monkeypatch: pytest.MonkeyPatch, break_it: Any, says: str
) -> None:
    break_it(monkeypatch)
    own = make()
    vectors = made.vectors(1000)
    own.add(np.arange(1000), vectors)
    own.maintain()
    assert says in own.describe()["why"]
    assert recall(own, dict(enumerate(vectors)), made.vectors(10, seed=2)) == 1


def test_equal_rows_come_in_the_order_of_their_ids(make: Make, made: Any) -> None:
    own = make()
    vectors = np.concatenate([made.vectors(1000), np.repeat(made.vectors(1, seed=3), 200, axis=0)])
    own.add(np.arange(1200), vectors)
    first = own.search(vectors[-1], 50)[0].tolist()
    own.maintain()
    assert own.describe()["method"] == "graph"
    assert first == list(range(1000, 1050))
    assert set(own.search(vectors[-1], 50)[0].tolist()) <= set(range(1000, 1200))


def test_the_same_rows_give_the_same_graph(tmp_path: Path, made: Any) -> None:
    answers = []
    for name in "ab":
        own = Index(tmp_path / name, "k", DIMENSIONS, 0, 10)
        own.add(np.arange(2000), made.vectors(2000))
        own.maintain()
        answers.append([own.search(query, 20)[0].tolist() for query in made.vectors(20, seed=2)])
        own.close()
    assert answers[0] == answers[1]
    first, second = (next((tmp_path / name).glob("*.hnsw")).read_bytes() for name in "ab")
    assert first == second


@pytest.mark.parametrize("narrow", [50_000, 5])
def test_against_a_dictionary(make: Make, made: Any, narrow: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """120 changes in any order, by scan and by graph, against the plain way."""
    monkeypatch.setattr(module, "NARROW", narrow)
    rng = np.random.default_rng(12)
    own = make(exact_rows=0)
    rows: dict[int, Any] = {}
    fresh = itertools.count(1)
    for step in range(120):
        what = rng.integers(10)
        if what < 5 or not rows:
            count = int(rng.integers(1, 60))
            new = {next(fresh): vector for vector in made.vectors(count, seed=1000 + step)}
            own.add(np.array(list(new)), np.array(list(new.values())))
            rows |= new
        elif what < 7:
            gone = rng.choice(list(rows), min(len(rows), int(rng.integers(1, 40))), replace=False)
            assert own.remove(gone) == len(gone)
            for row in gone.tolist():
                del rows[row]
        elif what < 8:
            again = rng.choice(list(rows), min(len(rows), 5), replace=False)
            own.add(again, np.array([rows[row] for row in again.tolist()]))
        elif what < 9:
            own.maintain()
        allowed = None if step % 2 else set(rng.choice(list(rows), len(rows) // 2 + 1).tolist()) if rows else None
        assert recall(own, rows, made.vectors(2, seed=step), int(rng.integers(1, 30)), allowed) >= 0.95
        assert len(own) == len(rows)
    assert set(own.ids().tolist()) == rows.keys()


def test_searches_go_on_while_the_graph_grows(make: Make, made: Any) -> None:
    """What is there from the beginning is found by every search, what never was by none, whatever goes on beside it."""
    own = make()
    vectors = made.vectors(6000)
    own.add(np.arange(1, 2001), vectors[:2000])
    wrong: list[object] = []
    begun, stop = threading.Barrier(4), threading.Event()
    counts = [0, 0, 0]

    def ask(number: int) -> None:
        rng = np.random.default_rng(number)
        begun.wait()
        while not stop.is_set():
            row = int(rng.integers(1000))
            try:
                ids, scores = own.search(vectors[row], 5)
                if ids[0] != row + 1 or scores[0] < 0.999 or not set(ids.tolist()) <= set(range(1, 6001)):
                    wrong.append((row, ids, scores))
            except Exception as error:
                wrong.append(error)
            counts[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    begun.wait()
    own.maintain()
    for begin in range(2000, 6000, 1000):
        own.add(np.arange(begin + 1, begin + 1001), vectors[begin : begin + 1000])
        own.remove(np.arange(begin - 500, begin))
        own.maintain()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert min(counts) > 0
    assert own.describe()["method"] == "graph"


def test_closing_stops_a_build(make: Make, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = make()
    own.add(np.arange(5000), made.vectors(5000))
    batches = []
    add = graph.Graph.add

    def closing(self: graph.Graph, ids: Any, vectors: Any, on: Callable[[], bool]) -> int:
        def still() -> bool:
            batches.append(1)
            if len(batches) == 3:
                own._upkeep._closing.set()
            return on()

        return add(self, ids, vectors, still)

    monkeypatch.setattr(graph.Graph, "add", closing)
    own.maintain()
    own.close()
    assert len(batches) == 3
    assert not list(tmp_path.rglob("*.hnsw"))
    assert len(own.search(made.vectors(1)[0], 5)[0]) == 5


STEPS = ("cosines of the check", "a query of the check", "hashing", "saving")


@pytest.mark.parametrize("step", STEPS)
def test_closing_stops_whatever_maintain_is_at(
    make: Make, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Begun while that step runs: nothing of it goes on, nothing is kept, and searches are answered."""
    own = make()
    own.add(np.arange(3000), made.vectors(3000))
    begun: list[str] = []

    def closing(name: str, call: Any) -> Any:
        def closes(*args: Any, **kwargs: Any) -> Any:
            begun.append(name)
            if name == step:
                own._upkeep._closing.set()
            return call(*args, **kwargs)

        return closes

    monkeypatch.setattr(own._scanner, "best_of_many", closing(STEPS[0], own._scanner.best_of_many))
    monkeypatch.setattr(graph.Graph, "_found", closing(STEPS[1], graph.Graph._found))
    monkeypatch.setattr(files, "_digest", closing(STEPS[2], files._digest))
    monkeypatch.setattr(files, "save", closing(STEPS[3], files.save))
    own.maintain()
    order = [STEPS[0], STEPS[1], STEPS[3], STEPS[2]]
    assert list(dict.fromkeys(begun)) == order[: order.index(step) + 1]
    assert begun.count(step) == 1
    assert own.describe()["method"] == "exact"
    own.close()
    begun.clear()
    own.maintain()
    assert begun == []
    assert not list(tmp_path.rglob("*.hnsw"))
    assert len(own.search(made.vectors(1)[0], 5)[0]) == 5


def test_a_graph_serves_what_is_commonly_asked_or_is_not_built(
    make: Make, made: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vectors = made.vectors(3000)
    few = make(nearest=95)  # 257 candidates, of which 256 are worth looking for
    few.add(np.arange(3000), vectors)
    few.maintain()
    assert "among 3000 vectors a graph finds 95 no sooner" in few.describe()["why"]
    few.close()
    own = make(nearest=94)
    own.add(np.arange(3000), vectors)
    own.maintain()
    assert own.describe()["method"] == "graph"
    looked: list[int] = []
    search = graph.Graph.search
    monkeypatch.setattr(graph.Graph, "search", lambda self, query, k: looked.append(k) or search(self, query, k))
    assert recall(own, dict(enumerate(vectors)), made.vectors(10, seed=2), 94) >= graph.RECALL
    assert looked == [255] * 10
    own.close()
    assert list(tmp_path.rglob("*.hnsw"))
    again = make(nearest=95)
    again.add(np.arange(3000), vectors)
    again.maintain()
    assert not list(tmp_path.rglob("*.hnsw"))


def test_a_graph_that_finds_only_the_first_ten_is_refused(
    make: Make, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = graph.Graph._found
    asked: list[tuple[int, int]] = []

    def short(self: graph.Graph, group: Any, least: Any, k: int, fetch: int, go_on: Any) -> float:
        asked.append((k, fetch))
        return 0.97 if k > 10 else found(self, group, least, k, fetch, go_on)

    monkeypatch.setattr(graph.Graph, "_found", short)
    own = make(nearest=50)
    own.add(np.arange(3000), made.vectors(3000))
    own.maintain()
    assert (50, graph.reach(50)) in asked
    assert "a graph finds only 97% of the nearest" in own.describe()["why"]


def test_a_sample_is_of_what_is_there(grown: Index, made: Any) -> None:
    vectors = made.vectors(3000)
    ids, found = grown.sample(200, 5)
    assert ids.dtype == np.int64
    assert len(set(ids.tolist())) == 200
    assert np.abs(found - vectors[ids - 1]).max() < 1e-4
    assert np.ptp(ids) > 2000
    assert np.array_equal(grown.sample(200, 5)[0], ids)
    assert not np.array_equal(grown.sample(200, 6)[0], ids)
    grown.remove(np.arange(1, 2996))
    assert sorted(grown.sample(200, 5)[0].tolist()) == [2996, 2997, 2998, 2999, 3000]
    grown.remove(np.arange(2996, 3001))
    assert [part.shape for part in grown.sample(200)] == [(0,), (0, DIMENSIONS)]


def test_a_sample_does_not_mind_what_goes_meanwhile(make: Make, made: Any) -> None:
    own = make()
    own.add(np.arange(40_000), made.vectors(40_000))
    stop, wrong = threading.Event(), []

    def take() -> None:
        for seed in itertools.count():
            if stop.is_set():
                return
            try:
                ids, found = own.sample(300, seed)
                if len(ids) != len(found) or not np.isfinite(found).all():
                    wrong.append(ids)
            except Exception as error:
                wrong.append(error)

    thread = threading.Thread(target=take)
    thread.start()
    for begin in range(0, 40_000, 1000):
        own.remove(np.arange(begin, begin + 900))
        own._stock.compact()
    stop.set()
    thread.join()
    assert wrong == []


def test_a_long_build_is_kept_in_between_and_goes_on(
    make: Make, made: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(upkeep, "_KEEP_EVERY_S", 0.0)
    monkeypatch.setattr(upkeep, "CHUNK", 1000)
    monkeypatch.setattr(upkeep, "_SMALL_TAIL", 100)
    own = make()
    vectors = made.vectors(4000)
    own.add(np.arange(4000), vectors)
    kept: list[int] = []
    keep = own._upkeep._keep

    def killed(graph_: graph.Graph) -> None:
        keep(graph_)
        kept.append(len(graph_.labels))
        if len(kept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(own._upkeep, "_keep", killed)
    with pytest.raises(KeyboardInterrupt):
        own.maintain()
    assert kept == [1000, 2000]

    again = make()
    again.add(np.arange(4000), vectors)
    added: list[int] = []
    add = graph.Graph.add
    monkeypatch.setattr(graph.Graph, "add", lambda self, ids, *rest: added.append(len(ids)) or add(self, ids, *rest))
    again.maintain()
    assert sum(added) == 2000
    assert again.describe()["graph"]["rows"] == 4000
    assert recall(again, dict(enumerate(vectors)), made.vectors(20, seed=2)) >= 0.98
