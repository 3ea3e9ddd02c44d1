"""Every error that Potato raises on purpose, in one tree.

A message is one line: what was expected, what was found, what to do.

    PotatoError
    ├── InputError
    │   ├── PairError
    │   ├── GridError
    │   ├── BandError
    │   ├── DeliveryError
    │   │   └── CalibrationError
    │   └── EmptyError
    ├── ArdError
    ├── ChipError
    ├── WeightsError
    ├── SessionError
    ├── OutputError
    │   ├── OutputExists        also a FileExistsError
    │   └── DiskFullError
    ├── ClusterError
    ├── ExtraError              also an ImportError
    ├── ConflictError           also an ImportError
    └── BlockError
"""


class PotatoError(Exception):
    """Anything that Potato refuses or can't do."""


class InputError(PotatoError):
    """Input that can't be used."""


class PairError(InputError):
    """A pan and a mul whose grids or ground don't fit each other."""


class GridError(InputError):
    """Two finished pictures that don't lie on one grid."""


class BandError(InputError):
    """An image with other bands or another data type than expected."""


class DeliveryError(InputError):
    """A vendor's delivery that is incomplete, or that isn't understood."""


class CalibrationError(DeliveryError):
    """A delivery whose metadata don't tell how counts become reflectance."""


class EmptyError(InputError):
    """An image without a valid pixel where one is needed."""


class ArdError(PotatoError):
    """An ARD folder, item or catalog that can't be read or understood."""


class ChipError(PotatoError):
    """A chip or a pool of chips that can't be used."""


class WeightsError(PotatoError):
    """A checkpoint that can't be used."""


class SessionError(PotatoError):
    """A training session that can't be started or resumed."""


class OutputError(PotatoError):
    """An output that can't be written."""


class OutputExists(OutputError, FileExistsError):  # noqa: N818  (named as FileExistsError is)
    """An output that exists already and may not be replaced."""


class DiskFullError(OutputError):
    """An output for which the disk, or the user's share of it, has no room."""


class ClusterError(PotatoError):
    """A cluster that can't be reached, or whose workers can't be used."""


class ExtraError(PotatoError, ImportError):
    """A feature whose packages aren't installed; the message names the extra that brings them."""


class ConflictError(PotatoError, ImportError):
    """Another distribution has put its files into this package; the message says how to mend it."""


class BlockError(PotatoError):
    """A block that failed; the message names its window and the cause."""
