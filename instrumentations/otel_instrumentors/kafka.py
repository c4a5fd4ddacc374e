"""kafka-python: a span for each message sent, and for each call that gets messages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind

from .families import kafka
from .families.kafka import CONSUMING, Message
from .kernel.call import Arguments, Call, Incoming, Outcome, SpanSpec
from .kernel.hooks.traced import traced
from .kernel.hooks.traced_result import ResultCall, traced_result
from .kernel.instrumentor import Instrumentor
from .kernel.options import USE_SPAN_LINKS, Options, when_started
from .semconv.messaging import MESSAGING_DESTINATION_PARTITION_ID

_HEADERS = 3
"""Where the headers of a message are given by position."""


def send(call: Call) -> SpanSpec:
    config = call.instance.config
    topic, value, key, partition = (
        call.arg(0, "topic"),
        call.arg(1, "value"),
        call.arg(2, "key"),
        call.arg(4, "partition"),
    )
    carrier = kafka.copy(call.arg(_HEADERS, "headers")) if kafka.takes_headers(config.get("api_version")) else None
    return kafka.send("send", kafka.servers(config["bootstrap_servers"]), topic, key, value, partition, carrier)


def with_headers(call: Call, _context: Context) -> Arguments | None:
    """The headers given may serve another message, too: the context goes into a copy."""
    return None if call.carrier is None else call.with_arg(_HEADERS, "headers", call.carrier)


def sent(_call: Call, future: Any) -> Outcome:
    """The partition that was chosen: the message itself is still to be sent."""
    return Outcome({MESSAGING_DESTINATION_PARTITION_ID: str(future._produce_future.topic_partition.partition)})


def poll(call: ResultCall) -> SpanSpec | None:
    return _received("poll", call, sum(map(len, (call.result or {}).values())))


def next_(call: ResultCall) -> SpanSpec | None:
    return _received("next", call, 0)


def _received(operation: str, call: ResultCall, count: int) -> SpanSpec | None:
    first = next(_records(call), None)
    # An iterator without further messages says so by an exception.
    if first is None and (call.error is None or isinstance(call.error, StopIteration)):
        return None
    config = call.instance.config
    client, group = kafka.servers(config["bootstrap_servers"]), config["group_id"]
    if first is None:
        return kafka.receive(operation, client, group, None)
    message = Message(first.topic, first.partition, first.offset, first.key, first.value is None)
    return kafka.receive(operation, client, group, message, count)


def _records(call: ResultCall) -> Iterator[Any]:
    """The messages that were received, in their order."""
    if isinstance(call.result, dict):
        for records in call.result.values():
            yield from records
    elif call.result is not None:
        yield call.result


def _sender(call: ResultCall) -> Incoming | None:
    """The context of the first message is that of the call."""
    first = next(_records(call), None)
    return None if first is None else Incoming(first.headers, kafka.HEADERS)


def _senders(call: ResultCall) -> list[Link]:
    """The contexts of the others."""
    return kafka.links(record.headers for record in islice(_records(call), 1, None))


def _given(call: Call) -> tuple[Any, ...]:
    return call.args, call.kwargs


def _got(call: Any) -> tuple[Any, ...] | None:
    """A call that failed has no message."""
    record = next(_records(call), None)
    return None if record is None else (record, call.args, call.kwargs)


class KafkaInstrumentor(Instrumentor):
    hooks = {
        "kafka.producer.kafka": {"KafkaProducer.send": traced(send, sent, prepare=with_headers)},
        "kafka.consumer.group": {
            "KafkaConsumer.poll": traced_result(poll, _sender, links=_senders, continues=True, suppressed_by=CONSUMING),
            # Which polls, where it has no more messages.
            "KafkaConsumer.__next__": traced_result(next_, _sender, continues=True, silences=CONSUMING),
        },
    }
    options = Options(
        hooks={
            "produce_hook": when_started(_given, SpanKind.PRODUCER),
            "consume_hook": when_started(_got, SpanKind.CONSUMER),
        },
        others={USE_SPAN_LINKS: USE_SPAN_LINKS},
    )
