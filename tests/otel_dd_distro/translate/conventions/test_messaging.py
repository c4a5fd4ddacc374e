"""Tasks and messages, as the Agent gets them."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours

SENT = {
    "messaging.operation.name": "apply_async",
    "messaging.operation.type": "send",
    "messaging.system": "rabbitmq",
    "messaging.destination.name": "celery",
    "messaging.message.id": "1-2",
    "server.address": "broker",
    "server.port": 5672,
    "celery.task": "shop.pack",
    "celery.routing_key": "celery",
    "celery.hostname": "gen1@here",
}
RUN = {
    "messaging.operation.name": "run",
    "messaging.operation.type": "process",
    "messaging.system": "rabbitmq",
    "messaging.destination.name": "celery",
    "messaging.message.id": "1-2",
    "messaging.message.conversation_id": "1-2",
    "celery.task": "shop.pack",
    "celery.hostname": "here",
    "celery.delivery_info.exchange": "",
    "celery.delivery_info.redelivered": False,
    "celery.delivery_info.priority": 0,
    "celery.retries": 1,
    "celery.time_limit": 10,
    "celery.soft_time_limit": 5,
    "celery.state": "SUCCESS",
}
PUBLISHED = {
    "messaging.operation.name": "publish",
    "messaging.operation.type": "send",
    "messaging.system": "rabbitmq",
    "messaging.destination.name": "tea",
    "messaging.message.body.size": 7,
    "server.address": "broker",
    "server.port": 5672,
    "kombu.virtual_host": "/",
    "kombu.exchange": "tea",
    "kombu.routing_key": "green",
}


def entry(plugin: str, attributes: dict[str, Any], kind: SpanKind, **variables: str) -> dict[str, Any]:
    made = ours(plugin, attributes, kind=kind)
    [entry] = Translator(settings.read(variables, argv=["-"])).chunk(chunk(made), native_events=True)
    return entry


def own(meta: dict[str, Any]) -> dict[str, Any]:
    """Without what every span has."""
    foreign = ("runtime-id", "process_id", "language", "_sampling_priority_v1", "_dd.p.tid", "_dd.p.dm")
    return {key: value for key, value in meta.items() if key not in foreign and not key.startswith("_dd.tags")}


def test_a_task_that_is_sent() -> None:
    sent = entry("celery", SENT, SpanKind.PRODUCER)
    assert (sent["name"], sent["resource"], sent.get("type")) == ("celery.apply", "shop.pack", None)
    assert own(sent["meta"]) == {
        "_dd.base_service": "unnamed-python-service",
        "_dd.svc_src": "celery",
        "celery.action": "apply_async",
        "celery.hostname": "gen1@here",
        "celery.id": "1-2",
        "celery.routing_key": "celery",
        "component": "celery",
        "out.host": "broker",
        "span.kind": "producer",
    }
    assert own(sent["metrics"]) == {"_dd.measured": 1, "_dd.top_level": 1, "network.destination.port": 5672}


def test_a_task_that_is_run() -> None:
    run = entry("celery", RUN, SpanKind.CONSUMER)
    assert (run["name"], run["resource"], run["type"]) == ("celery.run", "shop.pack", "worker")
    assert own(run["meta"]) == {
        "_dd.base_service": "unnamed-python-service",
        "_dd.svc_src": "celery",
        "celery.action": "run",
        "celery.correlation_id": "1-2",
        "celery.delivery_info.exchange": "",
        "celery.delivery_info.redelivered": "False",
        "celery.hostname": "here",
        "celery.id": "1-2",
        "celery.state": "SUCCESS",
        "celery.timelimit": "[10, 5]",
        "component": "celery",
        "span.kind": "consumer",
    }
    assert own(run["metrics"]) == {
        "_dd.measured": 1,
        "_dd.top_level": 1,
        "celery.delivery_info.priority": 0,
        "celery.retries": 1,
    }


@pytest.mark.parametrize(
    ("attributes", "name", "resource"),
    [
        (
            {"messaging.operation.name": "apply_entry", "celery.entry": "each day"},
            "celery.beat.apply_entry",
            "each day",
        ),
        ({"messaging.operation.name": "tick"}, "celery.beat.tick", "celery.beat.tick"),
    ],
)
def test_what_the_beat_does(attributes: dict[str, Any], name: str, resource: str) -> None:
    told = entry("celery", attributes, SpanKind.INTERNAL)
    assert (told["name"], told["resource"], told["type"]) == (name, resource, "worker")
    assert (told["service"], told["meta"]["span.kind"], told["meta"].get("component")) == (
        "celery-worker",
        "producer",
        None,
    )


@pytest.mark.parametrize(
    ("variables", "sender", "worker"),
    [
        ({}, "celery-producer", "celery-worker"),
        ({"DD_SERVICE": "shop"}, "shop", "shop"),
        ({"DD_CELERY_PRODUCER_SERVICE": "front"}, "front", "celery-worker"),
        ({"DD_CELERY_WORKER_SERVICE": "packer", "DD_SERVICE": "shop"}, "shop", "packer"),
        ({"DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1", "DD_SERVICE": "shop"}, "shop", "shop"),
        ({"DD_SERVICE_MAPPING": "celery-worker:back"}, "celery-producer", "back"),
    ],
)
def test_senders_and_workers_are_services_of_their_own(variables: dict[str, str], sender: str, worker: str) -> None:
    assert entry("celery", SENT, SpanKind.PRODUCER, **variables)["service"] == sender
    assert entry("celery", RUN, SpanKind.CONSUMER, **variables)["service"] == worker


@pytest.mark.parametrize(
    ("operation", "kind", "name", "in_v1"),
    [
        ("publish", SpanKind.PRODUCER, "kombu.publish", "kombu.send"),
        ("receive", SpanKind.CONSUMER, "kombu.receive", "kombu.process"),
    ],
)
def test_a_message_of_kombu(operation: str, kind: SpanKind, name: str, in_v1: str) -> None:
    attributes = {**PUBLISHED, "messaging.operation.name": operation}
    told = entry("kombu", attributes, kind)
    assert (told["name"], told["resource"], told["type"]) == (name, "tea", "worker")
    assert told["service"] == "unnamed-python-service"
    assert own(told["meta"]) == {
        "_dd.svc_src": "kombu",
        "component": "kombu",
        "kombu.exchange": "tea",
        "kombu.routing_key": "green",
        "out.host": "broker",
        "out.vhost": "/",
        "span.kind": kind.name.lower(),
    }
    assert own(told["metrics"]) == {
        "_dd.measured": 1,
        "_dd.top_level": 1,
        "kombu.body_length": 7,
        "network.destination.port": 5672,
    }
    assert entry("kombu", attributes, kind, DD_SERVICE="shop")["service"] == "shop"
    assert entry("kombu", attributes, kind, DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1")["name"] == in_v1


AMQP = {
    "messaging.system": "rabbitmq",
    "messaging.operation.name": "publish",
    "messaging.operation.type": "send",
    "messaging.destination.name": "tea",
    "messaging.rabbitmq.destination.routing_key": "leaf.green",
    "messaging.message.id": "m-1",
    "messaging.message.body.size": 3,
    "server.address": "broker",
    "server.port": 5672,
}


@pytest.mark.parametrize("plugin", ["aio_pika", "pika"])
@pytest.mark.parametrize(
    ("operation", "kind", "resource"),
    [
        ("send", SpanKind.PRODUCER, "send tea"),
        ("receive", SpanKind.CONSUMER, "receive tea"),
        ("process", SpanKind.CONSUMER, "process tea"),
    ],
)
def test_a_message_of_a_client_of_rabbitmq(plugin: str, operation: str, kind: SpanKind, resource: str) -> None:
    told = entry(plugin, {**AMQP, "messaging.operation.type": operation}, kind)
    assert (told["name"], told["resource"], told["type"]) == (f"rabbitmq.{operation}", resource, "worker")
    assert told["service"] == "unnamed-python-service"
    assert own(told["meta"]) == {
        "_dd.svc_src": plugin,
        "component": plugin,
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "publish",
        "messaging.operation.type": operation,
        "messaging.destination.name": "tea",
        "messaging.rabbitmq.destination.routing_key": "leaf.green",
        "messaging.message.id": "m-1",
        "out.host": "broker",
        "span.kind": kind.name.lower(),
    }
    assert own(told["metrics"]) == {
        "_dd.measured": 1,
        "_dd.top_level": 1,
        "messaging.message.body.size": 3,
        "network.destination.port": 5672,
    }


def test_a_queue_of_a_connection_gives_no_resource_its_name() -> None:
    temporary = {**AMQP, "messaging.destination.name": "amq.gen-x", "messaging.destination.temporary": True}
    assert entry("pika", temporary, SpanKind.PRODUCER)["resource"] == "send (temporary)"
    unnamed = {key: value for key, value in AMQP.items() if key != "messaging.destination.name"}
    assert entry("pika", unnamed, SpanKind.PRODUCER)["resource"] == "send"


KAFKA = {
    "messaging.system": "kafka",
    "messaging.destination.name": "tea",
    "messaging.kafka.message.tombstone": False,
    "messaging.kafka.bootstrap.servers": "one:9092,two:9092",
    "server.address": "one",
    "server.port": 9092,
}
PRODUCED = {**KAFKA, "messaging.operation.name": "produce", "messaging.operation.type": "send"}
CONSUMED = {
    **KAFKA,
    "messaging.operation.name": "consume",
    "messaging.operation.type": "receive",
    "messaging.batch.message_count": 2,
    "messaging.consumer.group.name": "drinkers",
    "messaging.destination.partition.id": "3",
    "messaging.kafka.message.key": "leaf",
    "messaging.kafka.offset": 7,
}


def test_a_message_that_is_produced() -> None:
    told = entry("confluent_kafka", PRODUCED, SpanKind.PRODUCER, DD_SERVICE="shop")
    assert (told["name"], told["resource"], told["type"]) == ("kafka.produce", "kafka.produce", "worker")
    assert told["service"] == "kafka"
    assert own(told["meta"]) == {
        "_dd.base_service": "shop",
        "_dd.svc_src": "kafka",
        "component": "kafka",
        "kafka.message_key": "",
        "kafka.tombstone": "False",
        "kafka.topic": "tea",
        "messaging.destination.name": "tea",
        "messaging.kafka.bootstrap.servers": "one:9092,two:9092",
        "messaging.system": "kafka",
        "span.kind": "producer",
    }
    assert own(told["metrics"]) == {"_dd.measured": 1, "_dd.top_level": 1, "kafka.partition": -1}
    to_a_partition = {**PRODUCED, "messaging.destination.partition.id": "3"}
    assert entry("confluent_kafka", to_a_partition, SpanKind.PRODUCER)["metrics"]["kafka.partition"] == 3


def test_messages_that_are_consumed() -> None:
    told = entry("confluent_kafka", CONSUMED, SpanKind.CONSUMER)
    assert (told["name"], told["resource"], told["type"]) == ("kafka.consume", "kafka.consume", "worker")
    assert own(told["meta"]) == {
        "_dd.base_service": "unnamed-python-service",
        "_dd.svc_src": "kafka",
        "component": "kafka",
        "kafka.group_id": "drinkers",
        "kafka.message_key": "leaf",
        "kafka.received_message": "True",
        "kafka.tombstone": "False",
        "kafka.topic": "tea",
        "messaging.destination.name": "tea",
        "messaging.system": "kafka",
        "span.kind": "consumer",
    }
    assert own(told["metrics"]) == {
        "_dd.measured": 1,
        "_dd.top_level": 1,
        "kafka.message_offset": 7,
        "kafka.partition": 3,
    }


def test_a_call_that_failed_to_consume() -> None:
    failed = {"messaging.system": "kafka", "messaging.operation.name": "poll", "messaging.operation.type": "receive"}
    meta = own(entry("confluent_kafka", failed, SpanKind.CONSUMER)["meta"])
    assert meta["kafka.received_message"] == "False"
    assert "kafka.topic" not in meta


@pytest.mark.parametrize(
    ("attributes", "kind", "name"),
    [(PRODUCED, SpanKind.PRODUCER, "kafka.send"), (CONSUMED, SpanKind.CONSUMER, "kafka.process")],
)
def test_kafka_in_schema_v1(attributes: dict[str, Any], kind: SpanKind, name: str) -> None:
    told = entry("confluent_kafka", attributes, kind, DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1", DD_SERVICE="shop")
    assert (told["name"], told["service"]) == (name, "shop")


def test_the_service_of_kafka_can_be_named() -> None:
    assert entry("confluent_kafka", PRODUCED, SpanKind.PRODUCER, DD_KAFKA_SERVICE="bus")["service"] == "bus"


@pytest.mark.parametrize(
    ("attributes", "kind", "does"), [(PRODUCED, SpanKind.PRODUCER, "send"), (CONSUMED, SpanKind.CONSUMER, "receive")]
)
def test_messages_of_kafka_python_are_named_as_the_agent_names_those_of_opentelemetry(
    attributes: dict[str, Any], kind: SpanKind, does: str
) -> None:
    told = entry("kafka", attributes, kind, DD_SERVICE="shop")
    assert (told["name"], told["resource"], told["type"]) == (f"kafka.{does}", f"{does} tea", "worker")
    assert told["service"] == "shop"
    assert told["meta"]["out.host"] == "one"


ENQUEUED = {
    "messaging.system": "redis",
    "messaging.operation.name": "enqueue_job",
    "messaging.operation.type": "send",
    "messaging.destination.name": "tea",
    "messaging.message.id": "one",
    "rq.job.func_name": "pour",
    "rq.job.class": "shop.Pot",
}
PERFORMED = {
    "messaging.system": "redis",
    "messaging.operation.name": "perform_job",
    "messaging.operation.type": "process",
    "messaging.destination.name": "tea",
    "messaging.message.id": "one",
    "rq.job.func_name": "shop.brew",
    "rq.job.status": "finished",
}


@pytest.mark.parametrize("verb", ["enqueue_job", "enqueue_many", "schedule_job"])
def test_a_job_that_is_enqueued(verb: str) -> None:
    told = entry("rq", {**ENQUEUED, "messaging.operation.name": verb}, SpanKind.PRODUCER)
    assert (told["name"], told["resource"], told["type"]) == (f"rq.queue.{verb}", "shop.Pot.pour", "worker")
    assert own(told["meta"]) == {
        "_dd.base_service": "unnamed-python-service",
        "_dd.svc_src": "rq",
        "component": "rq",
        "job.func_name": "pour",
        "job.id": "one",
        "queue.name": "tea",
        "span.kind": "producer",
    }
    v1 = entry("rq", ENQUEUED, SpanKind.PRODUCER, DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1")
    assert v1["name"] == "rq.send"


def test_a_job_that_is_performed_and_its_function() -> None:
    told = entry("rq", PERFORMED, SpanKind.CONSUMER)
    assert (told["name"], told["resource"], told["type"]) == ("rq.worker.perform_job", "shop.brew", "worker")
    assert own(told["meta"]) == {
        "_dd.base_service": "unnamed-python-service",
        "_dd.svc_src": "rq",
        "component": "rq",
        "job.id": "one",
        "job.origin": "tea",
        "job.status": "finished",
        "span.kind": "consumer",
    }
    function = entry("rq", {**PERFORMED, "messaging.operation.name": "perform"}, SpanKind.INTERNAL)
    assert (function["name"], function["resource"], function.get("type")) == ("rq.job.perform", "shop.brew", None)


def test_a_job_that_is_fetched() -> None:
    asked = {**ENQUEUED, "messaging.operation.name": "fetch_job"}
    told = entry("rq", asked, SpanKind.CLIENT)
    assert (told["service"], told["name"], told["resource"]) == ("rq", "rq.queue.fetch_job", "rq.queue.fetch_job")
    assert told["meta"]["job.id"] == "one"
    assert "span.kind" not in told["meta"]
    assert entry("rq", asked, SpanKind.CLIENT, DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1")["name"] == "rq.process"


@pytest.mark.parametrize(
    ("variables", "enqueuing", "working"),
    [
        ({}, "rq", "rq-worker"),
        ({"DD_SERVICE": "shop"}, "shop", "shop"),
        ({"DD_RQ_SERVICE": "front"}, "front", "rq-worker"),
        ({"DD_RQ_WORKER_SERVICE": "back", "DD_SERVICE": "shop"}, "shop", "back"),
    ],
)
def test_who_enqueues_jobs_and_who_performs_them_are_services_of_their_own(
    variables: dict[str, str], enqueuing: str, working: str
) -> None:
    assert entry("rq", ENQUEUED, SpanKind.PRODUCER, **variables)["service"] == enqueuing
    assert entry("rq", PERFORMED, SpanKind.CONSUMER, **variables)["service"] == working


def test_a_message_that_aiokafka_sends() -> None:
    told = entry("aiokafka", {**PRODUCED, "messaging.operation.name": "send"}, SpanKind.PRODUCER, DD_SERVICE="shop")
    assert (told["name"], told["resource"], told["service"]) == ("kafka.produce", "kafka.produce", "kafka")
    assert own(told["meta"]) == {
        "_dd.base_service": "shop",
        "_dd.svc_src": "aiokafka",
        "component": "aiokafka",
        "kafka.tombstone": "False",
        "kafka.topic": "tea",
        "messaging.destination.name": "tea",
        "messaging.kafka.bootstrap.servers": "one:9092,two:9092",
        "messaging.system": "kafka",
        "span.kind": "producer",
    }
    assert own(told["metrics"]) == {"_dd.measured": 1, "_dd.top_level": 1}


def test_messages_that_aiokafka_gets_together_tell_their_topics_and_partitions() -> None:
    attributes = {
        "messaging.system": "kafka",
        "messaging.destination.name": "tea",
        "messaging.operation.name": "getmany",
        "messaging.operation.type": "receive",
        "messaging.batch.message_count": 3,
        "aiokafka.partitions": ("tea:10", "tea:9", "cups:0"),
    }
    told = entry("aiokafka", attributes, SpanKind.CONSUMER, DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1", DD_SERVICE="shop")
    assert told["name"] == "kafka.receive"
    assert own(told["meta"]) == {
        "_dd.svc_src": "aiokafka",
        "component": "aiokafka",
        "kafka.partitions.cups": "0",
        "kafka.partitions.tea": "9,10",
        "kafka.received_message": "True",
        "kafka.topic": "tea,cups",
        "messaging.destination.name": "tea",
        "messaging.system": "kafka",
        "span.kind": "consumer",
    }


SENT_TO_ACTOR = {
    "messaging.system": "redis",
    "messaging.operation.name": "send_with_options",
    "messaging.operation.type": "send",
    "messaging.destination.name": "default",
    "dramatiq.actor.name": "brew",
    "dramatiq.actor.options": "{}",
}


@pytest.mark.parametrize("variables", [{}, {"DD_SERVICE": "shop"}])
def test_a_message_that_is_sent_to_an_actor(variables: dict[str, str]) -> None:
    told = entry("dramatiq", SENT_TO_ACTOR, SpanKind.PRODUCER, **variables)
    name = "dramatiq.Actor.send_with_options"
    assert (told["name"], told["resource"], told["type"]) == (name, name, "worker")
    assert told["service"] == variables.get("DD_SERVICE", "unnamed-python-service")
    assert own(told["meta"]) == {
        "_dd.svc_src": "dramatiq",
        "actor.name": "brew",
        "actor.options": "{}",
        "span.kind": "producer",
    }


@pytest.mark.parametrize(
    ("verb", "kind", "name"),
    [
        ("enqueue", SpanKind.PRODUCER, "dramatiq.Broker.enqueue"),
        ("process_message", SpanKind.CONSUMER, "dramatiq.Worker.process_message"),
    ],
)
def test_a_message_of_an_actor_that_is_enqueued_by_hand_or_processed(verb: str, kind: SpanKind, name: str) -> None:
    told = entry("dramatiq", {**SENT_TO_ACTOR, "messaging.operation.name": verb}, kind)
    assert (told["name"], told["resource"], told["type"]) == (name, "brew", "worker")
    assert told["meta"]["queue.name"] == "default"
    assert told["meta"]["span.kind"] == kind.name.lower()
