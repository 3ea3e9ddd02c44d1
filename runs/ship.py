"""Put a checkpoint into the package, with a card of its training data and its scores.

The tables of docs/model-card.md are written, too.

    python runs/ship.py SET WEIGHTS [--scores score.json]

SET is the band set that the weights serve, WEIGHTS the last epoch of runs/reference.sh for it, and
score.json the output of runs/score.py for them.
"""

import argparse
import json
from pathlib import Path

from card_page import write_page
from potato.core.band_sets import BAND_SETS
from potato.model.weights import load_model, save_model

ASSETS = Path(__file__).parents[1] / "src" / "potato" / "assets"

LEARNT_FROM = {
    "simulated scenes": "ground of aerial photographs (UC Merced Land Use, Yang and Newsam 2010, from USGS "
    "imagery, public domain) lifted to spectra, dead leaves and invented land, in the packaged reflectances, "
    "seen by a simulated instrument (potato make-scenes)",
    "spectra": "earthlib (MIT) and LUMA SLUM (CC0), through the packaged list of reflectances",
    "real imagery": "none",
}

WORLDVIEW_TOO = {
    "invented chips": "of rare and difficult surfaces (potato fake-chips)",
    "simulated tiles": "chips by Wald's protocol of an ARD of invented land (potato make-ard, make-chips)",
}
"""What the weights of WorldView learnt from besides."""


def main() -> None:
    """Add a card to the weights and write both into the package."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sets = {each.name: each for each in BAND_SETS}
    parser.add_argument("set", choices=sets)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--scores", type=Path)
    arguments = parser.parse_args()
    model, (sensor, *_) = load_model(arguments.weights), sets[arguments.set].sensors
    if not (model.architecture.depth and model.architecture.fits(sensor)):
        parser.error(f"{arguments.weights}: expected a network that reads {sensor.title}, found another")
    card = {
        "name": f"{arguments.set}, {model.architecture.width} × {model.architecture.depth}",
        "description": "The predictor and a network trained on simulated scenes; see docs/model-card.md.",
        "digest": model.digest,
        "licence": "MIT",
        "learnt_from": LEARNT_FROM | (WORLDVIEW_TOO if arguments.set == "worldview" else {}),
        "training": {
            name: model.card.get(name)
            for name in ("name", "origin", "step", "chips_seen", "settings", "code")
        },
        "scores": json.loads(arguments.scores.read_text()) if arguments.scores else None,
    }
    shipped = ASSETS / f"{arguments.set}.safetensors"
    save_model(model, shipped, card)
    write_page()
    print(f"{shipped}: {card['name']}, {card['digest']}")


if __name__ == "__main__":
    main()
