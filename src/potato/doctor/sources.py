"""What a source holds, whether it is an ARD or a vendor's delivery."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from potato.ard.item import unusable
from potato.ard.listing import ArdListing, list_ard
from potato.core.text import redact
from potato.deliveries import examine
from potato.deliveries.delivery import is_delivery
from potato.doctor.ards import examine_ard
from potato.doctor.finding import Finding
from potato.errors import ArdError, DeliveryError
from potato.fusion.ard.choice import Choice

OfArd = TypeVar("OfArd")
OfDelivery = TypeVar("OfDelivery")


def read_source(
    source: str,
    choice: Choice | None,
    read_ard: Callable[[], OfArd],
    read_delivery: Callable[[], OfDelivery],
) -> OfArd | OfDelivery:
    """Read a source as the ARD or the delivery that it is; only an ARD has tiles to choose from.

    Args:
        source: an address, a folder, an archive or a metadata file.
        choice: which tiles of an ARD are wanted; None for all.
        read_ard: reads an ARD; raises ArdError if there is none.
        read_delivery: reads a delivery.

    Raises:
        ArdError: if there is neither, or no ARD to choose from.
    """
    is_folder = Path(source).is_dir()
    if choice is None and is_delivery(source) and not is_folder:
        return read_delivery()
    try:
        return read_ard()
    except ArdError:
        if choice is not None or not is_folder:
            raise
    return read_delivery()


def list_source(
    source: str, *, follow_links: bool = False, choice: Choice | None = None
) -> ArdListing | examine.DeliveryListing:
    """List what an ARD or a delivery holds; of an ARD, no pixel is read.

    Args:
        source: an ARD, as `list_ard` takes it; or a folder, an archive or a metadata file of a
            delivery.
        follow_links: whether images of an ARD may lie outside it where an item says so.
        choice: which tiles of an ARD to list; None for all.

    Raises:
        ArdError: if there is neither, or no ARD to choose from.
        DeliveryError: if a delivery can't be understood.
    """
    is_address, is_there = "://" in source or source.startswith("/vsi"), Path(source).exists()
    if not is_address and not (is_there and is_delivery(source)):
        raise ArdError(
            f"{source}: expected an ARD, or a delivery (a folder, a .zip or .tar, a metadata file), "
            f"found {'another file' if is_there else 'nothing there'}"
        )
    refuse = unusable if choice is None else choice.refusal
    return read_source(
        source,
        choice,
        lambda: list_ard(source, follow_links=follow_links, refuse=refuse),
        lambda: examine.list_products(source),
    )


def examine_source(
    source: str, tiles: int, follow_links: bool = False, progress: bool = False
) -> Iterator[Finding]:
    """Check an ARD, as `examine_ard` does, or a delivery."""
    try:
        is_ard = isinstance(list_source(source, follow_links=follow_links), ArdListing)
    except ArdError:
        is_ard = True  # `examine_ard` tells why it is none
    except DeliveryError as error:
        yield Finding("ARD", "wrong", redact(str(error)), "give the folder of an ARD or of a delivery")
        return
    yield from examine_ard(source, tiles, follow_links, progress) if is_ard else _examine_delivery(source)


def _examine_delivery(source: str) -> Iterator[Finding]:
    for product in examine.examine_products(source):
        for fault in product.faults:
            found, _, remedy = redact(fault).rpartition("; ")
            yield Finding(product.name, "wrong", found or remedy, remedy if found else "")
        if product.delivery is not None:
            yield Finding(product.name, "fine", str(product.delivery).removeprefix(f"{product.name}: "))
            for note in product.delivery.notes:
                yield Finding(product.name, "note", note)
