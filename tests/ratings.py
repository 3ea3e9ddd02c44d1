"""Ratings for tests."""

import csv
import dataclasses

from potato.ard.rating import Rating


def read_table(path):
    """The rows of a table of ratings."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def a_rating(cid, index_parts=(4.0, 4.0, 4.0), **changes):
    """A rating with the given seeing, water and interest; other fields are empty."""
    plain = {
        field.name: {str: "", int: 1, float: 0.0}.get(field.type, 0.0) for field in dataclasses.fields(Rating)
    }
    seeing, water, interest = index_parts
    return Rating(**{**plain, "cid": cid, "seeing": seeing, "water": water, "interest": interest, **changes})
