"""Numbers of the predictor and of the network, for every backend.

`model.network` defines the model by them in torch, and `model.native` hands them to native code.
"""


def input_channels(ratio: int, bands: int, mul_sharpness: bool = False) -> dict[str, int]:
    """The channels of the network's input by name, in their order, and how many each has."""
    return {
        "detail": ratio**2,  # roots less those of pan's enlarged cell mean
        "shading": 1,  # less L
        "bands": bands,  # cube roots, less L
        "chroma": 2,  # 2a and 2b: they count double in ΔE
        "slopes": 3,  # of L, a and b on shading, as `LocalRegression`, less the predictor's
        "deviations": 4,  # as `LocalRegression`
        "darkest": 2,  # as `WideContext`, less shading and L
        "artefact weight": 1,  # as `WideContext`, times L
        "lightness": 1,  # L, not multiplied by `INPUT_SCALE`
        **({"mul sharpness": 1} if mul_sharpness else {}),  # as `WideContext`, times L
    }


def output_channels(ratio: int) -> dict[str, int]:
    """The channels of the network's output by name, in their order, and how many each has."""
    return {"residual": 3 * ratio**2, "injection gain": 3}


INPUT_SCALE = 8.0
"""Factor of all inputs but lightness, which is about 8 times as large as they are."""


def ratio_limit(ratio: int) -> float:
    """Largest ratio of a pan pixel to its cell mean: one pixel has all the light of the cell."""
    return float(ratio * ratio)


WIDE_REACH = 16
"""Cells on every side of a cell that `features.wide_context` reads."""

RIDGE = 1e-3
"""Regularisation of `features.local_regression`: variance, by the square of the mean, that is added
to pan's as if it followed the predictor. Noise must not decide slopes where pan hardly varies."""

GAIN_LIMIT = 2.0
"""The most of pan's detail that `features.regression_gain` corrects, in standard deviations of the
shading around. Larger detail is unlike the ground that the regression was fitted to."""

SOFT_PAN, SHARP_PAN = 0.76, 0.84
"""Values of `features.pan_sharpness`: most real pan lies below the first, nearly all means over its
4 × 4 pixels above the second (measured on real WorldView-2 and -3 pairs; dev/LOG.md)."""

SHARPNESS_LIMIT = 2.0
"""Largest sharpness: of pan, that of white noise."""

SOFT_MUL, SHARP_MUL = 0.7, 0.85
"""Values of `features.mul_sharpness`: nearly all real mul lies below the first, nearly all means
over its 4 × 4 pixels above the second (measured on ten real pairs; dev/LOG.md)."""

LEAST_SLOPE = 0.1
"""Least slope of mul on pan that `features.mul_sharpness` divides by. In vegetation, pan that sees
near infrared has detail that mul's lightness hardly follows."""

UNDERSHOOT_LIMIT = 0.5
"""Least ratio of pan's enlarged cell mean to the darkest cell around. Bicubic interpolation
undershoots beside bright cells, to 0 and below, where a ratio to it would explode; plain ground
never comes this low."""

LEAST_MEAN = 1e-4
"""Least enlarged cell mean, reflectance: one count."""

LEAST_ROOT = 1e-2
"""Least cube root that anything is divided by."""

SOFT_GAIN = 0.3
"""MTF gain at mul's Nyquist frequency of the softest mul that `bands` expects, about that of most
sensors (`core.mtf`). The sharpest is that of cell means."""

SOFT_REACH = 2
"""Cells on every side of a cell that the Gaussian of this gain reads."""

SOFTNESS_WINDOW, SLOPE_WINDOW = 16, 8
"""Cells on every side of a cell over which `bands` measures how soft mul is, and the part of pan's
detail that each band takes."""

SOFTNESS_RIDGE = 0.02
"""Regularisation of the softness of mul: the share of the detail that the Gaussian takes away that
is added as if mul lacked it."""

SOFTNESS_START, SOFTNESS_GAIN = 0.4, 3.0
"""The measured softness that counts as none, and a factor of what exceeds it. On ten real
pairs made coarser, it is at most .45 if by means, and at least .6 if by modulation transfer
(dev/LOG.md)."""

CELL_SHARE = 0.25
"""Where mul is soft, the brightness of cells is between what keeps their means mul's (1), and what
keeps mul's as it would see the result (0), which has the figures of the sharpest methods
(dev/LOG.md). Proportions between bands keep their means, so that indices remain."""

CHROMA_NOISE = 0.08
"""The change of chroma, by luminance, of which half is taken over from the network: of less, a
smaller share, since that isn't a fringe (dev/LOG.md)."""
