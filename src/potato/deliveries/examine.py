"""The products of a folder, and the faults of each."""

from dataclasses import dataclass, replace

from potato.core.text import counted, one_line
from potato.core.types import PathLike
from potato.deliveries.clearing import as_cleared
from potato.deliveries.contents import read_part
from potato.deliveries.delivery import Delivery, find_products, open_delivered, open_layers
from potato.deliveries.product import Product
from potato.errors import DeliveryError, InputError
from potato.raster.gdal_env import gdal
from potato.raster.header import read_corner
from potato.raster.layer import Reading


@dataclass(frozen=True)
class Examined:
    """A product of a delivery, and whether it can be sharpened.

    Attributes:
        name: the vendor's name.
        kind: `maxar`, `dimap`, `landsat`, `radiance` or `files`.
        delivery: its pan and mul; None if it can't be sharpened.
        faults: a line each, with what to do about it; empty if there are none.
    """

    name: str
    kind: str
    delivery: Delivery | None
    faults: tuple[str, ...]

    def __str__(self) -> str:
        """A line about the product, and one for each fault and each guess."""
        line = f"{self.name}: can't be sharpened" if self.delivery is None else str(self.delivery)
        notes = () if self.delivery is None else self.delivery.notes
        return "\n".join([line, *(f"  {text}" for text in (*self.faults, *notes))])


@dataclass(frozen=True)
class DeliveryListing:
    """The products of a delivery.

    Attributes:
        products: in the order of their names.
    """

    products: tuple[Examined, ...]

    def __str__(self) -> str:
        """Lines for people."""
        usable = sum(one.delivery is not None for one in self.products)
        lines = [*map(str, self.products), f"{counted(len(self.products), 'product')}, {usable} usable"]
        return "\n".join(lines)


def list_products(path: PathLike) -> DeliveryListing:
    """List the products of a folder, an archive or a metadata file; few pixels are read.

    Raises:
        DeliveryError: if there is no imagery, or metadata can't be understood.
    """
    return DeliveryListing(tuple(_examine(product, ()) for product in find_products(path)))


def examine_products(path: PathLike) -> tuple[Examined, ...]:
    """List products as `list_products` does, and read the last pixel of each file.

    Raises:
        DeliveryError: if there is no imagery, or metadata can't be understood.
    """
    return tuple(_examine(product, _unreadable(product)) for product in find_products(path))


def _examine(product: Product, faults: tuple[str, ...]) -> Examined:
    """A product, judged as `fuse` judges it: its pair is opened, and some pixels are read."""
    try:
        delivery = open_layers(product, trusting=True)
        with gdal(), open_delivered(delivery, Reading()) as pair:
            notes = pair.notes[1:]  # the first is the delivery's line
    except (DeliveryError, InputError) as error:
        return Examined(product.name, product.kind, None, (*faults, one_line(error)))
    shown = replace(as_cleared(delivery), notes=notes)
    return Examined(product.name, product.kind, shown, faults)


def _unreadable(product: Product) -> tuple[str, ...]:
    """A line for each file whose last pixel can't be read, as that of a download cut short."""
    faults = []
    for image in product.images:
        for part in (part for group in image.groups for part in group if part.file is not None):
            try:
                read_corner(read_part(product.contents, part.file or ""))
            except InputError as error:
                faults.append(one_line(error))
    return tuple(faults)
