"""What we say in the log: one printable line of bounded length, whatever it quotes."""

from __future__ import annotations

import logging

from .interruptions import pass_on

LOGGERS = ("otel_dd_distro", "otel_dd_distro.export", "otel_instrumentors")

_LONGEST = 16_384


def keep_to_one_line() -> None:
    """From now on no Agent's answer, no variable and no exception's text makes a second line, or moves the cursor."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_one_line)


def _one_line(record: logging.LogRecord) -> bool:
    """Lets every record pass, without line ends and control characters. A traceback stays below it."""
    try:
        text = record.getMessage()
    except Exception as error:  # noqa: BLE001 - what is quoted may not be convertible to text
        pass_on(error)
        record.msg, record.args = f"{record.msg} (it cannot be shown: {type(error).__name__})", ()
        text = record.msg
    if len(text) > _LONGEST or not text.isprintable():
        record.msg, record.args = "".join(map(_printable, text[:_LONGEST])), ()
    return True


def _printable(sign: str) -> str:
    return sign if sign.isprintable() else sign.encode("unicode_escape").decode()
