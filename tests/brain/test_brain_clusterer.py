"""brain.clusterer: what is alike is together, has a word, and is there again tomorrow."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from albumsd.brain import clusterer, clustering, groups
from albumsd.brain.clusterer import FEWEST, REFIT, Clusters, _matched, centres_for, cluster
from albumsd.core import names
from albumsd.store.database import Database
from albumsd.vectors import memory

DIMENSIONS = 64
THEMES = ("dog", "beach", "sailing boat", "birthday cake", "snow", "car", "flower", "mountain", "concert", "cat")


class World(NamedTuple):
    """Pictures of themes: each a direction, shared by its word, with a common part that all pictures have."""

    ids: NDArray[np.int64]
    vectors: Any
    themes: NDArray[np.int64]
    words: tuple[str, ...]
    word_vectors: Any


def world(count: int = 2000, seed: int = 1, spread: float = 0.5, noise: float = 0.0, first: int = 1) -> World:
    fixed, rng = np.random.default_rng(99), np.random.default_rng(seed)
    themes = fixed.standard_normal((len(THEMES), DIMENSIONS))
    themes /= np.linalg.norm(themes, axis=1, keepdims=True)
    common = fixed.standard_normal(DIMENSIONS) / DIMENSIONS**0.5
    others = fixed.standard_normal((30, DIMENSIONS))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    of = rng.choice(len(THEMES), count, p=np.arange(len(THEMES), 0, -1) / np.arange(len(THEMES) + 1).sum())
    vectors = themes[of] + common + spread * rng.standard_normal((count, DIMENSIONS)) / DIMENSIONS**0.5
    lost = rng.random(count) < noise
    vectors[lost] = common + rng.standard_normal((int(lost.sum()), DIMENSIONS)) / DIMENSIONS**0.5
    words = (*THEMES, *(f"other {n}" for n in range(30)))
    meanings = np.concatenate([themes, others]) + 0.7 * fixed.standard_normal(DIMENSIONS) / DIMENSIONS**0.5
    return World(
        np.arange(first, first + count), vectors.astype(np.float16), np.where(lost, -1, of), words,
        meanings.astype(np.float32),
    )  # fmt: skip


def clustered(own: World, previous: Clusters | None = None) -> Clusters:
    return cluster(own.ids, own.vectors, own.words, own.word_vectors, previous)


def joined(own: World, more: World) -> World:
    return own._replace(
        ids=np.concatenate([own.ids, more.ids]),
        vectors=np.concatenate([own.vectors, more.vectors]),
        themes=np.concatenate([own.themes, more.themes]),
    )


def same(one: Clusters, other: Clusters) -> bool:
    return one.to_bytes() == other.to_bytes()


def kept(before: Clusters, after: Clusters) -> float:
    """Share of the members of yesterday that are in a folder of the same name today."""
    was = {row: label for row, label, _, _ in before.rows() if label}
    now = {row: label for row, label, _, _ in after.rows()}
    return sum(now[row] == label for row, label in was.items()) / len(was)


@pytest.fixture(scope="module")
def own() -> World:
    return world()


@pytest.fixture(scope="module")
def first(own: World) -> Clusters:
    return clustered(own)


def test_what_is_alike_is_together_under_its_word(own: World, first: Clusters) -> None:
    from sklearn.metrics import adjusted_rand_score

    placed = first.assignments >= 0
    assert placed.mean() > 0.95
    assert adjusted_rand_score(own.themes[placed], first.assignments[placed]) > 0.95
    assert set(first.labels) == set(THEMES)
    for number, theme in enumerate(THEMES):
        members = first.members(theme)
        assert (own.themes[np.isin(own.ids, members)] == number).mean() > 0.95


def test_centroids_and_rows_say_the_same(own: World, first: Clusters) -> None:
    assert np.abs(np.linalg.norm(first.centroids, axis=1) - 1).max() < 1e-5
    for number, label in enumerate(first.labels):
        mean = own.vectors[np.isin(own.ids, first.members(label))].astype(np.float64).mean(axis=0)
        assert float(mean @ first.centroids[number]) / np.linalg.norm(mean) > 0.99
    rows = first.rows()
    assert [row[0] for row in rows] == own.ids.tolist()
    assert all(0 <= x <= 1 and 0 <= y <= 1 for _, _, x, y in rows)
    assert {label for _, label, _, _ in rows} - {None} == set(first.labels)


def test_the_plane_keeps_what_is_alike_near(own: World, first: Clusters) -> None:
    spots = first.coordinates
    assert (spots.max(axis=0) - spots.min(axis=0)).max() > 0.9
    within = np.mean(
        [np.linalg.norm(spots[own.themes == n] - spots[own.themes == n].mean(axis=0), axis=1).mean() for n in range(10)]
    )
    assert within < 0.5 * np.linalg.norm(spots - spots.mean(axis=0), axis=1).mean()


def test_what_is_like_nothing_stays_out() -> None:
    noisy = world(noise=0.2)
    found = clustered(noisy)
    out = found.assignments < 0
    assert out[noisy.themes < 0].mean() > 3 * out[noisy.themes >= 0].mean()
    assert out[noisy.themes >= 0].mean() < 0.05


def test_an_unchanged_library_has_the_same_clusters(own: World, first: Clusters) -> None:
    again = clustered(own, first)
    assert same(again, first)
    assert same(clustered(own, again), first)


def test_order_and_kind_of_numbers_do_not_matter(own: World, first: Clusters) -> None:
    order = np.random.default_rng(5).permutation(len(own.ids))
    turned = own._replace(ids=own.ids[order].astype(np.int32), vectors=own.vectors[order].astype(np.float32))
    assert same(clustered(turned), first)


def test_another_process_finds_the_same(own: World, first: Clusters, tmp_path: Any) -> None:
    np.savez(
        tmp_path / "world.npz", ids=own.ids, vectors=own.vectors, words=np.array(own.words), meanings=own.word_vectors
    )
    program = (
        "import sys, numpy; from albumsd.brain.clusterer import cluster\n"
        "w = numpy.load(sys.argv[1])\n"
        "sys.stdout.buffer.write(cluster(w['ids'], w['vectors'], w['words'].tolist(), w['meanings']).to_bytes())"
    )
    ran = subprocess.run([sys.executable, "-c", program, tmp_path / "world.npz"], capture_output=True, check=True)
    assert ran.stdout == first.to_bytes()


@pytest.mark.parametrize("growth", [0.02, 0.05, 0.15, 0.4])
def test_growth_keeps_labels_and_members(own: World, first: Clusters, growth: float) -> None:
    more = world(int(len(own.ids) * growth), seed=3, first=10_000)
    grown = joined(own, more)
    after = clustered(grown, first)
    assert (after.changed == 0) == (growth > REFIT)
    assert kept(first, after) > 0.95
    assert set(after.labels) >= set(first.labels)
    shift = np.linalg.norm(after.coordinates[: len(own.ids)] - first.coordinates, axis=1)
    assert shift.mean() < 0.05
    assert np.isin(after.members("dog"), more.ids[more.themes == 0]).any()


def test_day_after_day_changes_add_up_to_a_refit(own: World, first: Clusters) -> None:
    found, grown, refits = first, own, 0
    for day in range(6):
        grown = joined(grown, world(80, seed=20 + day, first=10_000 + 100 * day))
        before, found = found, clustered(grown, found)
        refits += found.changed == 0
        assert kept(before, found) > 0.95
    assert refits == 1
    assert set(found.labels) == set(THEMES)


def test_what_goes_is_gone_and_the_rest_stays(own: World, first: Clusters) -> None:
    for share in (0.95, 0.5):
        left = np.random.default_rng(2).random(len(own.ids)) < share
        less = own._replace(ids=own.ids[left], vectors=own.vectors[left])
        after = clustered(less, first)
        assert after.ids.tolist() == less.ids.tolist()
        now = {row: label for row, label, _, _ in after.rows()}
        was = {row: label for row, label, _, _ in first.rows() if label and row in now}
        assert np.mean([now[row] == label for row, label in was.items()]) > 0.95


def test_a_new_theme_gets_a_folder_once_it_is_large(own: World, first: Clusters) -> None:
    rng = np.random.default_rng(7)
    theme = own.word_vectors[len(THEMES) + 4].astype(np.float64)
    common = own.vectors.astype(np.float64).mean(axis=0)
    vectors = 1.2 * theme + common + 0.4 * rng.standard_normal((500, DIMENSIONS)) / DIMENSIONS**0.5
    more = World(np.arange(50_000, 50_500), vectors.astype(np.float16), np.full(500, -2), own.words, own.word_vectors)
    after = clustered(joined(own, more), first)
    assert set(after.labels) == {*THEMES, "other 4"}
    assert np.isin(after.members("other 4"), more.ids).mean() > 0.95
    assert len(after.members("other 4")) > 450


def test_other_words_rename_and_move_nothing(own: World, first: Clusters) -> None:
    words = tuple("hound" if word == "dog" else word for word in own.words)
    after = cluster(own.ids, own.vectors, words, own.word_vectors, first)
    assert set(after.labels) == (set(first.labels) - {"dog"}) | {"hound"}
    assert after.members("hound").tolist() == first.members("dog").tolist()
    assert np.array_equal(after.coordinates, first.coordinates)


def test_labels_are_legal_and_unique(own: World) -> None:
    words = [
        ".hidden",
        "a/b",
        "Café",
        "CAFÉ",
        "con",
        "nul.",
        " two  words ",
        "\x07bell",
        "*",
        "",
        "x" * 400,
        *own.words[11:],
    ]
    found = cluster(own.ids, own.vectors, words, own.word_vectors[: len(words)])
    assert len(found.labels) >= 3
    assert len({names.name_key(label) for label in found.labels}) == len(found.labels)
    for label in found.labels:
        assert names.sanitise(label) == label
        assert any(letter.isalnum() for letter in label)


def test_a_word_that_is_like_everything_names_nothing(own: World) -> None:
    everything = 3 * own.vectors.astype(np.float32).mean(axis=0) + own.word_vectors[: len(THEMES)].mean(axis=0)
    found = cluster(own.ids, own.vectors, (*own.words, "picture"), [*own.word_vectors, everything])
    assert set(found.labels) == set(THEMES)


def test_a_refit_turns_the_plane_to_where_it_was(own: World, first: Clusters) -> None:
    quarter = np.array([[0, 1], [-1, 0]], np.float32)
    turned = replace(first, coordinates=(first.coordinates - 0.5) @ quarter + 0.5)
    mirrored = replace(first, coordinates=first.coordinates[:, ::-1])
    for before in (turned, mirrored):
        after = clustered(joined(own, world(400, seed=3, first=10_000)), before)
        assert after.changed == 0
        assert np.abs(after.coordinates[: len(own.ids)] - before.coordinates).mean() < 0.05


def test_centres_keep_their_place_whatever_k_means_does(own: World, first: Clusters) -> None:
    order = np.random.default_rng(3).permutation(len(first.centres))
    before = first.centres @ first.axes + first.mean
    shaken = (first.centres + 0.01)[order]
    added = np.concatenate([shaken[:3], 5 * np.ones((1, shaken.shape[1]), np.float32), shaken[3:]])
    found = _matched(added @ first.axes + first.mean, before, added)
    assert np.abs(found[:-1] - first.centres).max() < 0.02
    assert (found[-1] == 5).all()


def test_one_word_is_one_folder(own: World) -> None:
    found = cluster(own.ids, own.vectors, own.words[:1], own.word_vectors[:1])
    assert found.labels == ("dog",)


def test_without_words_folders_have_numbers_that_stay(own: World) -> None:
    nothing = own.word_vectors[:0]
    found = cluster(own.ids, own.vectors, (), nothing)
    assert all(label.startswith("group ") for label in found.labels)
    assert len(found.labels) == centres_for(len(own.ids))
    grown = joined(own, world(400, seed=3, first=10_000))
    after = cluster(grown.ids, grown.vectors, (), nothing, found)
    assert after.changed == 0
    assert kept(found, after) > 0.85


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 12, 40])
def test_few_pictures(count: int) -> None:
    few = world(count)
    found = clustered(few)
    assert found.ids.tolist() == few.ids.tolist()
    assert found.coordinates.shape == (count, 2)
    assert all(len(found.members(label)) >= 1 for label in found.labels)
    if count < FEWEST:
        assert found.labels == ()
        assert (found.assignments == -1).all()
    else:
        assert len(found.labels) >= 1
    assert same(clustered(few, found), found)
    more = joined(few, world(200, first=1000, seed=4))
    assert set(clustered(more, found).labels) <= set(few.words)
    assert clustered(world(0), found).labels == ()


def test_pictures_that_are_all_the_same() -> None:
    some = world(1)
    found = cluster(np.arange(50), np.repeat(some.vectors, 50, axis=0), some.words, some.word_vectors)
    assert len(found.labels) == 1
    assert (found.assignments == 0).all()


def test_vectors_without_direction_are_in_none(own: World) -> None:
    vectors = own.vectors.astype(np.float32)
    vectors[5], vectors[6], vectors[7, 3] = 0, np.nan, np.inf
    found = cluster(own.ids, vectors, own.words, own.word_vectors)
    assert found.assignments[5:8].tolist() == [-1, -1, -1]
    assert set(found.labels) == set(THEMES)
    assert np.isfinite(found.coordinates).all()


def test_clusters_of_another_model_are_ignored(own: World, first: Clusters) -> None:
    half = own._replace(vectors=own.vectors[:, :32], word_vectors=own.word_vectors[:, :32])
    assert same(clustered(half, first), clustered(half))


def test_the_size_of_blocks_does_not_matter(own: World, first: Clusters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "AT_ONCE", 300)
    found = clustered(own)
    assert found.labels == first.labels
    assert np.array_equal(found.assignments, first.assignments)
    assert np.abs(found.coordinates - first.coordinates).max() < 1e-4
    vectors = own.vectors.astype(np.float32)
    vectors[3:7] = 0  # the last one of a block of good ones moves
    assert np.flatnonzero(cluster(own.ids, vectors, own.words, own.word_vectors).assignments < 0).tolist()[:4] == [
        *range(3, 7)
    ]


def test_of_very_many_a_sample_is_studied_and_all_are_placed(
    own: World, first: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusterer, "_PCA_SAMPLE", 400)
    monkeypatch.setattr(clusterer, "_MEANS_SAMPLE", 600)
    seen: list[int] = []
    rows = groups.Pictures.rows
    monkeypatch.setattr(groups.Pictures, "rows", lambda self, at: seen.append(len(at)) or rows(self, at))
    monkeypatch.setattr(groups, "AT_ONCE", 250)
    found = clustered(own)
    assert sorted(set(seen)) == [100, 250, 400]  # never all of them at once
    assert set(found.labels) == set(THEMES)
    placed = (found.assignments >= 0) & (first.assignments >= 0)
    assert placed.mean() > 0.9
    same_label = np.array(found.labels)[found.assignments[placed]] == np.array(first.labels)[first.assignments[placed]]
    assert same_label.mean() > 0.95


def test_what_is_given_is_not_changed(own: World) -> None:
    vectors = 3 * own.vectors.astype(np.float32)
    before = vectors.copy()
    cluster(own.ids, vectors, own.words, own.word_vectors)
    assert np.array_equal(vectors, before)


def test_memory_is_that_of_the_vectors_and_some() -> None:
    assert 1_000_000 * 1024 < clusterer.memory(1_000_000, 512) < 2_500_000_000


def test_too_little_memory_leaves_clusters_as_they_are(
    empty: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with empty.write() as tx:
        tx.run("INSERT INTO model(key, name, dimensions) VALUES ('m@1', 'm', 4)")
    order = clustering.Order(str(empty.path), 1, None, (), np.zeros((0, 4), np.float32))
    assert clustering.run(order) == 0
    monkeypatch.setattr(memory, "free", lambda: 1000)
    monkeypatch.setattr(clustering, "pictures", None)  # nothing is read
    with pytest.raises(MemoryError, match=r"they need 0\.5 GB of memory, 0\.0 GB are free"):
        clustering.run(order)
    monkeypatch.setattr(sys, "argv", ["clustering", "--parent", "1"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(order.to_bytes())))
    monkeypatch.setattr(clustering, "die_with_parent", lambda parent: None)
    before = os.umask(0o022)
    try:
        assert clustering.main() == 1
    finally:
        os.umask(before)
    assert "the clusters stay as they are: they need" in capsys.readouterr().err


def test_shapes_that_do_not_fit_are_refused(own: World) -> None:
    for ids, vectors, words in (
        (own.ids[:-1], own.vectors, own.words),
        (own.ids, own.vectors[:, 0], own.words),
        (np.ones_like(own.ids), own.vectors, own.words),
        (own.ids, own.vectors, own.words[:-1]),
    ):
        with pytest.raises(ValueError, match="one vector for each"):
            cluster(ids, vectors, words, own.word_vectors)


def test_bytes_and_back(own: World, first: Clusters) -> None:
    back = Clusters.from_bytes(first.to_bytes())
    assert same(back, first)
    assert back.rows() == first.rows()
    assert same(clustered(own, back), first)
    for damaged in (b"", b"no zip", first.to_bytes()[:2000], first.to_bytes()[:-20]):
        with pytest.raises(ValueError, match="no clusters"):
            Clusters.from_bytes(damaged)


def test_how_many_centres() -> None:
    assert [centres_for(n) for n in (3, 5, 24, 128, 2000, 50_000, 10**6)] == [1, 1, 8, 8, 32, 158, 300]
