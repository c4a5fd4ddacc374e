"""Dramatiq: a span for each message sent to an actor, and for each one that a worker processes."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context

from .families.message_headers import HEADERS, bears_context, carrier
from .kernel.call import Arguments, Call, Incoming, Outcome, SpanSpec
from .kernel.hooks.annotate_entry_span import annotate_entry_span
from .kernel.hooks.several import several
from .kernel.hooks.suppress_outside import suppress_outside
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .semconv import messaging
from .semconv.messaging import Attributes

_SYSTEMS = {"RabbitmqBroker": "rabbitmq", "RedisBroker": "redis"}


def send_with_options(call: Call) -> SpanSpec:
    """What all ways of sending something to an actor come to, but for messages that are put together by hand."""
    actor = call.instance
    attributes = _told(actor.broker, actor.queue_name, actor.actor_name)
    attributes["dramatiq.actor.options"] = str(actor.options)
    return messaging.send("send_with_options", actor.actor_name, attributes, {})


def with_options(call: Call, _context: Context) -> Arguments | None:
    """What is given beside the arguments are the options of the message, which travel with it."""
    return None if call.carrier is None else (call.args, {**call.kwargs, **call.carrier})


def enqueue(call: Call) -> SpanSpec | None:
    """A message made by hand, or of a pipeline or group. One that is enqueued again is below who sent it first."""
    message = call.arg(0, "message")
    if bears_context(message.options):
        return None
    attributes = _told(call.instance, message.queue_name, message.actor_name)
    attributes[messaging.MESSAGING_MESSAGE_ID] = message.message_id
    return messaging.send("enqueue", message.actor_name, attributes, carrier(message.options))


def with_message(call: Call, _context: Context) -> Arguments | None:
    """Messages are not to be changed: brokers, too, make a copy for an option of their own."""
    if call.carrier is None:
        return None
    message = call.arg(0, "message").copy(options=call.carrier)
    return ((message, *call.args[1:]), call.kwargs) if call.args else ((), {**call.kwargs, "message": message})


def process_message(call: Call) -> SpanSpec:
    message = call.arg(0, "message")
    attributes = _told(call.instance.broker, message.queue_name, message.actor_name)
    attributes[messaging.MESSAGING_MESSAGE_ID] = message.message_id
    if message.options.get("retries"):
        attributes["dramatiq.retries"] = message.options["retries"]
    return messaging.process("process_message", message.actor_name, attributes)


def processed(call: Call, _result: Any) -> Outcome | None:
    """What became of a message, when all middleware has heard of it: one that is sent again is no failure yet."""
    error = call.kwargs.get("exception")
    if call.arg(0, "signal") != "process_message" or error is None:
        return None
    broker, message = call.instance, call.args[1]
    is_given_up = message.failed or not any(type(each).__name__ == "Retries" for each in broker.middleware)
    actor = broker.actors.get(message.actor_name)
    throws: Any = message.options.get("throws") or getattr(actor, "options", {}).get("throws")
    is_expected = bool(throws) and isinstance(error, throws)
    return Outcome(error=error if is_given_up and not is_expected else None)


def _told(broker: Any, queue: str, actor: str) -> Attributes:
    systems = (_SYSTEMS.get(each.__name__) for each in type(broker).__mro__)
    return {
        messaging.MESSAGING_SYSTEM: next(filter(None, systems), "dramatiq"),
        messaging.MESSAGING_DESTINATION_NAME: queue,
        "dramatiq.actor.name": actor,
    }


def _options(call: Call) -> Incoming:
    return Incoming(call.arg(0, "message").options, HEADERS)


# What a worker asks a broker for itself, and has enqueued in its time, would be a trace each time.
_enqueue = several(suppress_outside(), traced(enqueue, prepare=with_message, suppressed_by=messaging.SUPPRESSED))
_process = traced(process_message, incoming=_options)
_OF_ITS_OWN = ("__next__", "ack", "nack", "requeue")


def _consumer(name: str) -> dict[str, Any]:
    return {f"{name}.{method}": suppress_outside() for method in _OF_ITS_OWN}


class DramatiqInstrumentor(Instrumentor):
    hooks = {
        "dramatiq.actor": {"Actor.send_with_options": traced(send_with_options, prepare=with_options)},
        "dramatiq.broker": {"Broker.emit_after": annotate_entry_span(processed, when="returned")},
        "dramatiq.brokers.rabbitmq": {"RabbitmqBroker.enqueue": _enqueue, **_consumer("_RabbitmqConsumer")},
        "dramatiq.brokers.redis": {"RedisBroker.enqueue": _enqueue, **_consumer("_RedisConsumer")},
        "dramatiq.brokers.stub": {"StubBroker.enqueue": _enqueue},
        # Releases differ in what it is called.
        "dramatiq.worker": {f"{name}.process_message": _process for name in ("WorkerThread", "_WorkerThread")},
    }
