"""All configured header styles together: which one's context is used, and what becomes of the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from opentelemetry import baggage
from opentelemetry.baggage import _BAGGAGE_KEY
from opentelemetry.context import Context, get_current
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import Link, Span, SpanContext, TraceFlags
from opentelemetry.trace.propagation import _SPAN_KEY

from ..interruptions import pass_on
from ..local_trace import datadog_context
from ..local_trace.datadog_context import DatadogContext
from .b3 import B3MultiPropagator, B3Propagator
from .baggage import BaggagePropagator, put_in
from .datadog import MAX_TAGS_LENGTH, DatadogPropagator
from .headers import Headers
from .style import Found, Style
from .tracecontext import TraceContextPropagator

log = logging.getLogger("otel_dd_distro")

DEFAULT_STYLES = ("datadog", "tracecontext", "baggage")
DEFAULT_BAGGAGE_TAGS = ("user.id", "account.id", "session.id")

_STYLES: dict[str, Callable[[], Style]] = {
    "tracecontext": TraceContextPropagator,
    "b3": B3Propagator,
    "b3multi": B3MultiPropagator,
}


class StylesPropagator(TextMapPropagator):
    """Extracts in the order of `extract`: the first context found is continued. Injects all of `inject`.

    A context of another trace that is found besides becomes a link of the local root; what the W3C headers of the same
    trace know better, its parent and the members of other vendors, is adopted. `behavior` is `continue`, `restart`
    (a new trace with a link to the one found) or `ignore`.
    """

    statements: TextMapPropagator | None = None
    """Where the instrumentations of database drivers look for what to write into SQL comments."""

    records: TextMapPropagator | None = None
    """Where the instrumentations of logging libraries look for what to put on log records."""

    envelope = "_datadog"
    """Where the instrumentations of message services look for the name under which the headers of a message stand
    together, as one JSON object: what Datadog's tracers and layers read there."""

    def __init__(
        self,
        extract: Iterable[str] = DEFAULT_STYLES,
        inject: Iterable[str] = DEFAULT_STYLES,
        *,
        first_only: bool = False,
        behavior: str = "continue",
        tags_max_length: int = MAX_TAGS_LENGTH,
        baggage_tag_keys: Iterable[str] = DEFAULT_BAGGAGE_TAGS,
    ) -> None:
        made = {name: make() for name, make in _STYLES.items()}
        made["datadog"] = DatadogPropagator(tags_max_length)
        extract, inject = (() if behavior == "ignore" else tuple(extract)), tuple(inject)
        self._readers = tuple(made[name] for name in extract if name != "baggage")
        self._writers = tuple(made[name] for name in inject if name != "baggage")
        self._baggage = BaggagePropagator()
        self._reads_baggage = "baggage" in extract
        self._writes_baggage = "baggage" in inject
        self._first_only = first_only
        self._restart = behavior == "restart"
        self._baggage_tag_keys = tuple(baggage_tag_keys)

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        if context is None:
            context = Context()
        if not self._readers and not self._reads_baggage:
            return context
        try:
            return self._extracted(Headers(carrier, getter), context)
        except Exception as error:  # the carrier and its getter are other people's code
            pass_on(error)
            log.debug("Could not read propagation headers", exc_info=True)
            return context

    def _extracted(self, headers: Headers, context: Context) -> Context:
        items = self._baggage.find(headers) if self._reads_baggage else {}
        if items:
            context = put_in(context, items)
        contexts = self._found(headers)
        primary, links = _resolved(contexts) if contexts else (None, ())
        if primary and self._restart:
            link = _link(primary, "propagation_behavior_extract")
            return datadog_context.attach_links(context, [link]) if link else context
        if items and (tags := self._baggage_tags(items)) and not self._restart:
            primary = primary or Found("baggage", 0, 0, DatadogContext())
            primary.datadog.baggage_tags = tags
        if links:
            context = datadog_context.attach_links(context, links)
        return primary.put_in(context) if primary else context

    def _found(self, headers: Headers) -> list[Found]:
        contexts = []
        decision = None
        for reader in self._readers:
            found = reader.find(headers)
            if found is None:
                continue
            if not found.trace_id:
                # A decision without a trace (`b3: 0`) counts where nobody names a trace.
                decision = decision or found
                continue
            contexts.append(found)
            if self._first_only:
                break
        return contexts or ([decision] if decision else [])

    def _baggage_tags(self, items: Mapping[str, str]) -> dict[str, str]:
        keys = items if "*" in self._baggage_tag_keys else self._baggage_tag_keys
        return {"baggage." + key: items[key] for key in keys if key in items}

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        try:
            if context is None:
                context = get_current()
            if self._writes_baggage and _BAGGAGE_KEY in context:
                items = baggage.get_all(context)
                if items:
                    self._baggage.write(items, carrier, setter.set)
            span = context.get(_SPAN_KEY)
            if not isinstance(span, Span):
                return
            span_context = span.get_span_context()
            if self._writers and span_context.is_valid:
                datadog = datadog_context.resolve(context, span) or DatadogContext()
                put = setter.set
                for writer in self._writers:
                    writer.write(span_context, datadog, carrier, put)
        except Exception as error:  # the carrier and its setter are other people's code
            pass_on(error)
            log.debug("Could not write propagation headers", exc_info=True)

    @property
    def fields(self) -> set[str]:
        names = {name for writer in self._writers for name in writer.fields}
        return names | self._baggage.fields if self._writes_baggage else names


def _resolved(contexts: list[Found]) -> tuple[Found, list[Link]]:
    """The context to continue, and links to those of other traces."""
    primary = contexts[0]
    links = []
    parent = primary.span_id
    for other in contexts[1:]:
        if other.trace_id != primary.trace_id:
            link = _link(other, "terminated_context")
            if link:
                links.append(link)
        elif other.style == "tracecontext":
            primary.state = other.state
            primary.datadog.is_random = other.is_random
            if other.span_id != parent:
                upstream = other.datadog.parent_id
                if not upstream:
                    ours = next((one for one in contexts if one.style == "datadog"), None)
                    upstream = f"{ours.span_id:016x}" if ours and ours.span_id else ""
                primary.datadog.parent_id = upstream
                primary.span_id = other.span_id
    return primary, links


def _link(found: Found, reason: str) -> Link | None:
    if not found.span_id:
        return None
    # A link cannot wait for a decision: undecided is not sampled.
    sampled = TraceFlags((found.datadog.priority or 0) > 0)
    state = found.state if found.style == "tracecontext" else None
    known = SpanContext(found.trace_id, found.span_id, True, sampled, state)
    return Link(known, {"reason": reason, "context_headers": found.style})
