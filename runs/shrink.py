"""Shrink what a network changes of lightness and of colour, towards the predictor's.

    python runs/shrink.py WEIGHTS LIGHTNESS COLOUR OUTPUT

Mul of some sensors is softer than that of others, and scenes can't tell a network which softness a
pair has. A share of its correction of L, 0.75 say, is right for more of them than all of it.
Likewise, a sensor whose bands lie closer together than those of the scenes needs a share of the
correction of a and b. The last layer is linear, so its rows are multiplied.
"""

import argparse
from pathlib import Path

from potato.model.model import Model
from potato.model.weights import load_model, save_model


def shrunk(model: Model, lightness: float, colour: float = 1) -> Model:
    """A network that changes shares, 0 to 1, of what `model` changes of L, and of a and b."""
    pixels, last = model.architecture.ratio**2, list(model.architecture.layers)[-1]
    kernel = model.tensors[last].copy()
    # The residuals of each pixel, then the injection gains.
    kernel[:pixels] *= lightness
    kernel[pixels : 3 * pixels] *= colour
    kernel[3 * pixels] *= lightness
    kernel[3 * pixels + 1 :] *= colour
    return Model(model.architecture, {**model.tensors, last: kernel}, model.card)


def main() -> None:
    """Read weights, shrink them and write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("lightness", type=float, help="share of the change of L")
    parser.add_argument("colour", type=float, help="share of the change of a and b")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    model = load_model(arguments.weights)
    shares = arguments.lightness, arguments.colour
    if not model.architecture.depth or not all(0 <= share <= 1 for share in shares):
        parser.error("expected weights of a network and shares from 0 to 1")
    save_model(shrunk(model, *shares), arguments.output, model.card)


if __name__ == "__main__":
    main()
