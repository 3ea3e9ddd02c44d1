"""Numbers in sentences."""


def counted(count: int, noun: str) -> str:
    """How many of something.

    >>> counted(1, "tile"), counted(8000, "tile")
    ('1 tile', '8,000 tiles')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
