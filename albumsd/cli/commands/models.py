"""albumsd models: which models there are, get one, choose one."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

from albumsd.core import checksums, weights
from albumsd.core.config import Config
from albumsd.core.errors import AlbumsdError, FetchBroken, ModelBad, ModelMissing, ModelUnknown, UsageError
from albumsd.core.weights import Weights, size_text
from albumsd.ml import folders
from albumsd.ml.folders import Model

from .. import pulling, settings_file
from ..common import ask, load, print_json
from . import Command

ROLES = {"model": "searching by meaning", "captioner": "captions"}


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=["list", "pull", "use"],
        help="list: what there is; pull: fetch one from the internet; use: choose one for this library",
    )
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        help="right after the action. pull: a known model (default: the first) or ORGANISATION/REPOSITORY of the hub; "
        "use: a model of the list, a folder, ARCHITECTURE:FILE, or none",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--by-hand", action="store_true", help="pull: fetch nothing, say how to do it by hand")
    parser.add_argument("--sha256", metavar="HEX", help="pull: what the SHA-256 of the weights must be")
    parser.add_argument(
        "--from", dest="hub", metavar="URL", default=weights.HUB, help=f"pull: a mirror (default {weights.HUB})"
    )
    parser.add_argument("--captions", action="store_true", help="use: choose what writes captions")


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments)
    if arguments.action == "list":
        if arguments.name:
            raise UsageError(what="`albumsd models list` takes no name")
        return _list(config, arguments.json)
    return _pull(config, arguments) if arguments.action == "pull" else _use(config, arguments)


# --- list -----------------------------------------------------------------------------------------


def gather(config: Config) -> dict[str, Any]:
    """``{"folder", "installed": bool, "model", "captioner", "known": [...], "found": [...]}``."""
    there = _folders_in(config.models)
    known = [
        {
            "name": one.name,
            "kind": one.kind,
            "help": one.help,
            "bytes": one.size,
            "licence": one.licence,
            "here": one.name in there,
            "in_use": [role for role in ROLES if _names(config[role], config.models / one.name)],
        }
        for one in weights.KNOWN
    ]
    names = {one.name for one in weights.KNOWN}
    found = [
        {"name": name, "in_use": [role for role in ROLES if _names(config[role], config.models / name)]}
        for name in there
        if name not in names
    ]
    return {
        "folder": os.fspath(config.models),
        "installed": weights.installed(),
        "model": _chosen(config, "model"),
        "captioner": _chosen(config, "captioner"),
        "known": known,
        "found": found,
    }


def _folders_in(models: Path) -> list[str]:
    try:
        return sorted(one.name for one in models.iterdir() if (one / folders.CONFIG).is_file() and one.name[0] != ".")
    except OSError:
        return []


def _names(spec: str, folder: Path) -> bool:
    """Whether a setting means this folder of models."""
    text = spec.removeprefix("local-dir:")
    return bool(text) and (text == folder.name or Path(os.path.expanduser(text)) == folder)


def _chosen(config: Config, role: str) -> dict[str, Any] | None:
    """``{"spec", "from", "name", "kind", "dimensions", "why"}`` of a setting; ``why`` it cannot be used, or None."""
    spec = config[role]
    if not spec:
        return None
    told: dict[str, Any] = {"spec": spec, "from": config.origins[role], "name": None, "kind": None, "dimensions": None}
    try:
        model = folders.describe(spec, config.models)
        return told | {"name": model.name, "kind": model.kind, "dimensions": model.dimensions, "why": None}
    except AlbumsdError as error:
        return told | {"why": str(error)}


def _list(config: Config, as_json: bool) -> int:
    report = gather(config)
    brain = ask(config, "brain", {"ask": "status"}) if report["model"] else None
    report["brain"] = {key: brain.get(key) for key in ("state", "model", "device", "why")} if brain else None
    if as_json:
        print_json(report)
        return 0
    print(f"Models are kept in {report['folder']}\n")
    for one in report["known"]:
        mark = "*" if one["in_use"] else " "
        state = "in use" if one["in_use"] else "here" if one["here"] else size_text(one["bytes"])
        print(f"{mark} {one['name']:<24}{state:<9}{one['help']}\n{'':<35}Licence: {one['licence']}")
    for one in report["found"]:
        print(f"{'*' if one['in_use'] else ' '} {one['name']:<24}{'in use' if one['in_use'] else 'here'}")
    print()
    for role, purpose in ROLES.items():
        chosen = report[role]
        if chosen:
            print(f"For {purpose}: {chosen['spec']} ({chosen['why'] or _description(chosen)})")
    missing = [] if report["model"] else [weights.WITHOUT]
    missing += [] if report["installed"] else [weights.NOT_INSTALLED]
    if missing:
        print(weights.words_only("; and ".join(missing)))
    elif brain and brain.get("why"):
        print(f"Just now: {brain['why']}")
    elif brain and brain.get("model"):
        device = f" on {brain['device']}" if brain.get("device") else ""
        print(f"Just now {brain['model']} answers{device}")
    return 0


def _description(chosen: dict[str, Any]) -> str:
    return f"{chosen['kind']}, {chosen['dimensions']} numbers per picture"


# --- pull -----------------------------------------------------------------------------------------


def _pull(config: Config, arguments: argparse.Namespace) -> int:
    wanted = weights.DEFAULT if arguments.name is None else _wanted(arguments.name)
    sha256 = (arguments.sha256 or "").lower()
    if sha256 and not re.fullmatch("[0-9a-f]{64}", sha256):
        raise UsageError(what="--sha256 takes 64 hexadecimal digits")
    by_hand = pulling.by_hand(wanted, config.models, arguments.hub, arguments.library or "")
    if arguments.by_hand:
        print(by_hand)
        return 0
    folder = config.models / wanted.name
    if folder.exists():
        _whole(folder)
        done: dict[str, Any] = {"folder": os.fspath(folder), "bytes": None, "files": []}
        if not arguments.json:
            print(f"{wanted.name} is here already: {folder}")
    else:
        if not arguments.json:
            size = f" ({size_text(wanted.size)})" if wanted.size else ""
            print(f"Fetching {wanted.name}{size} from {arguments.hub} into {folder}")
            print(f"Licence: {wanted.licence}", flush=True)
        try:
            done = pulling.pull(
                pulling.job(wanted, folder, arguments.hub, sha256), None if arguments.json else sys.stdout
            )
        except FetchBroken:
            if not arguments.json:
                print(f"\n{by_hand}\n", flush=True)
            raise
    model = folders.describe(wanted.name, config.models)
    role = "captioner" if model.kind == "coca" else "model"
    chosen = not config[role]
    if chosen:  # there was none: this is what it was fetched for
        _choose(config, arguments, role, wanted.name)
    if arguments.json:
        print_json(done | {"name": wanted.name, "kind": model.kind, "in_use": _names(config[role], folder) or chosen})
    elif chosen:
        print(f"{wanted.name} is here, and in use for {ROLES[role]} from now on.")
        _say_what_follows(model)
    else:
        print(f"{wanted.name} is here. To use it:  albumsd models use {wanted.name}")
    return 0


def _wanted(name: str) -> Weights:
    found = weights.find(name) or weights.of_repository(name)
    if not found:
        raise ModelUnknown(name=name)
    return found


def _whole(folder: Path) -> None:
    """Raises ModelBad unless the files of a folder are what was published, as far as that is known.

    What was fetched is what its SHA256SUMS says, which may be what the person said; what came by stick, what is pinned.
    """
    wrong, recorded = checksums.wrong(folder), checksums.read(folder) or {}
    known = next((one for one in weights.KNOWN if one.name == folder.name), None)
    for file in known.files if known else ():
        path = folder / file.names[0]
        if file.sha256 and path.name not in recorded and path.is_file() and checksums.of_file(path) != file.sha256:
            wrong.append(path.name)
    if wrong:
        names = ", ".join(wrong)
        raise ModelBad(path=folder, why=f"{names}: not what was published. Remove the folder and fetch it again")


# --- use ------------------------------------------------------------------------------------------


def _use(config: Config, arguments: argparse.Namespace) -> int:
    if not arguments.name:
        raise UsageError(what="which one? `albumsd models use NAME`, or `albumsd models use none`")
    if arguments.name == "none":
        role = "captioner" if arguments.captions else "model"
        _choose(config, arguments, role, "")
        if arguments.json:
            print_json({role: None})
        else:
            print(f"No model for {ROLES[role]} from now on. What the last one made is kept.")
        return 0
    spec = _spec(config, arguments.name)
    model = folders.describe(spec, config.models)
    if model.notes.get("purpose") == "demo" and not config["demo"]:
        raise ModelBad(path=model.name, why="it knows only the world that the demo draws, and nothing of your pictures")
    folders.check_whole(model)
    if model.folder:
        _whole(model.folder)
    if arguments.captions and model.kind != "coca":
        raise ModelBad(path=model.name, why="it writes no captions; a CoCa does")
    role = "captioner" if model.kind == "coca" else "model"
    _choose(config, arguments, role, spec)
    if arguments.json:
        print_json({role: {"spec": spec, "name": model.name, "kind": model.kind, "dimensions": model.dimensions}})
    else:
        print(f"{model.name} is in use for {ROLES[role]} from now on.")
        _say_what_follows(model)
    return 0


def _spec(config: Config, name: str) -> str:
    """What the setting will hold: a name in the folder of models, else a path that holds from anywhere."""
    if (config.models / name).is_dir() and "/" not in name:
        return name
    architecture, colon, file = name.partition(":")
    if os.path.isdir(name):
        return os.path.abspath(name)
    if colon and os.path.isfile(os.path.expanduser(file)):
        return f"{architecture}:{os.path.abspath(os.path.expanduser(file))}"
    known = weights.find(name)
    if known and (config.models / known.name).is_dir():
        return known.name
    if known:
        raise ModelMissing(name=known.name, where=config.models)
    return name


def _choose(config: Config, arguments: argparse.Namespace, role: str, spec: str) -> None:
    file = Path(arguments.config) if arguments.config else config.library / "config.toml"
    settings_file.put(file, role, spec)
    variable = f"ALBUMSD_{role.upper()}"
    if config.origins[role] == variable:
        print(f"albumsd: note: {variable} in the environment says otherwise, and wins where it is set", file=sys.stderr)


def _say_what_follows(model: Model) -> None:
    if not weights.installed():
        print(weights.words_only(weights.NOT_INSTALLED))
    elif model.kind == "clip":
        print("Every picture is looked at once, in the background; what another model made answers until then.")
    else:
        print("Every picture gets its caption in the background; your own captions stay.")


COMMAND = Command(
    "models", "List the models for searching by meaning, fetch one (no other command uses the internet), choose one.",
    "albumsd models pull ViT-B-32-laion2b", _configure, _run,
)  # fmt: skip
