"""Messages that go through brokers, and the tasks that they bring."""

from __future__ import annotations

from typing import Any

from ...settings import Settings
from ..every_span.attributes import Meta, Metrics, Targets, text_of
from ..every_span.text import key as key_of
from .operation import MEASURED, Describe, Operation, Operations
from .otel import action
from .urls import Urls

_KEY = "messaging.operation.name"
_FUNCTION = "perform"
_UNSENT = {
    _KEY: "",
    "messaging.operation.type": "",
    "messaging.system": "",
    "messaging.destination.name": "",
    "error.type": "",
}
_BROKER = {"server.address": "out.host", "server.port": "network.destination.port"}
_FLAGS = ("celery.delivery_info.redelivered", "celery.delivery_info.is_eager")
_NO_LIMITS = [None, None]
_TASKS = Targets(
    {
        **_UNSENT,
        **_BROKER,
        "messaging.message.id": "celery.id",
        "messaging.message.conversation_id": "celery.correlation_id",
        "celery.time_limit": "",
        "celery.soft_time_limit": "",
        # The resource
        "celery.task": "",
        "celery.entry": "",
    },
    made=("celery.timelimit",),
)
_MESSAGES = Targets(
    {
        **_UNSENT,
        **_BROKER,
        "messaging.message.id": "",
        "messaging.message.body.size": "kombu.body_length",
        "kombu.virtual_host": "out.vhost",
    }
)
_UNKNOWN = Targets(_BROKER)
_KAFKA = {
    _KEY: "",
    "messaging.operation.type": "",
    "error.type": "",
    "messaging.batch.message_count": "",
    "messaging.consumer.group.name": "kafka.group_id",
    "messaging.destination.partition.id": "",
    "messaging.kafka.message.key": "kafka.message_key",
    "messaging.kafka.message.tombstone": "",
    "messaging.kafka.offset": "kafka.message_offset",
    "server.address": "",
    "server.port": "",
}
_KAFKA_MADE = ("kafka.topic", "kafka.tombstone", "kafka.received_message")

_JOB = {
    **_UNSENT,
    "messaging.message.id": "job.id",
    "rq.job.class": "",
    "rq.job.func_name": "",
    "rq.job.status": "job.status",
}
_ENQUEUED = Targets({**_JOB, "messaging.destination.name": "queue.name", "rq.job.func_name": "job.func_name"})
_PERFORMED = Targets({**_JOB, "messaging.destination.name": "job.origin"})
_FETCHED = Targets(_JOB)
_ACTORS = {**_UNSENT, "dramatiq.actor.name": "actor.name", "dramatiq.actor.options": "actor.options"}
_SENT_TO_ACTORS = Targets(_ACTORS)
_OTHERS_OF_ACTORS = Targets({**_ACTORS, "messaging.destination.name": "queue.name"})


def sent_tasks() -> Operations:
    """Celery's side that sends tasks: `celery.apply`."""
    return Operations(
        Operation(
            "celery.apply",
            kind="producer",
            component="celery",
            tags={"celery.action": "apply_async"},
            metrics=MEASURED,
            targets=_TASKS,
            describe=_task,
        )
    )


def run_tasks() -> Operations:
    """Celery's side that runs tasks, and the beat: `celery.run`, `celery.beat.apply_entry` and `celery.beat.tick`."""

    def beat(verb: str) -> Operation:
        # ddtrace gives the beat no component.
        return Operation(
            f"celery.beat.{verb}",
            type="worker",
            kind="producer",
            source="datadog",
            metrics=MEASURED,
            targets=_TASKS,
            describe=_entry,
        )

    return Operations(
        Operation(
            "celery.run",
            type="worker",
            kind="consumer",
            component="celery",
            tags={"celery.action": "run"},
            metrics=MEASURED,
            targets=_TASKS,
            describe=_task,
        ),
        {verb: beat(verb) for verb in ("apply_entry", "tick")},
        key=_KEY,
    )


def messages() -> Operations:
    """Kombu: `kombu.publish` and `kombu.receive`."""

    def operation(verb: str, kind: str, v1: str) -> Operation:
        return Operation(
            f"kombu.{verb}",
            v1=f"kombu.{v1}",
            type="worker",
            kind=kind,
            component="kombu",
            metrics=MEASURED,
            targets=_MESSAGES,
            describe=_destination,
        )

    return Operations(
        operation("publish", "producer", "send"), {"receive": operation("receive", "consumer", "process")}, key=_KEY
    )


def amqp(component: str) -> Operations:
    """Messages of a client of RabbitMQ."""
    return sent_and_received("rabbitmq", component)


def sent_and_received(system: str, component: str) -> Operations:
    """Messages of a client of `system`: `<system>.send`, `<system>.receive` and `<system>.process`.

    ddtrace knows none of these clients. Names and resources are those that the Agent makes of OpenTelemetry's spans
    (`conventions.otel`); the address of the broker and the tags of the library are as in all other spans of ours.
    """

    def operation(does: str, kind: str) -> Operation:
        def destination(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
            # Queues with such names are as many as connections.
            if attributes.get("messaging.destination.temporary"):
                return f"{does} (temporary)"
            return action(does, text_of(attributes, "messaging.destination.name"), "")

        return Operation(
            f"{system}.{does}",
            type="worker",
            kind=kind,
            component=component,
            metrics=MEASURED,
            targets=_UNKNOWN,
            describe=destination,
        )

    return Operations(
        operation("send", "producer"),
        {does: operation(does, "consumer") for does in ("receive", "process")},
        key="messaging.operation.type",
    )


def kafka(component: str) -> Operations:
    """Kafka: `kafka.produce` and `kafka.consume`, which say where something is not known."""
    unknown: Metrics = {"kafka.partition": -1}
    unsent = {"messaging.kafka.bootstrap.servers": ""}
    return _kafka(component, "kafka.process", unknown, unsent, _keyed, _keyed)


def awaited_kafka(component: str) -> Operations:
    """Asynchronous clients of Kafka: the same, with what is known alone."""
    return _kafka(component, "kafka.receive", {}, {"aiokafka.partitions": ""}, _message, _messages)


def _kafka(
    component: str, v1: str, unknown: Metrics, unsent: dict[str, str], produced: Describe, consumed: Describe
) -> Operations:
    def received(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
        is_message = "messaging.destination.name" in attributes
        meta["kafka.received_message"] = str(is_message)
        return consumed(attributes, meta, urls) if is_message else ""

    def operation(
        verb: str, v1: str, kind: str, describe: Describe, metrics: Metrics, more: dict[str, str]
    ) -> Operation:
        return Operation(
            f"kafka.{verb}",
            v1=v1,
            type="worker",
            kind=kind,
            component=component,
            metrics={**MEASURED, **metrics},
            numbers={"messaging.destination.partition.id": "kafka.partition"},
            targets=Targets({**_KAFKA, **more}, made=_KAFKA_MADE),
            describe=describe,
        )

    return Operations(
        operation("produce", "kafka.send", "producer", produced, unknown, {}),
        {"receive": operation("consume", v1, "consumer", received, {}, unsent)},
        key="messaging.operation.type",
    )


def _message(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    meta["kafka.topic"] = text_of(attributes, "messaging.destination.name")
    if "messaging.kafka.message.tombstone" in attributes:
        meta["kafka.tombstone"] = str(attributes["messaging.kafka.message.tombstone"])
    return ""


def _keyed(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    meta.setdefault("kafka.message_key", "")
    return _message(attributes, meta, urls)


def _messages(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    """One, or several, which may be of several topics and partitions."""
    _message(attributes, meta, urls)
    partitions: dict[str, list[str]] = {}
    for place in attributes.get("aiokafka.partitions", ()):
        topic, _, partition = str(place).rpartition(":")
        partitions.setdefault(topic, []).append(partition)
    if partitions:
        meta["kafka.topic"] = ",".join(partitions)
        for topic, numbers in partitions.items():
            meta[key_of(f"kafka.partitions.{topic}")] = ",".join(
                sorted(numbers, key=lambda number: (len(number), number))
            )
    return ""


def actors() -> Operations:
    """Dramatiq: `dramatiq.Actor.send_with_options`, and what ddtrace does not know: enqueued by hand, and processed."""

    def other(name: str, kind: str) -> Operation:
        return Operation(f"dramatiq.{name}", type="worker", kind=kind, targets=_OTHERS_OF_ACTORS, describe=_actor)

    return Operations(
        Operation("dramatiq.Actor.send_with_options", type="worker", kind="producer", targets=_SENT_TO_ACTORS),
        {
            "enqueue": other("Broker.enqueue", "producer"),
            "process_message": other("Worker.process_message", "consumer"),
        },
        key=_KEY,
    )


def _actor(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    return text_of(attributes, "dramatiq.actor.name")


def enqueued_jobs() -> Operations:
    """RQ's side that enqueues jobs, and fetches them: `rq.queue.enqueue_job`, `rq.queue.fetch_job` and their like."""

    def enqueued(verb: str) -> Operation:
        return Operation(
            f"rq.queue.{verb}",
            v1="rq.send",
            type="worker",
            kind="producer",
            component="rq",
            targets=_ENQUEUED,
            describe=_function,
        )

    fetched = Operation("rq.queue.fetch_job", v1="rq.process", component="rq", targets=_FETCHED)
    others = {verb: enqueued(verb) for verb in ("enqueue_many", "schedule_job")}
    return Operations(enqueued("enqueue_job"), {**others, "fetch_job": fetched}, key=_KEY)


def performed_jobs() -> Operations:
    """RQ's worker: `rq.worker.perform_job`, and below it `rq.job.perform`, the job's function."""
    return Operations(
        Operation(
            "rq.worker.perform_job",
            type="worker",
            kind="consumer",
            component="rq",
            targets=_PERFORMED,
            describe=_function,
        ),
        {_FUNCTION: Operation("rq.job.perform", component="rq", targets=_FETCHED, describe=_function)},
        key=_KEY,
    )


def job_service(attributes: dict[str, Any], _settings: Settings) -> str | None:
    """A job's function is part of what performs it, a worker or who enqueues it: its service is theirs."""
    return None if attributes.get(_KEY) == _FUNCTION else ""


def _function(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    owner, name = attributes.get("rq.job.class"), text_of(attributes, "rq.job.func_name")
    return f"{owner}.{name}" if owner else name


def _task(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    for flag in _FLAGS:
        if flag in attributes:
            meta[flag] = str(attributes[flag])
    limits = [attributes.get("celery.time_limit"), attributes.get("celery.soft_time_limit")]
    if limits != _NO_LIMITS:
        meta["celery.timelimit"] = str(limits)
    return text_of(attributes, "celery.task")


def _entry(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    return text_of(attributes, "celery.entry")


def _destination(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    return text_of(attributes, "messaging.destination.name")
