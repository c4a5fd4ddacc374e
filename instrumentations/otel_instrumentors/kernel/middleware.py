"""The scope of a middleware, which an application puts around itself by a line of its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import Tracer, get_tracer

from . import versions
from .asking import scopes_of
from .options import Options
from .scope import Scope


def scope_of(module: str, options: Options, asked: Mapping[str, Any], tracer: Tracer | None = None) -> Scope:
    """The scope of one middleware of a module that offers `options`, for the keywords that are `asked`.

    Where no `tracer` is given, its spans are by one that is named like the module.
    """
    if tracer is None:
        tracer = get_tracer(module, versions.own(), asked.get("tracer_provider"), versions.SCHEMA_URL)
    name = module.rpartition(".")[2]
    return scopes_of(name, options, tracer, asked)(name)
