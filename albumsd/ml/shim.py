"""torchvision next to a torch that its compiled part was not built for.

open_clip needs torchvision only for transforms written in Python. Its import registers fakes for two of its compiled
operators, which fails when the compiled part cannot be loaded (a CUDA build of torchvision beside a CPU build of torch,
say). Defining just these two operators cures that; no operator is ever run. The real import is tried first, since with
matching builds the definitions would collide with the real ones.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, cast

_kept: list[Any] = []
"""The definitions live as long as their Library object."""


def import_torchvision() -> None:
    """Import torchvision, by the real road or the other. Raises ImportError, RuntimeError."""
    import torch

    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    else:
        return
    for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
        del sys.modules[name]
    library: Any = cast(Any, torch.library).Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept.append(library)
    importlib.import_module("torchvision")
