"""Metadata from strangers, in which any number or word may be missing or wrong."""

import contextlib
from collections.abc import Iterator

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
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DeliveryError(
            f"{path}: expected metadata that make sense, found otherwise: {reason}; fetch them again"
        ) from error
