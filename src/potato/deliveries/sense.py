"""Metadata from strangers, in which any number or word may be missing or wrong."""

import contextlib
from collections.abc import Iterator

from potato.core.text import one_line
from potato.errors import BandError, DeliveryError, PotatoError


@contextlib.contextmanager
def sensible(path: str) -> Iterator[None]:
    """Turn what metadata without sense lead to into a DeliveryError.

    Args:
        path: of the delivery, for the message.

    Raises:
        DeliveryError: if a number isn't one, say, or no calibration has it.
    """
    try:
        yield
    except BandError as error:
        raise DeliveryError(f"{path}: {error}") from error
    except PotatoError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = one_line(error, 200)
        raise DeliveryError(
            f"{path}: expected metadata that make sense, found otherwise: {reason}; fetch them again"
        ) from error
