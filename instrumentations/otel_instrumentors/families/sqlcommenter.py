"""Comments behind statements that tell the database who sends them, for those who ask for it.

Source: sqlcommenter (google.github.io/sqlcommenter), with the keys of OpenTelemetry's own instrumentors.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, AnyStr
from urllib.parse import quote

from opentelemetry.context import Context
from opentelemetry.semconv.attributes.http_attributes import HTTP_ROUTE
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..kernel import versions
from ..kernel.recording import entry_of
from ..kernel.scope_with_options import OTHERS
from ..semconv.db import Comments

ENABLED, CHOSEN = "enable_commenter", "commenter_options"
OPTIONS = {ENABLED: ENABLED, CHOSEN: CHOSEN}
"""What whoever instruments a driver may ask for (`Options.others`)."""

_TAGGED, _TAGS = "framework_tags", "framework_tags_chosen"
FRAMEWORK_OPTIONS = {ENABLED: _TAGGED, CHOSEN: _TAGS}
"""The same of a web framework, whose tags are in the comments that a driver is asked for."""

_TAGS_OF_OTHERS = "SQLCOMMENTER_ORM_TAGS_AND_VALUES"
"""The context key of the tags of OpenTelemetry's own instrumentors of frameworks."""

_CONTROLLERS = ("endpoint", "view", "route.name")
"""What plugins call the attribute, after their own name, that says which part of the application answers."""

_NOTHING: Mapping[str, Any] = {}
_propagator = TraceContextTextMapPropagator()


Pairs = Iterable[tuple[str, str]]


def comment(context: Context, comments: Comments, known: Callable[[], Pairs]) -> str:
    """The comment to put behind a statement whose span is current in `context`; "" for none.

    `known` is asked for what whoever sends it says of itself.
    """
    asked: Any = context.get(OTHERS)
    if asked is None or not asked.get(ENABLED):
        return ""
    chosen = asked.get(CHOSEN, _NOTHING)
    pairs = dict(known())
    tags: Any = context.get(_TAGS_OF_OTHERS)
    pairs.update(tags or {})
    if asked.get(_TAGGED, True):
        wanted = asked.get(_TAGS) or {}
        pairs.update((key, value) for key, value in _of_request(context) if wanted.get(key, True))
    if chosen.get("opentelemetry_values", True):
        _propagator.inject(pairs, context)
    written = ",".join(
        f"{quote(key)}='{quote(value)}'" for key, value in sorted(pairs.items()) if chosen.get(key, True)
    )
    if not written:
        return ""
    return f" /*{written.replace('%', '%%') if comments is Comments.DOUBLED else written}*/"


def appended(statement: AnyStr, comment: AnyStr) -> AnyStr:
    """The statement with the comment at its end, before the semicolon."""
    bare = statement.rstrip()
    end = bare[-1:] if bare[-1:] in (";", b";") else bare[:0]
    return bare[: len(bare) - len(end)] + comment + end


def _of_request(context: Context) -> Iterator[tuple[str, str]]:
    """What the span of the request that is being served says of its framework."""
    entry = entry_of(context)
    span: Any = None if entry is None else entry.span
    made_by = getattr(span, "instrumentation_scope", None)
    if made_by is None:
        return
    framework, attributes = made_by.name.rpartition(".")[2], span.attributes or {}
    yield "framework", f"{framework}:{versions.installed(framework) or 'unknown'}"
    if HTTP_ROUTE in attributes:
        yield "route", str(attributes[HTTP_ROUTE])
    application = attributes.get(f"{framework}.app")
    if application:
        yield "app_name", application if isinstance(application, str) else ":".join(map(str, application))
    for name in _CONTROLLERS:
        controller = attributes.get(f"{framework}.{name}")
        if controller:
            yield "controller", str(controller)
            return


def of_driver(cursor: type[Any]) -> Iterator[tuple[str, str]]:
    """What the driver's module says of itself (PEP 249)."""
    name = cursor.__module__
    while name and not hasattr(sys.modules.get(name), "apilevel"):
        name = name.rpartition(".")[0]
    module: Any = sys.modules.get(name)
    if module is None:
        return
    yield "db_driver", f"{name}:{getattr(module, '__version__', 'unknown')}"
    for key, attribute in (
        ("dbapi_threadsafety", "threadsafety"),
        ("dbapi_level", "apilevel"),
        ("driver_paramstyle", "paramstyle"),
        ("libpq_version", "__libpq_version__"),
    ):
        value = getattr(module, attribute, None)
        if value is not None:
            yield key, str(value)
