"""confluent-kafka: a span for each message produced, or each batch, and for each call that consumes messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from opentelemetry.context import Context
from opentelemetry.trace import Link

from .families import kafka
from .families.kafka import CONSUMING, PRODUCING, Message
from .kernel.call import Arguments, Call, Incoming, Outcome, SpanSpec
from .kernel.hook import Hook
from .kernel.hooks.change_arguments import change_arguments
from .kernel.hooks.hook_class import hook_class
from .kernel.hooks.hook_products import hooked, product_of
from .kernel.hooks.traced import traced
from .kernel.hooks.traced_result import ResultCall, traced_result
from .kernel.instrumentor import Instrumentor
from .kernel.options import USE_SPAN_LINKS, Options
from .semconv.messaging import Attributes

_HEADERS = 7
_HEADERS_SERIALIZED = 6
"""Where the headers of a message are given by position."""

_settings: WeakKeyDictionary[Any, tuple[Attributes, str]] = WeakKeyDictionary()
"""The servers and the group of each client, which do not tell what they were set up with."""


_behind: WeakSet[Any] = WeakSet()
"""The producers that asynchronous ones send their batches with."""


def made(call: Call) -> None:
    """What a client is set up with, by a mapping or by keywords."""
    given = call.arg(0, "conf")
    given = {**given, **call.kwargs} if isinstance(given, Mapping) else call.kwargs
    servers = kafka.servers(given.get("bootstrap.servers") or given.get("metadata.broker.list"))
    _settings[call.instance] = servers, str(given.get("group.id") or "")


def produce(call: Call) -> SpanSpec:
    return _sent(call, call.arg(2, "key"), call.arg(1, "value"), _HEADERS)


def with_headers(call: Call, _context: Context) -> Arguments | None:
    return _with_headers(call, _HEADERS)


def produce_serialized(call: Call) -> SpanSpec:
    """By a producer that serializes, which takes the key first. Its serializers are at work inside."""
    return _sent(call, call.arg(1, "key"), call.arg(2, "value"), _HEADERS_SERIALIZED)


def with_headers_serialized(call: Call, _context: Context) -> Arguments | None:
    return _with_headers(call, _HEADERS_SERIALIZED)


def produce_batch(call: Call) -> SpanSpec | None:
    """Messages that are produced together have no headers. Those of an asynchronous producer have had their spans."""
    producer = product_of(call.instance)
    if producer in _behind:
        return None
    client, _ = _of(producer)
    messages = call.arg(1, "messages")
    count = len(messages) if isinstance(messages, list) else 0
    return kafka.send_batch("produce_batch", client, call.arg(0, "topic"), count, call.arg(2, "partition"))


def produce_later(call: Call) -> SpanSpec:
    """By the asynchronous producer, which sends messages in batches, and these have no headers."""
    producer = product_of(call.instance._producer)
    if type(producer).__weakrefoffset__:
        _behind.add(producer)
    client, _ = _of(producer)
    key, value, partition = call.arg(2, "key"), call.arg(1, "value"), call.kwargs.get("partition")
    return kafka.send("produce", client, call.arg(0, "topic"), key, value, partition)


def poll(call: ResultCall) -> SpanSpec | None:
    return _received("poll", call, 0)


def consume(call: ResultCall) -> SpanSpec | None:
    return _received("consume", call, sum(1 for _ in _messages(call)))


def consumed(call: Any, _result: Any) -> Outcome | None:
    """A message may be an event of the client's in place of one: an error."""
    return Outcome(error=next(_errors(call), None)) if next(_messages(call), None) is None else None


def _sent(call: Call, key: Any, value: Any, headers: int) -> SpanSpec:
    client, _ = _of(call.instance)
    topic, partition = call.arg(0, "topic"), call.arg(3, "partition")
    return kafka.send("produce", client, topic, key, value, partition, kafka.copy(call.arg(headers, "headers")))


def _with_headers(call: Call, position: int) -> Arguments | None:
    """The headers given may serve another message, too: the context goes into a copy."""
    return None if call.carrier is None else call.with_arg(position, "headers", call.carrier)


def _received(operation: str, call: ResultCall, count: int) -> SpanSpec | None:
    message = next(_messages(call), None)
    if message is None and call.error is None and next(_errors(call), None) is None:
        return None
    client, group = _of(call.instance)
    return kafka.receive(operation, client, group, None if message is None else _first(message), count)


def _first(message: Any) -> Message:
    # The value of a message that was deserialized may be anything.
    is_tombstone = message.value() is None
    return Message(message.topic(), message.partition(), message.offset(), message.key(), is_tombstone)


def _messages(call: ResultCall) -> Iterator[Any]:
    """The messages that were received, without the client's events."""
    return (message for message in _all(call) if message.error() is None)


def _errors(call: ResultCall) -> Iterator[str]:
    """The names of the errors among what was received; that a partition ends here is none."""
    errors = (message.error() for message in _all(call))
    return (error.name() for error in errors if error is not None and error.name() != "_PARTITION_EOF")


def _all(call: ResultCall) -> Sequence[Any]:
    if isinstance(call.result, list):
        return call.result
    return () if call.result is None else (call.result,)


def _sender(call: ResultCall) -> Incoming | None:
    """The context of the first message is that of the call."""
    message = next(_messages(call), None)
    return None if message is None else Incoming(message.headers(), kafka.HEADERS)


def _senders(call: ResultCall) -> list[Link]:
    """The contexts of the others."""
    return kafka.links(message.headers() for message in islice(_messages(call), 1, None))


def _of(client: Any) -> tuple[Attributes, str]:
    client = product_of(client)
    # One that was made before cannot be a key, nor has anybody seen its settings.
    return (_settings.get(client) if type(client).__weakrefoffset__ else None) or ({}, "")


_MADE = change_arguments(made)
_PRODUCE = traced(produce, prepare=with_headers, suppressed_by=PRODUCING)
_PRODUCE_SERIALIZED = traced(produce_serialized, prepare=with_headers_serialized, suppressed_by=PRODUCING)
_PRODUCE_BATCH = traced(produce_batch, suppressed_by=PRODUCING)
_PRODUCER = hook_class(__init__=_MADE, produce=_PRODUCE, produce_batch=_PRODUCE_BATCH)
_RECEIVED: Any = {"finish": consumed, "continues": True, "suppressed_by": CONSUMING}
_CONSUMER = hook_class(
    __init__=_MADE,
    poll=traced_result(poll, _sender, **_RECEIVED),
    consume=traced_result(consume, _sender, links=_senders, **_RECEIVED),
)
_POLL = traced_result(poll, _sender, silences=CONSUMING, **_RECEIVED)
_CONSUME = traced_result(consume, _sender, links=_senders, silences=CONSUMING, **_RECEIVED)


class ConfluentKafkaInstrumentor(Instrumentor):
    # What is written in C, a subclass stands for: where it is defined, and where the application finds it.
    hooks = {
        "confluent_kafka.cimpl": {"Producer": _PRODUCER, "Consumer": _CONSUMER},
        "confluent_kafka": {"Producer": _PRODUCER, "Consumer": _CONSUMER},
        "confluent_kafka.serializing_producer": {
            "SerializingProducer.__init__": _MADE,
            "SerializingProducer.produce": _PRODUCE_SERIALIZED,
        },
        "confluent_kafka.deserializing_consumer": {
            "DeserializingConsumer.__init__": _MADE,
            "DeserializingConsumer.poll": _POLL,
        },
        "confluent_kafka.aio.producer._AIOProducer": {"AIOProducer.produce": traced(produce_later)},
    }
    options = Options(others={USE_SPAN_LINKS: USE_SPAN_LINKS})

    @classmethod
    def instrument_producer(cls, producer: Any, tracer_provider: Any = None, **options: Any) -> Any:
        """Make spans for what `producer` produces, with options as for `instrument()`.

        Returns the object to use from now on; `producer` itself stays as it is.
        """
        is_serializing = hasattr(producer, "_value_serializer")
        hook = _PRODUCE_SERIALIZED if is_serializing else _PRODUCE
        return cls._watched(producer, {"produce": hook, "produce_batch": _PRODUCE_BATCH}, tracer_provider, options)

    @classmethod
    def instrument_consumer(cls, consumer: Any, tracer_provider: Any = None, **options: Any) -> Any:
        """Make spans for what `consumer` consumes, with options as for `instrument()`.

        Returns the object to use from now on; `consumer` itself stays as it is.
        """
        return cls._watched(consumer, {"poll": _POLL, "consume": _CONSUME}, tracer_provider, options)

    @classmethod
    def uninstrument_producer(cls, producer: Any) -> Any:
        """The producer without spans, of what `instrument_producer` returned."""
        return product_of(producer)

    @classmethod
    def uninstrument_consumer(cls, consumer: Any) -> Any:
        """The consumer without spans, of what `instrument_consumer` returned."""
        return product_of(consumer)

    @classmethod
    def _watched(cls, client: Any, methods: dict[str, Hook], provider: Any, options: dict[str, Any]) -> Any:
        if product_of(client) is not client:
            return client
        scope = cls()._scopes({**options, "tracer_provider": provider})("confluent_kafka")
        return hooked(client, scope, methods)
