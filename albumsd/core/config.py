"""Where a library lies and how it is set up.

A library folder holds ``albumsd.db``, ``previews/``, ``run/`` (sockets, locks) and ``config.toml``. A
setting comes from, strongest first: the command line, the environment (``ALBUMSD_<NAME>``), the TOML
file, the default. ``SETTINGS`` is the one table; ``albumsd config`` and ``docs/settings.md`` are made from it.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import ConfigError


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name in TOML, its type by its default, one sentence of help."""

    name: str
    default: Any
    help: str


SETTINGS: tuple[Setting, ...] = (
    Setting("mount", "~/Albums", "The folder on which the library is mounted."),
    Setting(
        "originals", "", "The managed folder, where ingested originals are kept; empty: `originals/` in the library."
    ),
    Setting("owner", "", "User name or uid whom the files in the mount belong to; empty means whoever runs albumsd."),
    Setting("allow_other", False, "Let other users of this machine into the mount; needed for Samba only."),
    Setting("workers", 0, "Decoder processes; 0 means one per core, at most 4."),
    Setting("nice", 10, "Niceness of the indexer and its decoders (0 to 19); that of the model is at most 5."),
    Setting(
        "stages_off",
        "",
        "Stages that are left out, with commas between them: any of place, text, preview, embed, tags, caption.",
    ),
    Setting("rest_s", 2.0, "Seconds for which a file must lie still before it is indexed."),
    Setting("poll_s", 60, "Seconds between two scans of a source that inotify cannot watch."),
    Setting("decode_seconds", 60, "A file that takes longer to decode is parked under problems/."),
    Setting("decode_mib", 1536, "Memory of one decoder process in MiB."),
    Setting("decode_megapixels", 1000, "A picture with more is not decoded."),
    Setting(
        "text_mib",
        64,
        "Text beyond this many MiB of one document is not read. `text=` looks in all that was read, plain words in its "
        "first 200,000 words.",
    ),
    Setting("search_results", 500, "Results that search/<query>/ shows at most; filter/<query>/ shows all."),
    Setting("search_deadline_s", 5.0, "Seconds after which a search answers with what it has."),
    Setting("remember_days", 7, "Days for which a query keeps its results and their ranks."),
    Setting(
        "model",
        "",
        "The open_clip model by which meaning is searched: a folder, `NAME:FILE` for a checkpoint of that "
        "architecture, or the name of a folder in `models`; empty: none. `albumsd models use` sets it.",
    ),
    Setting("captioner", "", "An open_clip CoCa that writes captions, named like `model`; empty: none."),
    Setting("models", "", "The folder in which `albumsd models pull` keeps models; empty: `models/` in the library."),
    Setting("model_idle_s", 600.0, "Seconds without work after which the model leaves the memory."),
    Setting("device", "auto", "Where the model runs: auto, cpu, cuda or cuda:N."),
    Setting(
        "vocabulary",
        "",
        "The file with the tags that the model gives; empty: `tags.toml` in the library, if it is there.",
    ),
    Setting("video_frames", 5, "Frames of a video by which it is found."),
    Setting(
        "exact_vectors",
        500000,
        "Up to so many vectors a search compares with all of them; above, a graph (hnswlib) is tried.",
    ),
    Setting(
        "demo", False, "This is the library that the demo has drawn, for which alone the model inside albumsd is made."
    ),
    Setting("read_deadline_s", 10.0, "Seconds after which a read of a drive fails and the drive counts as stalled."),
)

_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Config:
    """The library's folder and every setting with its value and where it came from."""

    library: Path
    values: Mapping[str, Any]
    origins: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def database(self) -> Path:
        return self.library / "albumsd.db"

    @property
    def previews(self) -> Path:
        return self.library / "previews"

    @property
    def run(self) -> Path:
        return self.library / "run"

    @property
    def mount(self) -> Path:
        return Path(os.path.abspath(os.path.expanduser(self.values["mount"])))

    @property
    def originals(self) -> Path:
        chosen = self.values["originals"]
        return Path(os.path.abspath(os.path.expanduser(chosen))) if chosen else self.library / "originals"

    @property
    def models(self) -> Path:
        chosen = self.values["models"]
        return Path(os.path.abspath(os.path.expanduser(chosen))) if chosen else self.library / "models"

    @property
    def workers(self) -> int:
        return int(self.values["workers"]) or min(4, os.cpu_count() or 1)


def default_library() -> Path:
    """``$ALBUMSD_LIBRARY``, else ``albumsd`` in the XDG data folder."""
    chosen = os.environ.get("ALBUMSD_LIBRARY")
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(os.path.abspath(data)) / "albumsd"


def _coerce(setting: Setting, value: Any, where: str) -> Any:
    kind = type(setting.default)
    if kind is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("1", "true", "yes", "on"):
            return True
        if str(value).lower() in ("0", "false", "no", "off"):
            return False
    elif kind is str:
        if isinstance(value, str) and "\0" not in value and (value or not setting.default):
            return value
    elif not isinstance(value, bool):
        with suppress(TypeError, ValueError, OverflowError):
            number = kind(value)
            if 0 <= number < math.inf and (kind is float or isinstance(value, str) or number == value):
                return number
    wanted = {bool: "true or false", str: "text", int: "a whole number, 0 or more", float: "a number, 0 or more"}[kind]
    if kind is str and setting.default:
        wanted = "text, and not empty"
    raise ConfigError(path=where, what=f"{setting.name} must be {wanted}, not {value!r}")


def load(
    library: Path | str | None = None, file: Path | str | None = None, overrides: Mapping[str, Any] | None = None
) -> Config:
    """Read the settings of a library. Raises ConfigError that names all that is wrong in the file at once."""
    folder = Path(os.path.abspath(os.path.expanduser(library))) if library else default_library()
    values = {setting.name: setting.default for setting in SETTINGS}
    origins = dict.fromkeys(values, "default")
    path = Path(file) if file else folder / "config.toml"
    if path.exists():
        try:
            found = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(path=path, what=f"not valid TOML: {error}") from None
        except OSError as error:
            raise ConfigError(path=path, what=f"cannot be read: {error.strerror}") from None
        wrong = []
        unknown = sorted(set(found) - set(_BY_NAME))
        if unknown:
            wrong.append(f"unknown settings: {', '.join(unknown)}; `albumsd config` lists all")
        for name in sorted(set(found) & set(_BY_NAME)):
            try:
                values[name], origins[name] = _coerce(_BY_NAME[name], found[name], str(path)), str(path)
            except ConfigError as error:
                wrong.append(str(error.fields["what"]))
        if wrong:
            raise ConfigError(path=path, what="; ".join(wrong))
    elif file:
        raise ConfigError(path=path, what="does not exist")
    for setting in SETTINGS:
        variable = f"ALBUMSD_{setting.name.upper()}"
        if variable in os.environ:
            values[setting.name] = _coerce(setting, os.environ[variable], variable)
            origins[setting.name] = variable
    for name, value in (overrides or {}).items():
        if value is not None:
            values[name], origins[name] = _coerce(_BY_NAME[name], value, "the command line"), "the command line"
    return Config(folder, values, origins)


def settings_file(config: Config) -> Path:
    """The file that the settings came from; where none set anything, that of the library."""
    others = ("default", "the command line")
    said = {origin for origin in config.origins.values() if origin not in others and not origin.startswith("ALBUMSD_")}
    return Path(said.pop()) if len(said) == 1 else config.library / "config.toml"


def reread(config: Config) -> Config:
    """The settings as its file says now; what the command line said stays. Raises ConfigError."""
    file = settings_file(config)
    spoken = {name: config[name] for name, origin in config.origins.items() if origin == "the command line"}
    return load(config.library, file if file.exists() else None, spoken)
