"""The manual of the query language, written from the registry of terms.

It is docs/query.md, part of the README.txt in ``search/``, and what ``albumsd help query`` prints.

``python -m albumsd.query.help`` prints docs/query.md; a test fails when the file says something else.
"""

from __future__ import annotations

from textwrap import fill

from .attributes import FLAGS, TYPES
from .term import Term
from .terms import load
from .tree import STOP_WORDS

_WIDTH = 100

_FORMS: tuple[tuple[str, str], ...] = (
    ("warranty letter", "Both words, anywhere: names, folders, titles, tags, places, cameras, text of documents."),
    ("'warranty letter'", 'The words next to each other. "Double" quotes and curly ones do as well.'),
    ("warr*", "Words that begin so. Also at the end of a phrase."),
    ("a dog on the beach", "The words, and with a model what the sentence means: also pictures without a word."),
    ("beach -dog", "Without the word after the dash; also before a term, a phrase or parentheses."),
    ("cat or dog", "Either. `cat or dog beach` is a cat, or else a dog with a beach."),
    ("(cat or dog) beach", "Parentheses group."),
    ("place=lisbon date=2024", "Terms narrow; each is a name, `=` and a value, with quotes if it holds a space."),
)

_NOTES: tuple[str, ...] = (
    "Capitals, accents and punctuation do not matter: `Łódź` is `lodz`, `IMG_12.jpg` is 'img 12 jpg'.",
    "`:` may stand for `=`. Where a name cannot hold `*`, `\"` or `>` (phones, Windows): `＊`, `'` and `rating=4+`.",
    "A slash in a folder's name is typed `∕` (U+2215) or `%2F`.",
    f"As words these count only in quotes: {' '.join(sorted(STOP_WORDS))}. Meaning reads the whole sentence.",
    "`search/` ranks by how well words and meaning fit and may add files that hold only some of the words.",
    "`filter/` is strict: all words, no meaning. What ranks (`like=`) is no filter: there is no such folder there.",
    "With a model, `-word` also means: less like it. Meaning may come a moment after the words: open the folder again.",
)


def _code(text: str) -> str:
    return f"`{text}`"


def markdown() -> str:
    """docs/query.md."""
    lines = [
        "# The query language",
        "",
        "Made from the registry of terms by `python -m albumsd.query.help`; change the terms, not this file.",
        "",
        'A query is a folder: `ls "search/warranty letter"`. The same language narrows every view under `filter/`.',
        "",
        "| you type | you get |",
        "| --- | --- |",
    ]
    lines += [f"| {_code(form)} | {meaning} |" for form, meaning in _FORMS]
    lines += ["", *(f"- {note}" for note in _NOTES), "", "## Terms", ""]
    lines += ["| term | meaning | examples |", "| --- | --- | --- |"]
    for term in load():
        names = ", ".join(_code(name + "=") for name in (term.name, *term.aliases))
        examples = ", ".join(_code(example) for example in (term.example, *term.examples))
        lines.append(f"| {names} | {term.help} | {examples} |")
    lines += ["", "## Types (`type=`)", "", *_table(TYPES), "", "## States (`is=`)", ""]
    lines += _table({"duplicate": "More than one file holds the same content.", **FLAGS})
    return "\n".join(lines) + "\n"


def _table(rows: dict[str, str]) -> list[str]:
    return ["| name | meaning |", "| --- | --- |", *(f"| {_code(name)} | {help} |" for name, help in rows.items())]


def plain() -> str:
    """The whole manual as plain text, for a terminal and for a README.txt."""
    forms = _columns([(form, meaning.replace("`", "")) for form, meaning in _FORMS])
    notes = [fill(note.replace("`", ""), _WIDTH, initial_indent="  ", subsequent_indent="    ") for note in _NOTES]
    return (
        "\n".join([*forms, "", *notes, "", "Terms:", *_columns([(term.example, term.help) for term in load()])]) + "\n"
    )


def _columns(rows: list[tuple[str, str]]) -> list[str]:
    """Two columns, the second wrapped."""
    left = max(len(name) for name, _ in rows) + 4
    return [
        fill(text, _WIDTH, initial_indent=f"  {name:<{left - 2}}", subsequent_indent=" " * left) for name, text in rows
    ]


def term_text(term: Term) -> str:
    """One term as plain text: what it means, its other names, its examples."""
    lines = [f"{term.name}=  {term.help}"]
    if term.aliases:
        lines.append("  also: " + ", ".join(alias + "=" for alias in term.aliases))
    return "\n".join([*lines, *(f"  {example}" for example in (term.example, *term.examples))]) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
