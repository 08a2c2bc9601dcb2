"""Make the model's folder of trained weights: notes for albumsd, the card, and the floors, measured.

python -m contrib.model.export build/model/demo albumsd/demo/model
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from albumsd.demo.draw import COLOURS, GROUND_WORDS, LIGHTS, OBJECTS

from . import evaluate, network
from .pictures import held_out_pictures
from .words import PLACES, TIMES, WHEN, WHERE, plural

NUMBER_WORDS = ("one", "two", "three", "four")
NAME = "drawn-world"
NAMING = ("object", "ground", "colour")
"""The groups whose tags may name a cluster: how many things there are, and when, says little of what they are."""
_CARD = Path(__file__).with_name("card.md")


def vocabulary() -> dict[str, dict[str, list[str]]]:
    """The tags that the model can give: every value of every attribute."""
    counts = {
        word: [f"{word} thing{'s' * (word != 'one')}", f"a photo of {word} object{'s' * (word != 'one')}", word]
        for word in NUMBER_WORDS
    }
    counts["one"].append("a single thing")
    return {
        "count": counts,
        "colour": {word: [word, f"something {word}", f"{word} things", f"the colour {word}"] for word in COLOURS},
        "object": {
            word: [word, plural(word), f"a photo of {plural(word)}", f"a picture of the {word}"] for word in OBJECTS
        },
        "ground": {word: [*WHERE[word][:2], PLACES[word][0], f"something {WHERE[word][0]}"] for word in GROUND_WORDS},
        "light": {word: [*WHEN[word][:2], TIMES[word][0], f"a photo taken {WHEN[word][0]}"] for word in LIGHTS},
    }


def caption_form() -> dict[str, Any]:
    return {
        "form": "{count} {colour} {object} {ground} {light}",
        "needs": ["object"],
        "words": {
            "count": {"one": "a"},
            "ground": {word: WHERE[word][0] for word in GROUND_WORDS},
            "light": {word: WHEN[word][0] for word in LIGHTS},
        },
        "plural": {"of": "object", "unless": {"count": ["one"]}, "words": {word: plural(word) for word in OBJECTS}},
    }


def floors(model: Any, probability: float) -> dict[str, float]:
    """By the model's own sigmoid for words; for pictures the nearest 2 of 100 pairs of unlike scenes."""
    scale, bias = model.logit_scale.exp().item(), model.logit_bias.item()
    seen = evaluate.picture_vectors(model, held_out_pictures()[0]).numpy()
    cosines = (seen @ seen.T)[np.triu_indices(len(seen), 1)]
    return {
        "text-image": round((float(np.log(probability / (1 - probability))) - bias) / scale, 4),
        "image-image": round(float(np.quantile(cosines, 0.98)), 4),
    }


def export(source: Path, target: Path, probability: float) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in ("open_clip_config.json", "open_clip_model.safetensors", "bpe.txt.gz"):
        if source != target:
            shutil.copyfile(source / name, target / name)
    model, _, _ = network.load(target)
    tags = vocabulary()
    notes = {
        "name": NAME,
        "purpose": "demo",
        "documents": False,
        "vocabulary": tags,
        "one_of": list(tags),
        "names": list(NAMING),
        "caption": caption_form(),
        "calibration": {"floors": floors(model, probability)},
    }
    (target / "albumsd.json").write_text(json.dumps(notes, indent=1) + "\n")
    figures = evaluate.figures(target)
    lines = [f"| {name} | {value:.3f} |" for name, value in figures.items()]
    (target / "README.md").write_text(_CARD.read_text().replace("{figures}", "\n".join(lines)))
    print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the folder of the demo's model.")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--probability", type=float, default=0.75, help="of the sigmoid, at the floor")
    arguments = parser.parse_args()
    export(arguments.source, arguments.target, arguments.probability)


if __name__ == "__main__":
    main()
