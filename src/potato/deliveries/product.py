"""Facts of a delivery by its metadata, before any image is opened."""

from dataclasses import dataclass

from potato.deliveries.contents import Contents


@dataclass(frozen=True)
class NamedPart:
    """A file of an image, which may be missing.

    Attributes:
        name: as the metadata name it.
        file: its name in the contents; None if it isn't there.
        place: its first row and column in the image, by the metadata; None if they don't say.
    """

    name: str
    file: str | None
    place: tuple[int, int] | None = None


@dataclass(frozen=True)
class VendorBand:
    """A band of an image.

    Attributes:
        name: the vendor's name, or the sensor's.
        group: which of the image's groups of files has it, from 0.
        number: its number in them, from 1.
        gain, offset: reflectance of one count, and of count 0; None if the metadata don't say.
    """

    name: str
    group: int
    number: int
    gain: float | None = None
    offset: float | None = None


@dataclass(frozen=True)
class VendorImage:
    """A pan or a mul, or another image of a product.

    Attributes:
        role: `pan`, `mul`, `band` for one band of an unknown one, or `sharp` for what is sharpened
            already.
        metadata: the file that describes it.
        platform: the satellite, in the vendor's spelling; empty if the metadata don't say.
        passes: what identifies the passes that it shows, such as catalog IDs; empty if unknown.
        date: `yyyy-mm-dd`, or empty.
        level: the vendor's word for its processing.
        groups: groups of files; those of a group show different ground in the same bands.
        bands: in any order; empty if the metadata don't name them.
        reflectance: what gains and offsets make of counts: `toa` or `surface`; empty if they are
            unknown.
        unknown: why gains and offsets are unknown, and what to do.
        size: rows and columns of the whole image by the metadata, if they say.
        lower_left: west and south of the image and the length of a pixel's side, for files without
            a place of their own; None if the metadata don't say.
        epsg: code of the CRS of `lower_left`; 0 if it is unknown.
        refusal: why the image can't be sharpened, and what to do; empty if it can.
    """

    role: str
    metadata: str
    platform: str
    passes: frozenset[str]
    date: str
    level: str
    groups: tuple[tuple[NamedPart, ...], ...]
    bands: tuple[VendorBand, ...]
    reflectance: str = ""
    unknown: str = ""
    size: tuple[int, int] | None = None
    lower_left: tuple[float, float, float] | None = None
    epsg: int = 0
    refusal: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the files that the metadata name and that aren't there."""
        return tuple(part.name for group in self.groups for part in group if part.file is None)

    @property
    def found(self) -> int:
        """The number of files that are there."""
        return sum(part.file is not None for group in self.groups for part in group)


@dataclass(frozen=True)
class Product:
    """A product of a delivery: one pan and one mul, if it is complete.

    Attributes:
        name: the vendor's, or that of the folder.
        kind: `maxar`, `dimap`, `landsat`, `radiance` or `files`.
        contents: the delivery that it is part of.
        images: all images that belong to it.
        notes: what was guessed.
    """

    name: str
    kind: str
    contents: Contents
    images: tuple[VendorImage, ...]
    notes: tuple[str, ...] = ()
