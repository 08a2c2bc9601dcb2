"""albumsd help: help on a command, or on what is registered: query terms, views, settings, readers, stages."""

from __future__ import annotations

import argparse

from albumsd.core.errors import UsageError

from . import Command, find

TOPICS = ("query", "views", "settings", "readers", "stages")


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic", metavar="TOPIC", nargs="?", help=f"a command, or one of: {', '.join(TOPICS)}")


def topic_text(topic: str) -> str:
    """The text of a topic that is no command. Raises UsageError for an unknown one."""
    if topic == "query":
        from albumsd.query import help as query_help

        return query_help.plain()
    if topic == "views":
        from albumsd.views import VIEWS

        return "\n".join(f"{view.name}/\n    {view.help}\n    example: {view.name}/{view.example}" for view in VIEWS)
    if topic == "settings":
        from albumsd.core.config import SETTINGS

        return "\n".join(f"{s.name} (default {s.default!r})\n    {s.help}" for s in SETTINGS)
    if topic == "readers":
        from albumsd.media.readers import all_readers

        return "\n".join(f"{r.name}\n    {r.help}\n    example: {r.example}" for r in all_readers())
    if topic == "stages":
        from albumsd.indexer.stages import all_stages

        return "\n".join(f"{s.name}\n    {s.help}\n    example: {s.example}" for s in all_stages())
    from albumsd.query import terms
    from albumsd.query.help import term_text

    term = terms.by_name().get(topic.rstrip("="))
    if term:
        return term_text(term)
    raise UsageError(what=f"no help on {topic!r}; topics are {', '.join(TOPICS)}, every command and every query term")


def _run(arguments: argparse.Namespace) -> int:
    from albumsd.cli import build_parser

    if not arguments.topic:
        build_parser().print_help()
        print(f"\nalbumsd help TOPIC: {', '.join(TOPICS)}")
    elif arguments.topic in TOPICS:
        print(topic_text(arguments.topic))
    else:
        command = find(arguments.topic)
        if command is None:
            print(topic_text(arguments.topic), end="")
            return 0
        build_parser(command).parse_args([arguments.topic, "--help"])
    return 0


COMMAND = Command(
    "help",
    "Explain a command, the query language, or what views, settings, readers and stages there are.",
    "albumsd help query",
    _configure,
    _run,
)
