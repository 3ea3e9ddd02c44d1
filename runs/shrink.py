"""Shrink what a network changes of lightness, towards the predictor's.

    python runs/shrink.py WEIGHTS SHARE OUTPUT

Mul of some sensors is softer than that of others, and scenes can't tell a network which softness a
pair has. A share of its correction of L, 0.75 say, is right for more of them than all of it. The
last layer is linear, so its rows of L are multiplied.
"""

import argparse
from pathlib import Path

from potato.model.model import Model
from potato.model.weights import load_model, save_model


def shrunk(model: Model, share: float) -> Model:
    """A network that changes a share, 0 to 1, of what `model` changes of the predictor's L."""
    pixels, last = model.architecture.ratio**2, list(model.architecture.layers)[-1]
    kernel = model.tensors[last].copy()
    kernel[:pixels] *= share  # the residual of L
    kernel[3 * pixels] *= share  # the injection gain of L
    return Model(model.architecture, {**model.tensors, last: kernel}, model.card)


def main() -> None:
    """Read weights, shrink them and write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("share", type=float)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    model = load_model(arguments.weights)
    if not model.architecture.depth or not 0 <= arguments.share <= 1:
        parser.error("expected weights of a network and a share from 0 to 1")
    save_model(shrunk(model, arguments.share), arguments.output, model.card)


if __name__ == "__main__":
    main()
