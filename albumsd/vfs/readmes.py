"""The README.txt files in the mount, made from the registries so that they cannot lie."""

from __future__ import annotations

from albumsd.core import weights
from albumsd.core.config import Config
from albumsd.query import help as query_help
from albumsd.search import chosen
from albumsd.store import sources
from albumsd.store.database import Reader
from albumsd.views import VIEWS

from .renditions import FORMS


def advice(reader: Reader, config: Config, read_ns: int) -> list[str]:
    """What is missing just now: a source, drives that are away, a model, stages that the settings leave out.

    ``read_ns``: when the settings were read.
    """
    off = config["stages_off"]
    left_out = [f"Switched off in the settings: {off}. What these stages would show stays as it is."] if off else []
    return left_out + _missing(reader) + meaning(reader, config, read_ns)


def meaning(reader: Reader, config: Config, read_ns: int) -> list[str]:
    """One line when search has no meaning, in the words of the process that knows why; nothing when it has."""
    told = chosen.told(reader, read_ns) or {}
    if told.get("model"):
        return []
    why = told.get("why") or ("" if config["model"] else weights.WITHOUT)
    return [weights.words_only(str(why))] if why else []


def _missing(reader: Reader) -> list[str]:
    if not reader.value("SELECT 1 FROM source"):
        return ["There is no source yet. Point albumsd at a folder:  albumsd add ~/Pictures"]
    away = [source.name for source in sources.all_sources(reader) if source.state in ("offline", "stalled")]
    if not away:
        return []
    return [f"Not here now: {', '.join(away)}. Names, dates, search and previews/ go on without it."]


def root_readme(extra: list[str]) -> str:
    """What is where, how to search, what is missing."""
    rows = [(f"{view.name}/", view.help) for view in VIEWS]
    rows += [
        ("search/<query>/", "Type a query as a folder name: ranked results. See search/README.txt."),
        ("filter/<query>/", "All views again, narrowed to the query."),
        ("sources/", "The folders albumsd watches, and whether their drives are here."),
        ("status/", "How far the index is."),
    ]
    rows += [(f"{form.folder}/", form.help) for form in FORMS if form.folder]
    lines = [
        "This is your library, made of folders. Nothing here is a copy, and nothing you do here can harm an original:",
        "everything you see is read-only. Your files lie where they always lay.",
        "",
        *(f"  {name:<18} {text}" for name, text in rows),
    ]
    if extra:
        lines += ["", *extra]
    return "\n".join(lines) + "\n"


def search_readme(extra: list[str]) -> str:
    """How to search; ``extra``: what is missing."""
    return (
        "A search is a folder: open search/<your words>/ and the best results stand in it, ranked. For instance:\n\n"
        "  search/warranty letter\n  search/beach place=lisbon date=2024\n\n"
        + "".join(f"{line}\n\n" for line in extra)
        + f"{query_help.plain()}\n"
    )


def filter_readme() -> str:
    """How to filter."""
    return (
        "filter/<query>/ holds all views again, narrowed to what fits the query. For instance:\n\n"
        "  filter/place=lisbon/by-date\n  filter/camera=pixel type=videos/by-place\n\n" + query_help.plain() + "\n"
    )
