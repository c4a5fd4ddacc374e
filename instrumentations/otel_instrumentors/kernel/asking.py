"""Makes the scope of an instrumentor from what is asked for by keyword arguments and environment variables."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from opentelemetry.metrics import Meter, NoOpMeterProvider, get_meter_provider
from opentelemetry.metrics._internal import _ProxyMeterProvider
from opentelemetry.trace import Span, SpanKind, Tracer

from . import safety, versions
from .company import company_of
from .options import PREFIX, Convention, Options
from .scope import Scope
from .scope_with_options import Kind, ScopeWithOptions, Wish
from .switch import entries, listed

TRACED_REQUEST_ATTRS = "TRACED_REQUEST_ATTRS"
STABILITY = "OTEL_SEMCONV_STABILITY_OPT_IN"

_logger = logging.getLogger("otel_instrumentors")


def scopes_of(plugin: str, options: Options, tracer: Tracer, asked: Mapping[str, Any]) -> Callable[[str], Scope]:
    """The scopes of a plugin that offers `options`, for the keywords that are `asked` and what variables say.

    What is returned makes that of a module. A keyword that means nothing here is told.
    """
    asked = options.translate(asked)
    unknown = sorted(name for name in asked.keys() - options.names() if asked[name] is not None)
    if unknown:
        _logger.warning("The instrumentor of %s has no option %s: it is ignored", plugin, ", ".join(unknown))
    _tell_of_conventions()
    kinds = dict(_kinds(plugin, options, asked))
    wishes = [Wish(hook, asked[name]) for name, hook in options.hooks.items() if callable(asked.get(name))]
    named = listed(f"{PREFIX}{plugin.upper()}_{TRACED_REQUEST_ATTRS}")
    if options.request is not None and named:
        wishes.append(Wish(options.request, _copying(named)))
    others = {known: asked[name] for name, known in options.others.items() if asked.get(name) is not None}
    propagation = {"propagates": asked.get("propagate", True), "injects": asked.get("inject", True)}

    def scope_of(module: str) -> Scope:
        company = company_of(plugin, module, is_server=options.server is not None)
        if not (kinds or wishes or others or company):
            return Scope(tracer, **propagation)
        return ScopeWithOptions(tracer, kinds, wishes, others, company=company, **propagation)

    return scope_of


def _kinds(plugin: str, options: Options, asked: Mapping[str, Any]) -> Iterator[tuple[SpanKind, Kind]]:
    for kind, convention in ((SpanKind.SERVER, options.server), (SpanKind.CLIENT, options.client)):
        if convention is not None:
            # Of a plugin that has both, the argument is for what is served: so it is with OpenTelemetry's own.
            given = (
                asked.get(convention.variable.lower()) if kind is SpanKind.SERVER or options.server is None else None
            )
            patterns = _patterns(options.libraries(plugin, kind), convention.variable) if given is None else given
            if isinstance(patterns, str):
                patterns = entries(patterns)
            meter = _meter(convention, asked.get("meter_provider"))
            sizes = [size for size in options.sizes if size.kind is kind]
            made = Kind(convention, patterns, meter, asked.get("duration_histogram_boundaries"), sizes)
            if made:
                yield kind, made


def _patterns(libraries: tuple[str, ...], variable: str) -> str:
    for library in libraries:
        text = _variable(library, variable)
        if text is not None:
            return text
    return os.environ.get(f"{PREFIX}{variable}", "")


def _meter(convention: Convention, provider: Any) -> Meter | None:
    """None where nobody measures: no provider is given, and there is no global one."""
    if convention.duration is None:
        return None
    if provider is None:
        provider = get_meter_provider()
    if isinstance(provider, (_ProxyMeterProvider, NoOpMeterProvider)):
        return None
    meter: Meter = provider.get_meter("otel_instrumentors", versions.own(), schema_url=versions.SCHEMA_URL)
    return meter


def _variable(library: str, what: str) -> str | None:
    return os.environ.get(f"{PREFIX}{library}_{what}")


def _copying(names: tuple[str, ...]) -> Callable[[Span, Any], None]:
    """A hook that puts attributes of a request object on the span, under their own names."""

    def copy(span: Span, request: Any) -> None:
        for name in names:
            value = getattr(request, name, None)
            if value is not None:
                span.set_attribute(name, safety.text(value))

    return copy


@functools.cache
def _tell_of_conventions() -> None:
    old = [entry for entry in listed(STABILITY) if entry == "default" or entry.endswith("/dup")]
    if old:
        _logger.warning("%s asks for %s: only the stable semantic conventions are supported", STABILITY, ", ".join(old))
