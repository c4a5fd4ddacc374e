"""Values that are one word or one text."""

from __future__ import annotations

from collections.abc import Callable

from ..complaints import NOTHING, Unusable

_LONGEST = 5_000
_LEVELS = ("trace", "debug", "verbose", "info", "warn", "warning", "error", "critical", "fatal", "none", "off")


def short_text(text: str) -> str:
    if len(text) > _LONGEST:
        raise Unusable(f"longer than {_LONGEST} characters")
    return text


def verbatim(text: str) -> str:
    return text


def header(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise Unusable("it has characters that an HTTP header cannot have")
    return short_text(text)


def flag(text: str) -> bool:
    word = text.lower()
    if word in ("true", "1"):
        return True
    if word in ("false", "0"):
        return False
    # ddtrace takes whatever it does not know for false. What is meant so is, too; a slip of the pen is not.
    raise Unusable("neither true nor false", instead=False if word in ("no", "off", "n", "f") else NOTHING)


def fixed(value: bool, why: str) -> Callable[[str], bool]:
    """A flag of ddtrace's that says here what it says there unasked, and `why` nothing else."""

    def always(text: str) -> bool:
        if flag(text) is not value:
            raise Unusable(why, instead=value)
        return value

    return always


def logs_injection(text: str) -> bool:
    """As ddtrace has it: `structured` once meant structured logging alone, and now means on."""
    return text.lower() == "structured" or flag(text)


def level(text: str) -> str:
    if text.lower() not in _LEVELS:
        raise Unusable("not a log level", instead="info")
    return text.lower()


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def choice(text: str) -> str:
        if text.lower() not in choices:
            raise Unusable("not one of " + ", ".join(choices))
        return text.lower()

    return choice


def table_keys(text: str) -> str:
    """The names of the attributes that make the primary key of each table: JSON, `{"table": ["name"]}`."""
    import json  # costs start-up, and is seldom needed

    try:
        tables = json.loads(short_text(text))
    except ValueError:
        raise Unusable("not JSON", instead="") from None
    named = isinstance(tables, dict) and all(
        isinstance(names, list) and len(names) in (1, 2) and all(isinstance(name, str) for name in names)
        for names in tables.values()
    )
    if not named:
        raise Unusable("each table needs a list of one or two names of attributes", instead="")
    return text


def header_name(text: str) -> str:
    return header(text).lower()
