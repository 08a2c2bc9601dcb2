"""Laws over every registered term, and the manual that is made from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from albumsd.query import terms
from albumsd.query.attributes import ATTRIBUTES, BY_NAME, FLAGS, SCOPES
from albumsd.query.help import markdown, plain, term_text
from albumsd.query.parser import parse, plausible
from albumsd.query.term import Term
from albumsd.query.tree import Equals, Flag, Has, Match, OneOf, Range, Text, walk
from albumsd.query.writing import describe

ROOT = Path(__file__).resolve().parents[2]
TODAY = "2024-05-01"
ALL = [pytest.param(term, id=term.name) for term in terms.load()]


@pytest.mark.parametrize("term", ALL)
def test_a_term_describes_itself(term: Term) -> None:
    assert term.help.endswith(".")
    assert term.help[0].isupper()
    assert term.example.lstrip("-").startswith(term.name)


@pytest.mark.parametrize("term", ALL)
def test_its_examples_work_and_name_only_what_exists(term: Term) -> None:
    for example in (term.example, *term.examples):
        node = parse(example, TODAY)
        assert parse(describe(node), TODAY) == node
        assert plausible(example)
        for part in walk(node):
            if isinstance(part, Match | Range | Has | OneOf | Equals):
                assert part.attribute in BY_NAME
            if isinstance(part, Flag):
                assert part.name in FLAGS
            if isinstance(part, Text):
                assert part.scope in SCOPES


@pytest.mark.parametrize("term", ALL)
def test_its_aliases_mean_the_same(term: Term) -> None:
    value = term.example.removeprefix(term.name)
    for alias in term.aliases:
        assert parse(alias + value, TODAY) == parse(term.example, TODAY)


def test_every_file_is_registered() -> None:
    files = {path.stem for path in Path(terms.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == set(terms.TERMS)
    assert len(terms.TERMS) == len(files)


def test_the_design_names_these_terms() -> None:
    wanted = "date before after place camera type tag album person is has rating near like path text"
    assert set(wanted.split()) <= {term.name for term in terms.load()}


def test_attributes_are_unique_and_explained() -> None:
    assert len(BY_NAME) == len(ATTRIBUTES)
    assert all(attribute.help.endswith(".") for attribute in ATTRIBUTES)


def test_the_manual_in_docs_is_in_step_with_the_registry() -> None:
    found = (ROOT / "docs" / "query.md").read_text("utf-8")
    assert found == markdown(), "run: python -m albumsd.query.help > docs/query.md"


def test_the_plain_manual_names_every_term() -> None:
    text = " ".join(plain().split())
    assert max(map(len, plain().splitlines())) <= 100
    for term in terms.load():
        assert f"{term.example} {term.help}" in text
        assert term_text(term).startswith(f"{term.name}=  ")
        assert all(f"{alias}=" in term_text(term) for alias in term.aliases)
