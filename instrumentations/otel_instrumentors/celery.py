"""Celery: a span for each task sent, each task run, and what the beat does."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry.propagators.textmap import Getter, Setter

from .families import messaging as kombu
from .kernel.call import Call, Incoming, Outcome, SpanSpec
from .kernel.hook import Hook
from .kernel.hooks.hook_products import hook_product_by_call
from .kernel.hooks.suppress_outside import suppress_outside
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .kernel.options import USE_SPAN_LINKS, Options
from .semconv import messaging
from .semconv.messaging import Attributes

Message = Mapping[str, Any]

_TOLD = ("compression", "eta", "expires", "hostname", "reply_to", "retries")
"""What is told as it is of a message, or of the request that a worker makes of it, where there is something to tell."""


def apply_async(call: Call) -> SpanSpec | None:
    """The sending of a task; None for other messages (events, remote control). Source: Celery's message protocol."""
    headers = call.arg(9, "headers")
    body = call.arg(0, "body")
    # In protocol 1 the body has it all.
    message = body if isinstance(body, dict) else headers
    if headers is None or "task" not in message or "retries" not in message:
        return None
    attributes = _told(message["task"], message)
    attributes.update(kombu.broker(kombu.connection_of(call.instance)))
    exchange, routing_key = call.arg(11, "exchange"), call.arg(1, "routing_key")
    exchange = getattr(exchange, "name", exchange)
    if exchange:
        attributes["celery.exchange"] = exchange
    if routing_key:
        attributes["celery.routing_key"] = routing_key
    attributes[messaging.MESSAGING_DESTINATION_NAME] = exchange or routing_key or ""
    if message.get("origin"):
        attributes["celery.hostname"] = message["origin"]
    # The headers are Celery's own, made for this one message.
    return messaging.send("apply_async", message["task"], attributes, headers, _setter)


def tracer(making: Call) -> Hook:
    """The function that runs a task, made for each task of a worker, and by `Task.apply()` each time."""
    task = making.arg(1, "task")
    system = kombu.system(task.app.conf.broker_read_url or task.app.conf.broker_url)

    def run(call: Call) -> SpanSpec:
        request = call.arg(3, "request") or {}
        attributes = _told(task.name, request)
        attributes[messaging.MESSAGING_SYSTEM] = system
        attributes[messaging.MESSAGING_MESSAGE_ID] = call.arg(0, "uuid")
        if request.get("correlation_id"):
            attributes[messaging.MESSAGING_MESSAGE_CONVERSATION_ID] = request["correlation_id"]
        delivery = request.get("delivery_info") or {}
        destination = delivery.get("exchange") or delivery.get("routing_key")
        if destination:
            attributes[messaging.MESSAGING_DESTINATION_NAME] = destination
        for name, value in delivery.items():
            if isinstance(value, (str, bool, int)):
                attributes[f"celery.delivery_info.{name}"] = value
        return messaging.process("run", task.name, attributes)

    def ended(state: str, error: Any) -> Outcome:
        attributes: Attributes = {"celery.state": state}
        if state == "RETRY":
            attributes["celery.retry.reason"] = str(error)
        is_failure = state == "FAILURE" and not (task.throws and isinstance(error, task.throws))
        return Outcome(attributes, error=error if is_failure else None)

    def ran(_call: Call, result: Any) -> Outcome:
        # An outcome other than success, with the exception that stands for it.
        info = result[1]
        return Outcome({"celery.state": "SUCCESS"}) if info is None else ended(info.state, info.retval)

    def raised(_call: Call, error: Exception) -> Outcome:
        """What the caller of `apply(throw=True)` gets."""
        is_retry = isinstance(error, sys.modules["celery.exceptions"].Retry)
        return ended("RETRY" if is_retry else "FAILURE", error)

    return traced(run, ran, incoming=_request, explain=raised)


def tasks() -> Iterator[tuple[Any, str, Call]]:
    """The tasks of a worker that was ready to run them before it was instrumented."""
    for app in list(sys.modules["celery._state"]._get_active_apps()):
        for task in list(app._tasks.values()):
            if task.__trace__ is not None:
                yield task, "__trace__", Call(None, (task.name, task), {})


def apply_entry(call: Call) -> SpanSpec:
    entry = call.arg(0, "entry")
    attributes: Attributes = {messaging.MESSAGING_OPERATION_NAME: "apply_entry", "celery.entry": entry.name}
    return SpanSpec(f"apply_entry {entry.name}", attributes=attributes)


def tick(_call: Call) -> SpanSpec:
    return SpanSpec("tick", attributes={messaging.MESSAGING_OPERATION_NAME: "tick"})


def _told(task: str, message: Message) -> Attributes:
    attributes: Attributes = {f"celery.{name}": value for name in _TOLD if (value := message.get(name))}
    attributes["celery.task"] = task
    if message.get("id"):
        attributes[messaging.MESSAGING_MESSAGE_ID] = message["id"]
    hard, soft = message.get("timelimit") or (None, None)
    if hard is not None:
        attributes["celery.time_limit"] = hard
    if soft is not None:
        attributes["celery.soft_time_limit"] = soft
    return attributes


def _request(call: Call) -> Incoming:
    return Incoming(call.arg(3, "request") or {}, _getter)


class _Getter(Getter[Message]):
    """The headers of a message as the worker's request has them: in `headers`, where there are some, or among its own.

    Who sends both means those inside; the outer ones were copied from another message.
    """

    def get(self, carrier: Message, key: str) -> list[str] | None:
        inner = carrier.get("headers")
        value = inner.get(key) if isinstance(inner, dict) else None
        if value is None:
            value = carrier.get(key)
        return [value] if isinstance(value, str) else None

    def keys(self, carrier: Message) -> list[str]:
        inner = carrier.get("headers")
        return [*carrier, *(inner if isinstance(inner, dict) else ())]


class _Setter(Setter[Any]):
    """Among the headers, and in `headers` there if the application made any: the task then sees no others."""

    def set(self, carrier: Any, key: str, value: str) -> None:
        carrier[key] = value
        inner = carrier.get("headers")
        if isinstance(inner, dict):
            carrier["headers"] = {**inner, key: value}


_getter, _setter = _Getter(), _Setter()
_tracer = hook_product_by_call(tracer, tasks)


class CeleryInstrumentor(Instrumentor):
    options = Options(others={USE_SPAN_LINKS: USE_SPAN_LINKS})
    hooks = {
        # Where every task goes out, whatever sent it; its headers and where it is routed to are known here.
        "kombu.messaging": {"Producer.publish": traced(apply_async, suppressed_by=messaging.SUPPRESSED)},
        # An idle worker asks Redis all day: each command would be a trace of its own.
        "kombu.transport.redis": {
            "Channel.__init__": suppress_outside(),
            "Channel.conn_or_acquire": suppress_outside(block=True),
            "QoS.ack": suppress_outside(),
            "QoS.reject": suppress_outside(),
        },
        "celery.app.trace": {"build_tracer": _tracer},
        # Imported there by name, perhaps before.
        "celery.worker.consumer.consumer": {"build_tracer": _tracer},
        "celery.beat": {"Scheduler.apply_entry": traced(apply_entry), "Scheduler.tick": traced(tick)},
    }
