"""Days and moments as items give them, which may be in any time zone, or none at all."""

import datetime


def day_of(text: object) -> str:
    """The day `yyyy-mm-dd` with which a text begins; empty without one."""
    try:
        return datetime.date.fromisoformat(str(text)[:10]).isoformat()
    except ValueError:
        return ""


def utc_moment(text: object) -> str | None:
    """A moment in UTC, as STAC writes it, of one in any time zone or in none, which is UTC, too."""
    if not isinstance(text, str) or len(text) <= len("yyyy-mm-dd"):
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
        zone = moment.tzinfo or datetime.UTC
        return moment.replace(tzinfo=zone).astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return None
