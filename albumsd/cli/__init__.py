"""The command line: short-lived, same database.

``main`` finds the command, imports that one module, and turns errors into exit codes: 0 done, 1 error, 2 usage,
3 not ready or time out, 4 problems found. A new command is one file in ``commands`` and one line there.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from albumsd import __version__
from albumsd.core.errors import AlbumsdError, UsageError

if TYPE_CHECKING:
    from .commands import Command


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(what=f"{message}. `{self.prog} --help` shows how.")


def build_parser(only: Command | None = None) -> argparse.ArgumentParser:
    """The parser of all commands, or of one, which spares importing the rest."""
    from .commands import load_all

    parser = _Parser(prog="albumsd", description="Your photos, videos and documents as a filesystem.")
    parser.add_argument("--version", action="version", version=f"albumsd {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for command in [only] if only else load_all():
        sub = commands.add_parser(
            command.name,
            help=command.help,
            description=command.help,
            epilog=f"example: {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument(
            "--library", metavar="DIR", help="the library folder (default $ALBUMSD_LIBRARY, else XDG data)"
        )
        sub.add_argument("--config", metavar="FILE", help="settings file (default config.toml in the library)")
        command.configure(sub)
        sub.set_defaults(_command=command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    from .commands import find

    os.umask(0o077)  # whatever a command or a process of it writes is for nobody else
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        only = find(words[0]) if words else None
        parser = build_parser(only)
        if not words:
            parser.print_help()
            return 0
        if only and only.dashes:  # argparse takes a word with a space in it for no option
            words[1:] = [f" {word}" if word[:1] == "-" and word[1:2] not in ("-", "") and word != "-h" else word
                         for word in words[1:]]  # fmt: skip
        arguments = parser.parse_args(words)
        command: Command = arguments._command
        return command.run(arguments)
    except AlbumsdError as error:
        if error.traceback:
            raise
        print(f"albumsd: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output went: nobody to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
