"""Kafka: its messages as spans, and their headers, which carry the context, whichever client they go through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from opentelemetry.context import Context, create_key
from opentelemetry.propagate import extract
from opentelemetry.propagators.textmap import Getter, Setter
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.trace import Link, get_current_span

from ..kernel import numbers
from ..kernel.call import SpanSpec
from ..semconv import messaging
from ..semconv.messaging import Attributes

PRODUCING = create_key("otel_instrumentors.kafka.producing")
CONSUMING = create_key("otel_instrumentors.kafka.consuming")
"""The context keys under which the part of a client that sends or fetches is silent, below one that has a span."""

_MOST_KEY = 5_000
"""Bytes of a message's key that are told."""
_MOST_SERVERS = 1_000
"""Characters of the list of servers."""
_MOST_LINKS = 128
"""As many as the SDK keeps; reading a context takes its time."""


class Message(NamedTuple):
    """What a message that was received says of itself. `key` is as the application gets it."""

    topic: str
    partition: int | None
    offset: int | None
    key: Any
    is_tombstone: bool


def servers(given: Any) -> Attributes:
    """The attributes of the servers that a client was given: a text with commas, or a sequence."""
    if not given:
        return {}
    text = given if isinstance(given, str) else ",".join(map(str, given))
    return dict(_servers(text[:_MOST_SERVERS]))


@lru_cache(64)
def _servers(text: str) -> Attributes:
    attributes: Attributes = {messaging.MESSAGING_KAFKA_BOOTSTRAP_SERVERS: text}
    first = text.partition(",")[0].strip().rpartition("://")[2]
    host, colon, port = first.rpartition(":")
    number = numbers.port(port) if colon else None
    if number is not None:
        attributes[SERVER_PORT] = number
    attributes[SERVER_ADDRESS] = (host if number is not None else first).strip("[]")
    return attributes


def send(
    operation: str, client: Attributes, topic: Any, key: Any, value: Any, partition: Any, carrier: Any = None
) -> SpanSpec:
    """The span of a message that is handed to a client to be sent; its context goes into `carrier`."""
    topic = topic if isinstance(topic, str) else ""
    attributes = _told(client, topic, partition, key, value is None)
    spec = messaging.send(operation, topic, attributes, carrier, _PAIRS)
    spec.silences = PRODUCING
    return spec


def send_batch(operation: str, client: Attributes, topic: Any, count: int, partition: Any) -> SpanSpec:
    """The span of `count` messages that are handed to a client together, without headers of their own."""
    topic = topic if isinstance(topic, str) else ""
    attributes: Attributes = {
        messaging.MESSAGING_SYSTEM: "kafka",
        messaging.MESSAGING_DESTINATION_NAME: topic,
        **client,
    }
    if isinstance(partition, int) and partition >= 0:
        attributes[messaging.MESSAGING_DESTINATION_PARTITION_ID] = str(partition)
    if count:
        attributes[messaging.MESSAGING_BATCH_MESSAGE_COUNT] = count
    spec = messaging.send(operation, topic, attributes)
    spec.silences = PRODUCING
    return spec


def receive(
    operation: str,
    client: Attributes,
    group: Any,
    what: Message | str | None,
    count: int = 0,
    more: Attributes | None = None,
) -> SpanSpec:
    """The span of `count` messages that were fetched, `what` is the first or its topic; None for a call that failed.

    `count` is 0 where the call never gives more than one. `more` are attributes of the library's own.
    """
    attributes: Attributes = {messaging.MESSAGING_SYSTEM: "kafka", **client, **(more or {})}
    topic = ""
    if isinstance(what, str):
        topic = attributes[messaging.MESSAGING_DESTINATION_NAME] = what
    elif what is not None:
        topic = what.topic
        attributes.update(_told(client, topic, what.partition, what.key, what.is_tombstone))
        if what.offset is not None:
            attributes[messaging.MESSAGING_KAFKA_OFFSET] = what.offset
    if group:
        attributes[messaging.MESSAGING_CONSUMER_GROUP_NAME] = group
    if count:
        attributes[messaging.MESSAGING_BATCH_MESSAGE_COUNT] = count
    return messaging.receive(operation, topic, attributes)


def copy(headers: Any) -> Any:
    """Headers that are given to be sent, to be added to; None for what no client takes, and will say so."""
    if headers is None:
        return []
    return headers.copy() if isinstance(headers, (list, dict)) else None


def links(batch: Iterable[Any]) -> list[Link]:
    """Links to the senders of the messages with these headers, each once; of the first ones, where they are many."""
    found: dict[tuple[int, int], Link] = {}
    for headers in islice(batch, _MOST_LINKS):
        if headers:
            context = get_current_span(extract(headers, Context(), HEADERS)).get_span_context()
            if context.is_valid:
                found.setdefault((context.trace_id, context.span_id), Link(context))
    return list(found.values())


def _told(client: Attributes, topic: str, partition: Any, key: Any, is_tombstone: bool) -> Attributes:
    attributes = {
        messaging.MESSAGING_SYSTEM: "kafka",
        messaging.MESSAGING_DESTINATION_NAME: topic,
        messaging.MESSAGING_KAFKA_MESSAGE_TOMBSTONE: is_tombstone,
        **client,
    }
    if isinstance(partition, int) and partition >= 0:
        attributes[messaging.MESSAGING_DESTINATION_PARTITION_ID] = str(partition)
    text = _text(key)
    if text is not None:
        attributes[messaging.MESSAGING_KAFKA_MESSAGE_KEY] = text
    return attributes


def _text(key: Any) -> str | None:
    """A key that is text, or bytes that mean one. What else it may be, only its serializer knows."""
    if isinstance(key, str):
        return key[:_MOST_KEY]
    return key[:_MOST_KEY].decode("utf-8", "replace") if isinstance(key, bytes) else None


def takes_headers(version: Any) -> bool:
    """Whether a broker of this version, the one that its client assumes, knows of headers: those since 0.11 do."""
    return not isinstance(version, tuple) or version >= (0, 11)


class _Pairs(Setter[Any]):
    """Headers that are to be sent: pairs, of which a message may have several of one name, or a dict."""

    def set(self, carrier: Any, key: str, value: str) -> None:
        if isinstance(carrier, dict):
            carrier[key] = value.encode()
            return
        # Who passes on the headers of another message has its context among them.
        carrier[:] = [pair for pair in carrier if pair[0] != key]
        carrier.append((key, value.encode()))


class _Headers(Getter[Any]):
    """Headers of a message that was received: pairs of a text and bytes."""

    def get(self, carrier: Any, key: str) -> list[str] | None:
        found = None
        for name, value in _items(carrier):
            if name == key and isinstance(value, (str, bytes)):
                found = value
        if found is None:
            return None
        return [found if isinstance(found, str) else found.decode("utf-8", "replace")]

    def keys(self, carrier: Any) -> list[str]:
        return [name for name, _ in _items(carrier)]


def _items(carrier: Any) -> Iterator[Any]:
    return iter(carrier.items() if isinstance(carrier, Mapping) else carrier or ())


_PAIRS = _Pairs()
HEADERS = _Headers()
