"""Parses numbers that come from outside, only as far as they are plausible."""

from __future__ import annotations

LARGEST_PORT = 65_535


def natural(text: str, most: int) -> int | None:
    """The number that `text` writes in ASCII digits; None where it writes none, or one above `most`.

    What has more digits than `most` is not read: reading thousands of digits takes long, or raises.
    """
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(most)):
        return None
    number = int(text)
    return number if number <= most else None


def port(text: str) -> int | None:
    """A TCP port, 0 to 65535; None where `text` is none."""
    return natural(text, LARGEST_PORT)
