"""Parses ids and numbers of headers; None for a text that is not exactly one."""

from __future__ import annotations

MAX_64 = 2**64 - 1
LOW_64 = MAX_64


def decimal(text: str) -> int | None:
    """A whole number of up to 20 digits, with or without a sign, blanks around it allowed."""
    if text.isdecimal() and text.isascii() and len(text) <= 20:
        return int(text)  # as it is written by nearly everybody
    text = text.strip()
    digits = text[1:] if text[:1] in ("-", "+") else text
    if len(digits) > 20 or not (digits.isascii() and digits.isdecimal()):
        return None
    return int(text)


def small(text: str) -> int | None:
    """A whole number of 32 bits: a sampling priority goes into Datadog's metrics."""
    number = decimal(text)
    return number if number is not None and -(2**31) <= number < 2**31 else None


def lower_hex(text: str, digits: int) -> int | None:
    """Exactly so many lower-case hex digits."""
    if len(text) != digits:
        return None
    try:
        number = int(text, 16)
    except ValueError:
        return None
    # int() also takes upper case, signs, blanks, underscores and the digits of other scripts.
    return number if f"{number:0{digits}x}" == text else None


def any_hex(text: str, digits: int) -> int | None:
    """Up to so many hex digits, upper or lower case."""
    if not 0 < len(text) <= digits or not (text.isascii() and text.isalnum()):
        return None
    try:
        return int(text, 16)
    except ValueError:
        return None
