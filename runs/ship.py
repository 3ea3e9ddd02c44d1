"""Put a checkpoint into the package, with a card of its training data and its scores.

    python runs/ship.py WEIGHTS [--scores score.json]

WEIGHTS is the last epoch of runs/reference.sh, and score.json the output of runs/score.py for it.
"""

import argparse
import json
from pathlib import Path

from potato.model.weights import load_model, save_model

ASSETS = Path(__file__).parents[1] / "src" / "potato" / "assets"

LEARNT_FROM = {
    "simulated scenes": "ground of aerial photographs (UC Merced Land Use, Yang and Newsam 2010, from USGS "
    "imagery, public domain) lifted to spectra, dead leaves and invented land, in the packaged reflectances, "
    "seen by a simulated instrument (potato make-scenes)",
    "invented chips": "of rare and difficult surfaces (potato fake-chips)",
    "spectra": "earthlib (MIT) and LUMA SLUM (CC0), through the packaged list of reflectances",
    "real imagery": "none",
}


def main() -> None:
    """Add a card to the weights and write both into the package."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("--scores", type=Path)
    arguments = parser.parse_args()
    model = load_model(arguments.weights)
    card = {
        "name": f"potato {model.architecture.width} × {model.architecture.depth}",
        "description": "The predictor and a network trained on simulated scenes; see docs/model-card.md.",
        "digest": model.digest,
        "licence": "MIT",
        "learnt_from": LEARNT_FROM,
        "training": {
            name: model.card.get(name)
            for name in ("name", "origin", "step", "chips_seen", "settings", "code")
        },
        "scores": json.loads(arguments.scores.read_text()) if arguments.scores else None,
    }
    save_model(model, ASSETS / "potato.safetensors", card)
    print(f"{ASSETS / 'potato.safetensors'}: {card['name']}, {card['digest']}")


if __name__ == "__main__":
    main()
