"""Pika: a span for each message published, and for each one that a consumer gets; threads and event loops alike."""

from __future__ import annotations

import copy
import sys
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from .families import amqp
from .families.message_headers import HEADERS, carrier
from .kernel.call import Arguments, Call, Incoming, SpanSpec
from .kernel.for_objects import ForChannels
from .kernel.hooks.hook_argument import hook_argument
from .kernel.hooks.traced import traced
from .kernel.hooks.traced_result import ResultCall, traced_result
from .kernel.options import Options, when_started
from .semconv import messaging
from .semconv.messaging import Attributes

_PROPERTIES = 3
_OWN = ("BlockingChannel", "_CallbackResult")
"""What the blocking channel has called by the channel below it, before it hands a message on."""


def publish(call: Call) -> SpanSpec:
    properties = call.arg(_PROPERTIES, "properties")
    body = call.arg(2, "body")
    attributes = amqp.message(call.arg(0, "exchange"), call.arg(1, "routing_key"), properties, body)
    _broker(attributes, call.instance)
    return amqp.span(messaging.send, "publish", attributes, carrier(getattr(properties, "headers", None)))


def with_headers(call: Call, _context: Context) -> Arguments | None:
    """The properties given may serve another message, too: the context goes into a copy."""
    if call.carrier is None:
        return None
    given = call.arg(_PROPERTIES, "properties")
    properties = copy.copy(given) if given is not None else sys.modules["pika.spec"].BasicProperties()
    properties.headers = call.carrier
    if len(call.args) > _PROPERTIES:
        return (*call.args[:_PROPERTIES], properties, *call.args[_PROPERTIES + 1 :]), call.kwargs
    return call.args, {**call.kwargs, "properties": properties}


def consume(call: Call) -> SpanSpec:
    """A consumer's callback, which is called with the channel and the three parts of a message."""
    return amqp.span(messaging.process, "consume", _delivered(call))


def get(call: ResultCall) -> SpanSpec | None:
    if call.error is None:
        return _received("get", call)
    attributes = amqp.message("", call.arg(0, "queue"), None, None)
    return amqp.span(messaging.receive, "get", _broker(attributes, call.instance))


def consumed(call: ResultCall) -> SpanSpec | None:
    return _received("consume", call)


def _received(operation: str, call: ResultCall) -> SpanSpec | None:
    """None where there was no message, or not in time."""
    if call.result is None or call.result[0] is None:
        return None
    return amqp.span(messaging.receive, operation, _delivered(call))


def _parts(call: Call) -> tuple[Any, Any, Any]:
    """Method, properties and body of a message."""
    parts = call.result if isinstance(call, ResultCall) else call.args[1:4]
    return parts if parts is not None else (None, None, None)


def _channel(call: Call) -> Any:
    return call.args[0] if call.instance is None else call.instance


def _delivered(call: Call) -> Attributes:
    method, properties, body = _parts(call)
    attributes = amqp.message(method.exchange, method.routing_key, properties, body)
    return amqp.delivered(_broker(attributes, _channel(call)), method.delivery_tag)


def _broker(attributes: Attributes, channel: Any) -> Attributes:
    connection = channel.connection
    # A blocking connection has another one below it.
    parameters = getattr(getattr(connection, "_impl", connection), "params", None)
    return amqp.from_broker(attributes, getattr(parameters, "host", None), getattr(parameters, "port", None))


def _headers(call: Call) -> Incoming:
    return Incoming(getattr(_parts(call)[1], "headers", None), HEADERS)


def _is_librarys(callback: Any) -> bool:
    return type(getattr(callback, "__self__", None)).__name__ in _OWN


def _published(call: Call) -> tuple[Any, ...]:
    given = call.arg(_PROPERTIES, "properties")
    return call.arg(2, "body"), sys.modules["pika.spec"].BasicProperties() if given is None else given


def _consumed(call: Call) -> tuple[Any, ...]:
    _method, properties, body = _parts(call)
    return body, properties


_publish = traced(publish, prepare=with_headers, suppressed_by=messaging.SUPPRESSED)
_callback = traced(consume, incoming=_headers)


class PikaInstrumentor(ForChannels):
    options = Options(
        hooks={
            "publish_hook": when_started(_published, SpanKind.PRODUCER),
            "consume_hook": when_started(_consumed, SpanKind.CONSUMER),
        },
        owners=lambda call: (_channel(call),),
    )
    hooks = {
        # Of all connections; a blocking channel publishes and consumes by one of these.
        "pika.channel": {
            "Channel.basic_publish": _publish,
            "Channel.basic_consume": hook_argument(1, "on_message_callback", _callback, unless=_is_librarys),
            "Channel.basic_get": hook_argument(1, "callback", _callback, unless=_is_librarys),
        },
        "pika.adapters.blocking_connection": {
            "BlockingChannel.basic_publish": _publish,
            "BlockingChannel.basic_consume": hook_argument(1, "on_message_callback", _callback),
            "BlockingChannel.basic_get": traced_result(get, _headers),
            "BlockingChannel.consume": traced_result(consumed, _headers),
        },
    }
