"""From an environment to settings: each variable of the table read once, and a complaint for what cannot be used."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import upstream
from .combined import combine
from .complaints import Complaint, Unusable, say
from .parsers.words import verbatim
from .record import Settings
from .variables import PER_INSTRUMENTOR, VARIABLES, PerInstrumentor, Variable

_OWN_NAMES = frozenset(name for variable in VARIABLES for name in variable.names)


def read(
    environ: Mapping[str, str],
    argv: Sequence[str] | None = None,
    exists: Callable[[str], bool] = os.path.exists,
) -> Settings:
    """Read all settings. Never raises: what cannot be used costs one warning, and its default is used.

    `argv` is the command line as in `sys.argv` (the default), from which a missing service is inferred; `exists`
    tells whether the Agent's usual socket is there.
    """
    texts = {
        name: _scrubbed(value)
        for name, value in environ.items()
        if name.startswith(("DD_", "OTEL_", "_DD_TRACE_WRITER_"))
    }
    parsed: dict[str, Any] = {}
    complaints: list[Complaint] = []
    values: dict[str, Any] = {}
    for variable in VARIABLES:
        value = _value(variable, texts, parsed, complaints)
        values[variable.names[0] if variable.joined else variable.field] = value
    for family in PER_INSTRUMENTOR:
        values[family.field] = _by_instrumentor(family, texts, complaints)
    combine(values, parsed.keys(), complaints, getattr(sys, "argv", ()) if argv is None else argv, exists)
    if values["enabled"]:
        say(complaints, values)
    return Settings(**values)


@functools.cache
def current() -> Settings:
    """The settings of this process, read from its environment when first asked for.

    Of what OpenTelemetry reads there itself, what it could not use is taken out.
    """
    settings = read(os.environ)
    upstream.mend(os.environ)
    if settings.enabled:
        upstream.say_mended()
    return settings


def _scrubbed(text: str) -> str:
    """Without the half characters that bytes outside UTF-8 become in `os.environ`."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _value(variable: Variable, texts: Mapping[str, str], parsed: dict[str, Any], complaints: list[Complaint]) -> Any:
    """Of the first of its names that is set. Several rows may have one: it is parsed, and complained of, once."""
    for name in variable.names:
        if name in parsed:
            return parsed[name]
        text = texts.get(name)
        if text is not None and variable.parse is not verbatim:
            text = text.strip()
        if text or (text is not None and variable.empty):
            parsed[name] = _parsed(name, text, variable, complaints)
            return parsed[name]
    return variable.default


def _by_instrumentor(family: PerInstrumentor, texts: Mapping[str, str], complaints: list[Complaint]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for suffix in family.suffixes:
        for name, text in texts.items():
            text = text.strip()
            middle = family.instrumentor(name, suffix)
            if text and middle and middle not in values and name not in _OWN_NAMES:
                value = _parsed(name, text, family, complaints)
                if value is not None:
                    values[middle] = value
    return values


def _parsed(name: str, text: str, row: Variable | PerInstrumentor, complaints: list[Complaint]) -> Any:
    try:
        return row.parse(text)
    except Unusable as unusable:
        used = unusable.used(row.default)
        if isinstance(used, bool):
            # A flag may say the contrary of its field, or a part of it.
            unusable = Unusable(str(unusable), used)
        complaints.append(Complaint(name, text, unusable, row.field if isinstance(row, Variable) else ""))
        return used
