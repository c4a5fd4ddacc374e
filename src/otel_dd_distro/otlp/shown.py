"""A finished span as another exporter may show it: no Agent obfuscates what is sent there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Status, StatusCode

from ..translate.conventions.urls import Urls
from ..translate.secrets import EXCEPTION_TEXTS, literals_of, scrubbed, without_literals

URLS = ("url.full", "http.url", "http.target")
QUERIES = ("url.query",)
STATEMENTS = ("db.query.text", "db.statement")
_LOOKED_AT = frozenset((*URLS, *QUERIES, *STATEMENTS))


class Shown(ReadableSpan):
    """`span` with other attributes, events and status; the span itself stays as it is."""

    def __init__(
        self, span: ReadableSpan, attributes: Mapping[str, Any], events: Sequence[Event], status: Status
    ) -> None:
        scope: InstrumentationScope | None = span.instrumentation_scope
        super().__init__(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=attributes,
            events=events,
            links=span.links,
            kind=span.kind,
            status=status,
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=scope,
        )
        self._dropped = span.dropped_attributes, span.dropped_events, span.dropped_links

    @property
    def dropped_attributes(self) -> int:
        return self._dropped[0]

    @property
    def dropped_events(self) -> int:
        return self._dropped[1]

    @property
    def dropped_links(self) -> int:
        return self._dropped[2]


def literals_in(spans: Sequence[ReadableSpan]) -> list[str]:
    """The literals of the statements that failed: an error passes through the spans around, with what it tells."""
    failed = [span.attributes or {} for span in spans if span.status.status_code is StatusCode.ERROR]
    return literals_of(str(told[key]) for told in failed for key in STATEMENTS if key in told)


def shown(span: ReadableSpan, names: Mapping[str, str], urls: Urls, literals: Sequence[str]) -> ReadableSpan:
    """The span without the secrets that we know how to find, and with these `names` beside its attributes.

    Queries are obfuscated as those that go to the Agent, statements lose their literals (the Agent does that itself),
    the texts of errors are looked through.
    """
    attributes, events, status = span.attributes or {}, span.events, span.status
    if not names and not events and not status.description and _LOOKED_AT.isdisjoint(attributes):
        return span
    told: dict[str, Any] = {**attributes, **names}
    for key in _LOOKED_AT.intersection(told):
        value = told[key]
        if isinstance(value, str):
            told[key] = _safe(key, value, urls)
    if names.get("span.type") == "sql":
        told["resource.name"] = without_literals(names.get("resource.name", ""))
    description = status.description
    if description:
        status = Status(status.status_code, scrubbed(description, literals))
    return Shown(span, told, [_event(event, literals) for event in events], status)


def _safe(key: str, value: str, urls: Urls) -> str:
    if key in STATEMENTS:
        return without_literals(value)
    if key in QUERIES:
        return urls.obfuscated(value)
    rest, mark, fragment = value.partition("#")
    head, question, query = rest.partition("?")
    scheme, found, place = head.partition("://")
    if found:
        authority, slash, path = place.partition("/")
        userinfo, at, host = authority.rpartition("@")
        if at and userinfo not in ("REDACTED", "REDACTED:REDACTED"):
            head = f"{scheme}://REDACTED:REDACTED@{host}{slash}{path}"
    return f"{head}{question}{urls.obfuscated(query)}{mark}{fragment}"


def _event(event: Event, literals: Sequence[str]) -> Event:
    told = event.attributes or {}
    texts = {key: scrubbed(text, literals) for key in EXCEPTION_TEXTS if isinstance(text := told.get(key), str)}
    return Event(event.name, {**told, **texts}, event.timestamp) if texts else event
