"""Comments behind statements that tell the database who sends them, for those who ask for it.

Source: sqlcommenter (google.github.io/sqlcommenter), with the keys of OpenTelemetry's own instrumentors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, AnyStr
from urllib.parse import quote

from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..kernel.scope_with_options import OTHERS
from ..semconv.db import Comments

ENABLED, CHOSEN = "enable_commenter", "commenter_options"
OPTIONS = (ENABLED, CHOSEN)

_propagator = TraceContextTextMapPropagator()


def comment(cursor: Any, context: Context, comments: Comments) -> str:
    """The comment to put behind a statement of `cursor` whose span is current in `context`; "" for none."""
    asked: Any = context.get(OTHERS)
    if asked is None or not asked.get(ENABLED):
        return ""
    chosen = asked.get(CHOSEN) or {}
    pairs = dict(_of_driver(type(cursor)))
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


def _of_driver(cursor: type[Any]) -> Iterator[tuple[str, str]]:
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
