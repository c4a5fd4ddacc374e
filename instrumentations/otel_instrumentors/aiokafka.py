"""aiokafka: a span for each message or batch sent, until it is acknowledged, and for each call that gets messages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind

from .families import kafka
from .families.kafka import Message
from .kernel.call import Arguments, Call, Incoming, Outcome, SpanSpec
from .kernel.hooks.traced import traced
from .kernel.hooks.traced_result import ResultCall, traced_result
from .kernel.instrumentor import Instrumentor
from .kernel.options import USE_SPAN_LINKS, Options, when_started
from .kernel.recording import Recording
from .semconv import messaging

PARTITIONS = "aiokafka.partitions"
"""Where messages that were got together come from: `topic:partition`."""

_HEADERS = 5
"""Where the headers of a message are given by position."""
_MOST_PARTITIONS = 128
_STOPPED = "ConsumerStoppedError"
"""By which a consumer that is stopped ends an iteration."""


def send(call: Call) -> SpanSpec:
    client = call.instance.client
    topic, value, key, partition = (
        call.arg(at, name) for at, name in enumerate(("topic", "value", "key", "partition"))
    )
    headers = call.arg(_HEADERS, "headers")
    # An empty dict is taken for none, and must not be made one that is not empty.
    is_fit = headers is None or isinstance(headers, list)
    carrier = kafka.copy(headers) if is_fit and kafka.takes_headers(getattr(client, "api_version", None)) else None
    return kafka.send("send", kafka.servers(client._bootstrap_servers), topic, key, value, partition, carrier)


def with_headers(call: Call, _context: Context) -> Arguments | None:
    """The headers given may serve another message, too: the context goes into a copy."""
    return None if call.carrier is None else call.with_arg(_HEADERS, "headers", call.carrier)


def send_batch(call: Call) -> SpanSpec:
    """Messages that the application has put together are encoded: no context can be among their headers."""
    client, batch = call.instance.client, call.arg(0, "batch")
    servers = kafka.servers(client._bootstrap_servers)
    count = batch.record_count()
    return kafka.send_batch("send_batch", servers, call.arg(1, "topic"), count, call.kwargs.get("partition"))


def sent(call: Call, future: Any, recording: Recording) -> Any:
    """The message is with the client now; its future is done when the broker has it."""
    future.add_done_callback(partial(_acknowledged, recording, call))
    return future


def _acknowledged(recording: Recording, call: Call, future: Any) -> None:
    # Not `exception()`: asyncio would no longer say that the application never asked for it.
    error = None if future.cancelled() else future._exception
    if error is not None:
        recording.fail(error)
    elif future.cancelled():
        recording.end()
    else:
        recording.finish(_told, call, future.result())


def _told(_call: Call, metadata: Any) -> Outcome | None:
    # Without acknowledgements there is nothing to tell.
    if metadata is None:
        return None
    return Outcome(
        {
            messaging.MESSAGING_DESTINATION_PARTITION_ID: str(metadata.partition),
            messaging.MESSAGING_KAFKA_OFFSET: metadata.offset,
        }
    )


def getone(call: ResultCall) -> SpanSpec | None:
    record = call.result
    if record is None:
        return _failed("getone", call)
    consumer = call.instance
    message = Message(record.topic, record.partition, record.offset, record.key, record.value is None)
    return kafka.receive("getone", kafka.servers(consumer._client._bootstrap_servers), consumer._group_id, message)


def getmany(call: ResultCall) -> SpanSpec | None:
    if not call.result:
        return _failed("getmany", call)
    consumer = call.instance
    count = sum(map(len, call.result.values()))
    places = [f"{place.topic}:{place.partition}" for place in islice(call.result, _MOST_PARTITIONS)]
    client = kafka.servers(consumer._client._bootstrap_servers)
    return kafka.receive(
        "getmany", client, consumer._group_id, next(iter(call.result)).topic, count, {PARTITIONS: places}
    )


def _failed(operation: str, call: ResultCall) -> SpanSpec | None:
    if call.error is None or type(call.error).__name__ == _STOPPED:
        return None
    consumer = call.instance
    return kafka.receive(operation, kafka.servers(consumer._client._bootstrap_servers), consumer._group_id, None)


def _sender(call: ResultCall) -> Incoming | None:
    return None if call.result is None else Incoming(call.result.headers, kafka.HEADERS)


def _senders(call: ResultCall) -> list[Link]:
    return kafka.links(record.headers for record in _records(call))


def _records(call: ResultCall) -> Iterator[Any]:
    for records in (call.result or {}).values():
        yield from records


def _given(call: Call) -> tuple[Any, ...]:
    return call.args, call.kwargs


def _got(call: ResultCall) -> tuple[Any, ...] | None:
    """The message, the first of several; a call that failed has none."""
    record = next(_records(call), None) if isinstance(call.result, dict) else call.result
    return None if record is None else (record, call.args, call.kwargs)


class AiokafkaInstrumentor(Instrumentor):
    hooks = {
        "aiokafka.producer.producer": {
            "AIOKafkaProducer.send": traced(send, prepare=with_headers, hold=sent),
            "AIOKafkaProducer.send_batch": traced(send_batch, hold=sent),
        },
        "aiokafka.consumer.consumer": {
            "AIOKafkaConsumer.getone": traced_result(getone, _sender, continues=True),
            "AIOKafkaConsumer.getmany": traced_result(getmany, links=_senders),
        },
    }
    options = Options(
        hooks={
            "async_produce_hook": when_started(_given, SpanKind.PRODUCER),
            "async_consume_hook": when_started(_got, SpanKind.CONSUMER),
        },
        others={USE_SPAN_LINKS: USE_SPAN_LINKS},
    )
