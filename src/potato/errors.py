"""Every error that Potato raises on purpose, in one tree.

A message says what was expected, what was found, and what to do about it, in one line.

    PotatoError
    ├── InputError              pixels that can't be used
    │   ├── PairError           pan and mul don't lie on one 4:1 grid
    │   ├── GridError           two pictures that don't lie on one grid
    │   ├── BandError           not the expected bands or data type
    │   ├── SensorError         not WorldView-2 or -3
    │   └── EmptyError          nothing valid in it
    ├── ArdError                an ARD folder that can't be understood
    ├── ChipError               a chip or a pool that can't be used
    ├── WeightsError            a checkpoint that can't be used
    ├── SessionError            a training session that can't go on
    ├── OutputError             the output can't be written
    │   └── OutputExists        … because it is there already (also a FileExistsError)
    ├── ClusterError            a cluster that can't be reached, or used
    └── BlockError              one block of a run failed; names its window
"""


class PotatoError(Exception):
    """Anything that Potato refuses or can't do; the message is meant for people."""


class InputError(PotatoError):
    """Input pixels that can't be used."""


class PairError(InputError):
    """A pan and a mul that don't lie on one 4:1 grid."""


class GridError(InputError):
    """Two finished pictures that don't lie on one grid."""


class BandError(InputError):
    """An image whose bands or data type aren't the expected ones."""


class SensorError(InputError):
    """An image from a sensor that Potato doesn't know."""


class EmptyError(InputError):
    """An image without a single valid pixel where one is needed."""


class ArdError(PotatoError):
    """An ARD folder, item or catalog that can't be understood."""


class ChipError(PotatoError):
    """A chip or a pool of chips that can't be used."""


class WeightsError(PotatoError):
    """A checkpoint that can't be used."""


class SessionError(PotatoError):
    """A training session that can't be started or resumed."""


class OutputError(PotatoError):
    """An output that can't be written."""


class OutputExists(OutputError, FileExistsError):  # noqa: N818  (named as FileExistsError is)
    """An output that is there already and that nobody asked to replace."""


class ClusterError(PotatoError):
    """A cluster that can't be reached, or whose workers can't be used."""


class BlockError(PotatoError):
    """A block of a run that failed; the message names its window and the cause."""
