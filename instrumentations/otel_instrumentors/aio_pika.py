"""aio-pika: a span for each message published, and for each one that a consumer gets, by callback, call or iterator."""

from __future__ import annotations

import copy
from typing import Any

from opentelemetry.context import Context

from .families import amqp
from .families.message_headers import HEADERS, carrier
from .kernel.call import Arguments, Call, Incoming, SpanSpec
from .kernel.hooks.traced import traced
from .kernel.hooks.traced_result import ResultCall, traced_result
from .kernel.instrumentor import Instrumentor
from .semconv import messaging
from .semconv.messaging import Attributes

_DEFAULT_PORTS = {"amqp": 5672, "amqps": 5671}


def publish(call: Call) -> SpanSpec:
    exchange, message = call.instance, call.arg(0, "message")
    attributes = amqp.message(exchange.name, call.arg(1, "routing_key"), message, message.body)
    _broker(attributes, _connection(exchange.channel))
    return amqp.span(messaging.send, "publish", attributes, carrier(message.headers))


def with_headers(call: Call, _context: Context) -> Arguments | None:
    """The message given may be published once more: the context goes into a copy."""
    if call.carrier is None:
        return None
    message = copy.copy(call.arg(0, "message"))
    message.headers = call.carrier
    return ((message, *call.args[1:]), call.kwargs) if call.args else ((), {**call.kwargs, "message": message})


def consume(call: Call) -> SpanSpec | None:
    """A consumer's callback; not that of an iterator, which puts messages by until somebody asks for them."""
    if type(getattr(call.arg(0, "callback"), "__self__", None)).__name__.endswith("QueueIterator"):
        return None
    message = call.arg(1, "msg")
    delivery = message.delivery
    attributes = amqp.message(delivery.exchange, delivery.routing_key, message.header.properties, message.body)
    amqp.delivered(_broker(attributes, message.channel.connection), delivery.delivery_tag)
    return amqp.span(messaging.process, "consume", attributes)


def get(call: ResultCall) -> SpanSpec | None:
    if call.result is not None:
        return _received("get", call.result, call.instance)
    if call.error is None or type(call.error).__name__ == "QueueEmpty":
        return None
    attributes = amqp.message("", call.instance.name, None, None)
    return amqp.span(messaging.receive, "get", _broker(attributes, _connection(call.instance.channel)))


def iterate(call: ResultCall) -> SpanSpec | None:
    """The end of an iteration, and what it waited for in vain, is nothing that was received."""
    return None if call.result is None else _received("consume", call.result, call.instance._amqp_queue)


def _received(operation: str, message: Any, queue: Any) -> SpanSpec:
    attributes = amqp.message(message.exchange, message.routing_key, message, message.body)
    amqp.delivered(_broker(attributes, _connection(queue.channel)), message.delivery_tag)
    return amqp.span(messaging.receive, operation, attributes)


def _connection(channel: Any) -> Any:
    # Releases differ in what it is called.
    return getattr(channel, "_connection", None) or getattr(channel, "connection", None)


def _broker(attributes: Attributes, connection: Any) -> Attributes:
    url = getattr(connection, "url", None)
    port = getattr(url, "port", None) or _DEFAULT_PORTS.get(getattr(url, "scheme", ""))
    return amqp.from_broker(attributes, getattr(url, "host", None), port)


def _delivered(call: Call) -> Incoming:
    return Incoming(call.arg(1, "msg").header.properties.headers, HEADERS)


def _result(call: ResultCall) -> Incoming | None:
    return None if call.result is None else Incoming(call.result.headers, HEADERS)


_iterated = traced_result(iterate, _result)


class AioPikaInstrumentor(Instrumentor):
    hooks = {
        "aio_pika.exchange": {
            "Exchange.publish": traced(publish, prepare=with_headers, suppressed_by=messaging.SUPPRESSED)
        },
        "aio_pika.queue": {
            # Around the task of each callback, whatever kind of function that is.
            "consumer": traced(consume, incoming=_delivered),
            "Queue.get": traced_result(get, _result),
            "QueueIterator.__anext__": _iterated,
        },
        "aio_pika.robust_queue": {"RobustQueueIterator.__anext__": _iterated},
    }
