"""What the record answers."""

from __future__ import annotations

import pytest

from tests.otel_dd_distro.settings.environment import settings


@pytest.mark.parametrize(
    ("environ", "name", "wanted"),
    [
        ({}, "flask", True),
        ({"DD_TRACE_FLASK_ENABLED": "false"}, "flask", False),
        ({"DD_TRACE_AIOHTTP_CLIENT_ENABLED": "false"}, "aiohttp-client", False),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis , flask"}, "flask", False),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis"}, "flask", True),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}, "flask", False),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*", "DD_TRACE_FLASK_ENABLED": "1"}, "flask", True),
        ({}, "kombu", False),
        ({}, "httplib", False),
        ({"DD_TRACE_KOMBU_ENABLED": "true"}, "kombu", True),
        ({"DD_TRACE_KAFKA_ENABLED": "false"}, "confluent_kafka", False),
        ({"DD_TRACE_KAFKA_ENABLED": "false", "DD_TRACE_CONFLUENT_KAFKA_ENABLED": "1"}, "confluent_kafka", True),
        ({"DD_TRACE_MYSQL_ENABLED": "false"}, "mysql_connector", False),
        ({"DD_TRACE_ELASTICSEARCH_ENABLED": "false"}, "opensearch", False),
        ({"DD_TRACE_DJANGO_ENABLED": "false"}, "djangorestframework", False),
        ({"DD_TRACE_PYMONGO_ENABLED": "false"}, "mongoengine", False),
    ],
)
def test_an_instrumentor_is_wanted_unless_it_is_disabled(environ: dict[str, str], name: str, wanted: bool) -> None:
    assert settings(**environ).instruments(name) is wanted


@pytest.mark.parametrize(
    ("environ", "name", "wanted"),
    [
        ({}, "celery", True),
        ({"DD_CELERY_DISTRIBUTED_TRACING": "false"}, "celery", False),
        ({}, "confluent_kafka", False),
        ({"DD_KAFKA_PROPAGATION_ENABLED": "true"}, "confluent_kafka", True),
        ({"DD_KAFKA_PROPAGATION_ENABLED": "true"}, "kafka", True),
        ({}, "kafka", False),
        ({}, "aiokafka", False),
        ({"DD_CONFLUENT_KAFKA_DISTRIBUTED_TRACING": "true"}, "confluent_kafka", True),
        (
            {"DD_KAFKA_PROPAGATION_ENABLED": "true", "DD_CONFLUENT_KAFKA_DISTRIBUTED_TRACING": "false"},
            "confluent_kafka",
            False,
        ),
    ],
)
def test_kafka_alone_does_not_propagate_unless_it_is_asked_to(environ: dict[str, str], name: str, wanted: bool) -> None:
    assert settings(**environ).propagates(name) is wanted


@pytest.mark.parametrize(
    ("named", "name", "wanted"),
    [
        ("", "celery", False),
        ("celery", "celery", True),
        ("kafka,celery", "confluent_kafka", True),
        ("kafka", "celery", False),
    ],
)
def test_messages_are_linked_to_their_senders_where_the_library_is_named(named: str, name: str, wanted: bool) -> None:
    assert settings(DD_TRACE_PROPAGATION_AS_SPAN_LINKS=named).links(name) is wanted


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        settings().service = "x"  # type: ignore[misc]
