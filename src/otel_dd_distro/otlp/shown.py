"""A finished span as another exporter gets it: without secrets, because no Agent obfuscates what is sent there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Status, StatusCode

from ..translate.conventions.urls import Urls
from ..translate.every_span.stacks import without_ours
from ..translate.secrets import (
    ERROR_TEXTS,
    EXCEPTION_TEXTS,
    literals_of,
    parameters_in,
    scrubbed,
    without_literals,
    without_values,
)

URLS = ("url.full", "http.url", "http.target")
QUERIES = ("url.query",)
STATEMENTS = ("db.query.text", "db.statement")
SYSTEMS = ("db.system.name", "db.system")
TEXTS = (*ERROR_TEXTS, *EXCEPTION_TEXTS)
_LOOKED_AT = frozenset((*URLS, *QUERIES, *STATEMENTS, *TEXTS))
_REDIS = ("redis", "valkey")
_MEMCACHED = "memcached"


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
    """The literals and parameters of the statements that failed: an error passes through the spans around with them."""
    failed = [span for span in spans if span.status.status_code is StatusCode.ERROR]
    attributes = [span.attributes or {} for span in failed]
    statements = [str(told[key]) for told in attributes for key in STATEMENTS if key in told]
    messages = {span.status.description or "" for span in failed}
    return literals_of([*statements, *(shown for message in messages for shown in parameters_in(message))])


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
            if key in STATEMENTS:
                told[key] = _statement(value, attributes)
            elif key in TEXTS:
                told[key] = scrubbed(value, literals)
            else:
                told[key] = _url(value, urls) if key in URLS else urls.obfuscated(value)
    resource = names.get("resource.name", "")
    if names.get("span.type") == "sql" or (resource and resource in map(attributes.get, STATEMENTS)):
        told["resource.name"] = _statement(resource, attributes)
    description = status.description
    if description:
        status = Status(status.status_code, scrubbed(description, literals))
    return Shown(span, told, [_event(event, literals) for event in events], status)


def _statement(text: str, attributes: Mapping[str, Any]) -> str:
    system = next((str(attributes[key]) for key in SYSTEMS if key in attributes), "")
    if system == _MEMCACHED:
        return text  # keys alone
    if system in _REDIS:
        return without_values(text, str(attributes.get("db.query.summary", "")))
    return without_literals(text, system)


def _url(value: str, urls: Urls) -> str:
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
    texts = {
        key: scrubbed(without_ours(text), literals) for key in EXCEPTION_TEXTS if isinstance(text := told.get(key), str)
    }
    return Event(event.name, {**told, **texts}, event.timestamp) if texts else event
