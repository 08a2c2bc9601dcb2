"""The views. A new one is one file here with a ``VIEW`` and one line in ``MODULES``."""

from __future__ import annotations

from importlib import import_module

from .view import Level, View

MODULES = (
    "by_date",
    "by_day",
    "by_week",
    "by_place",
    "by_camera",
    "by_type",
    "by_tag",
    "by_folder",
    "recent",
    "on_this_day",
    "clusters",
    "duplicates",
    "problems",
)

VIEWS: tuple[View, ...] = tuple(import_module(f"{__name__}.{module}").VIEW for module in MODULES)
BY_NAME: dict[str, View] = {view.name: view for view in VIEWS}

__all__ = ["BY_NAME", "VIEWS", "Level", "View"]
