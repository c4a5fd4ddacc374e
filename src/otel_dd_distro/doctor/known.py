"""What is known of a variable by its name alone: whether it is read here, or what stands for one of ddtrace's."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ..counterparts import catalogue
from ..settings import PER_INSTRUMENTOR, UPSTREAM, VARIABLES, PerInstrumentor, Variable
from ..settings.record import names_in_variables
from ..settings.variables import FIXED
from ..translate.conventions import django
from ..translate.names import NAMES_IN_VARIABLES
from .elsewhere import elsewhere

IN_FORCE = "in force"
"""It is read here, or by OpenTelemetry's own packages, and means the same as for ddtrace."""

_UPSTREAM = (
    "opentelemetry.environment_variables",
    "opentelemetry.sdk.environment_variables",
    "opentelemetry.instrumentation.environment_variables",
    "opentelemetry.util.http",
)

_SWITCH = "instrumentor_enabled"
"""The family of the variables DD_TRACE_<NAME>_ENABLED."""

_OF_OURS = (
    "OTEL_PYTHON_LOG_(CORRELATION|FORMAT|LEVEL)"
    "|OTEL_PYTHON_ASYNCIO_(COROUTINE_NAMES_TO_TRACE|FUTURE_TRACE_ENABLED|TO_THREAD_FUNCTION_NAMES_TO_TRACE)"
    "|OTEL_PYTHON_(.+_)?(EXCLUDED_URLS|EXCLUDED_SERVICES|TRACED_REQUEST_ATTRS)|OTEL_PYTHON_.+_INSTRUMENT"
)
"""The variables that our instrumentors read themselves, and no setting of this half stands for."""

_OF_ANY = "OTEL_INSTRUMENTATION_"
"""What the variables begin with that any instrumentor may read: there is no list of them all."""


class Answer(NamedTuple):
    state: str
    """`IN_FORCE`, or one of `elsewhere`'s."""
    said: str
    row: Variable | None = None
    """Of the table of settings, if it is there."""
    family: PerInstrumentor | None = None
    """Likewise of those with the name of an instrumentor, which is `middle`."""
    middle: str = ""


def answer(name: str, others: Iterable[str] = ()) -> Answer | None:
    """What is to be said of a variable of that name; None where nobody is known to read it.

    `others` are the names of instrumentors of other packages that are installed: they are switched like ours.
    """
    row = rows().get(name)
    if row is not None:
        only = "its default alone is here: " if row.field == FIXED else ""
        return Answer(IN_FORCE, only + row.meaning, row)
    for family in PER_INSTRUMENTOR:
        for suffix in family.suffixes:
            middle = family.instrumentor(name, suffix)
            if middle in middles()[family.field] or (family.field == _SWITCH and middle in _named(others)):
                return Answer(IN_FORCE, family.meaning, None, family, middle)
    if name in upstream():
        said = next((theirs.meaning for theirs in UPSTREAM if name in theirs.names), "read by OpenTelemetry itself")
        return Answer(IN_FORCE, said)
    if re.fullmatch(_OF_OURS, name):
        return Answer(IN_FORCE, "read by instrumentors")
    if is_open(name):
        return Answer(IN_FORCE, "an instrumentor may read it: that cannot be checked here")
    found = elsewhere(name)
    return None if found is None else Answer(found.state, found.said)


def is_open(name: str) -> bool:
    """Whether a variable is for instrumentors, of which it is not known whether one reads it."""
    return name.startswith(_OF_ANY) and name not in rows() and name not in upstream()


def names() -> Iterator[str]:
    """Those that a misspelt one may have been meant for."""
    yield from rows()
    yield from upstream()
    for family in PER_INSTRUMENTOR:
        for middle in middles()[family.field]:
            yield f"{family.prefix}{middle.upper()}{family.suffix}"


@functools.cache
def rows() -> Mapping[str, Variable]:
    return {name: variable for variable in VARIABLES for name in variable.names}


@functools.cache
def middles() -> Mapping[str, frozenset[str]]:
    """The names of instrumentors that are read in each family of variables, in lower case, by the family's field."""
    return {
        _SWITCH: _named(catalogue()),
        "instrumentor_service": NAMES_IN_VARIABLES | {django.CACHE},
        "instrumentor_split_by_domain": NAMES_IN_VARIABLES,
        "instrumentor_distributed_tracing": frozenset(
            name for plugin in catalogue() for name in (plugin, f"{plugin}_client")
        ),
    }


def _named(instrumentors: Iterable[str]) -> frozenset[str]:
    return frozenset(name for instrumentor in instrumentors for name in names_in_variables(instrumentor))


@functools.cache
def upstream() -> frozenset[str]:
    """What OpenTelemetry's own packages read, by the constants of their modules."""
    found: set[str] = set()
    for module in _UPSTREAM:
        try:
            constants = vars(importlib.import_module(module))
        except ImportError:
            continue
        found.update(value for value in constants.values() if isinstance(value, str) and value.startswith("OTEL_"))
    return frozenset(found)
