"""Calls of the AWS API by Datadog's names."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.propagation import from_settings
from otel_dd_distro.translate import Translator
from otel_dd_distro.translate.conventions.aws import partition

from ..spans import chunk, error, ours, raised

ARN = "arn:aws:sns:eu-west-1:123456789012:news"
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:brewing"


def called(
    prefix: str,
    operation: str,
    attributes: dict[str, Any] | None = None,
    variables: dict[str, str] | None = None,
    library: str = "botocore",
    **more: Any,
) -> dict[str, Any]:
    told = {
        "rpc.system": "aws-api",
        "rpc.service": prefix.upper(),
        "rpc.method": operation,
        "aws.endpoint_prefix": prefix,
        **(attributes or {}),
    }
    environ = {"DD_SERVICE": "shop", **(variables or {})}
    [entry] = Translator(settings.read(environ, argv=["-"])).chunk(
        chunk(ours(library, told, **more)), native_events=True
    )
    return entry


def tags(entry: dict[str, Any]) -> dict[str, Any]:
    """Those that tell of the call, and not of the process."""
    outer = (
        "_dd.p",
        "_dd.tags",
        "_dd.base_service",
        "runtime-id",
        "language",
        "aws.agent",
        "component",
        "span.kind",
        "version",
    )
    return {key: value for key, value in entry["meta"].items() if not key.startswith(outer)}


def test_an_answer_that_is_parsed_belongs_to_the_service_of_its_call() -> None:
    told = {"rpc.method": "ListTopics", "aws.endpoint_prefix": "sns"}
    call = ours("botocore", told, id=2)
    parsed = ours("botocore", {"botocore.step": "parse"}, kind=SpanKind.INTERNAL, id=3, parent=2)
    entries = Translator(settings.read({}, argv=["-"])).chunk(chunk(call, parsed), native_events=True)
    assert [(entry["name"], entry["resource"], entry["service"]) for entry in entries] == [
        ("sns.command", "sns.listtopics", "aws.sns"),
        ("botocore.parsers.parse", "botocore.parsers.parse", "aws.sns"),
    ]
    assert "type" not in entries[1]


ANSWERED = {"http.response.status_code": 200, "http.request.resend_count": 0, "aws.request_id": "abc"}


def test_a_call_is_a_command_of_its_service() -> None:
    queue = "http://127.0.0.1:5000/123456789012/orders"
    told = {"cloud.region": "eu-west-1", "aws.sqs.queue.url": queue, "messaging.destination.name": "orders"}
    entry = called("sqs", "SendMessage", {**told, **ANSWERED})

    assert (entry["name"], entry["service"], entry["resource"], entry["type"]) == (
        "sqs.command",
        "aws.sqs",
        "sqs.sendmessage",
        "http",
    )
    assert "error" not in entry
    assert (
        entry["meta"].items()
        >= {
            "component": "botocore",
            "span.kind": "client",
            "_dd.svc_src": "m",
            "_dd.base_service": "shop",
            "aws.agent": "botocore",
            "aws.operation": "SendMessage",
            "aws.partition": "aws",
            "aws.region": "eu-west-1",
            "aws.requestid": "abc",
            "aws.sqs.queue_name": "orders",
            "aws_account": "123456789012",
            "aws_service": "sqs",
            "http.status_code": "200",
            "queuename": "orders",
            "region": "eu-west-1",
        }.items()
    )
    assert entry["metrics"].items() >= {"_dd.measured": 1, "_dd.top_level": 1, "retry_attempts": 0}.items()
    assert [key for key in entry["meta"] if key.startswith(("rpc.", "messaging.", "aws.endpoint"))] == []


@pytest.mark.parametrize(
    ("prefix", "attributes", "expected"),
    [
        (
            "dynamodb",
            {"aws.dynamodb.table_names": ("cups",)},
            {"aws.dynamodb.table_name": "cups", "tablename": "cups"},
        ),
        ("events", {"aws.events.rule.name": "five"}, {"rulename": "five"}),
        ("kinesis", {"aws.kinesis.stream_name": "tea"}, {"aws.kinesis.stream_name": "tea", "streamname": "tea"}),
        ("lambda", {"aws.lambda.function.name": "brew"}, {"functionname": "brew"}),
        (
            "redshift",
            {"aws.redshift.cluster_identifier": "pots"},
            {"aws.redshift.cluster_identifier": "pots", "clusteridentifier": "pots"},
        ),
        ("s3", {"aws.s3.bucket": "cups"}, {"aws.s3.bucket_name": "cups", "bucketname": "cups"}),
        (
            "sns",
            {"aws.sns.topic.arn": ARN, "messaging.destination.name": "news"},
            {"aws.sns.topic_arn": ARN, "aws_account": "123456789012", "topicname": "news"},
        ),
        (
            "sqs",
            {"messaging.destination.name": "orders"},
            {"aws.sqs.queue_name": "orders", "queuename": "orders"},
        ),
        ("states", {"aws.step_functions.state_machine.arn": MACHINE}, {"statemachinearn": MACHINE}),
        ("monitoring", {}, {}),
    ],
)
def test_what_a_call_names_has_datadogs_names(
    prefix: str, attributes: dict[str, Any], expected: dict[str, str]
) -> None:
    told = tags(called(prefix, "Do", attributes))
    assert told == {"_dd.svc_src": "m", "aws.operation": "Do", "aws_service": prefix, **expected}


@pytest.mark.parametrize(
    ("region", "expected"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("", "aws")],
)
def test_regions_have_partitions(region: str, expected: str) -> None:
    assert partition(region) == expected


REFUSED = raised("botocore.errorfactory.NoSuchKey", "no such key")


@pytest.mark.parametrize(
    ("status", "variables", "failed"),
    [
        (404, {}, False),
        (404, {"DD_TRACE_HTTP_SERVER_ERROR_STATUSES": "404,500-599"}, True),
        (500, {}, True),
        (None, {}, True),
    ],
)
def test_an_answer_is_an_error_by_its_status(status: int | None, variables: dict[str, str], failed: bool) -> None:
    attributes = {"error.type": "botocore.errorfactory.NoSuchKey"}
    if status is not None:
        attributes["http.response.status_code"] = status
    entry = called("s3", "GetObject", attributes, variables, status=error("no such key"), events=[REFUSED])

    assert entry.get("error", 0) == failed
    assert ("error.message" in entry["meta"], "error.type" in entry["meta"]) == (failed, failed)
    assert "span_events" not in entry
    assert "_dd.span_events.has_exception" not in entry["meta"]


@pytest.mark.parametrize(
    ("prefix", "operation", "name"),
    [
        ("s3", "PutObject", "aws.s3.request"),
        ("sqs", "SendMessageBatch", "aws.sqs.send"),
        ("sqs", "ReceiveMessage", "aws.sqs.receive"),
        ("sqs", "DeleteMessage", "aws.sqs.request"),
        ("sns", "Publish", "aws.sns.send"),
        ("kinesis", "PutRecords", "aws.kinesis.send"),
        ("kinesis", "GetRecords", "aws.kinesis.request"),
        ("events", "PutEvents", "aws.events.send"),
        ("states", "StartExecution", "aws.stepfunctions.send"),
        ("states", "ListStateMachines", "aws.states.request"),
        ("lambda", "Invoke", "aws.lambda.invoke"),
    ],
)
def test_schema_v1_names_what_is_done(prefix: str, operation: str, name: str) -> None:
    assert called(prefix, operation, variables={"DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1"})["name"] == name


@pytest.mark.parametrize(
    ("variables", "service", "source"),
    [
        ({}, "aws.s3", "m"),
        ({"DD_BOTOCORE_SERVICE": "amazon"}, "amazon.s3", "m"),
        ({"DD_SERVICE_MAPPING": "aws.s3:store"}, "store", "opt.service_mapping"),
        ({"DD_SERVICE_MAPPING": "aws:store"}, "aws.s3", "m"),
        ({"DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1", "DD_BOTOCORE_SERVICE": "amazon"}, "shop", "m"),
        ({"DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED": "true"}, "shop", "m"),
    ],
)
def test_each_service_of_aws_is_a_service(variables: dict[str, str], service: str, source: str) -> None:
    entry = called("s3", "PutObject", variables=variables)
    assert (entry["service"], entry["meta"]["_dd.svc_src"]) == (service, source)


V1 = {"DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1"}
UNSET = {"DD_SERVICE": ""}


@pytest.mark.parametrize(
    ("variables", "service", "source", "version"),
    [
        ({}, "shop", "m", "1"),
        ({"DD_AIOBOTOCORE_SERVICE": "calls"}, "calls", "m", "1"),
        ({"DD_SERVICE_MAPPING": "shop:store"}, "store", "opt.service_mapping", None),
        (V1, "shop", "m", "1"),
        (UNSET, "aws.s3", None, "1"),
        (UNSET | {"DD_AIOBOTOCORE_SERVICE": "calls"}, "calls", None, "1"),
        (UNSET | {"DD_SERVICE_MAPPING": "aws.s3:store"}, "store", "opt.service_mapping", "1"),
        (UNSET | V1, "unnamed-python-service", "aiobotocore", "1"),
    ],
)
def test_whose_service_a_call_of_aiobotocore_bears(
    variables: dict[str, str], service: str, source: str | None, version: str | None
) -> None:
    """As ddtrace 4.16 sends it."""
    entry = called("s3", "PutObject", variables={"DD_VERSION": "1", **variables}, library="aiobotocore")
    meta = entry["meta"]
    assert (entry["service"], meta.get("_dd.svc_src"), meta.get("version")) == (service, source, version)


def test_every_exception_of_aiobotocore_is_a_failure_and_both_ids_are_told() -> None:
    attributes = {"http.response.status_code": 404, "error.type": "NoSuchKey", "aws.extended_request_id": "xyz"}
    refused = {"status": error("no such key"), "events": [REFUSED]}
    entry = called("s3", "GetObject", attributes, library="aiobotocore", **refused)
    assert (entry["error"], entry["meta"]["error.message"]) == (1, "no such key")
    assert entry["meta"]["aws.requestid2"] == "xyz"
    assert "aws_service" not in entry["meta"]
    assert "aws.requestid2" not in called("s3", "GetObject", attributes)["meta"]


@pytest.mark.parametrize(
    ("protocol", "operation", "resource"),
    [("query", "DescribeInstances", "ec2.describeinstances"), ("rest", "get_all_buckets", "ec2.post")],
)
def test_a_call_of_boto_is_named_by_what_it_asks_for_or_by_its_method(
    protocol: str, operation: str, resource: str
) -> None:
    attributes = {"boto.protocol": protocol, "http.request.method": "POST", "http.response.status_code": 404}
    entry = called("ec2", operation, {**attributes, "error.type": "404"}, library="boto", status=error())
    assert (entry["name"], entry["service"], entry["resource"]) == ("ec2.command", "aws.ec2", resource)
    assert (entry["meta"]["aws.operation"], entry["meta"]["http.method"]) == (operation, "POST")
    assert "error" not in entry
    assert {"boto.protocol", "aws_service"}.isdisjoint(entry["meta"])


@pytest.mark.parametrize("library", ["aiobotocore", "boto"])
def test_in_schema_v1_all_calls_of_a_service_have_one_name(library: str) -> None:
    """But for those of botocore. As ddtrace 4.16 sends it."""
    told = {"messaging.destination.name": "orders"}
    assert called("sqs", "SendMessage", told, V1, library=library)["name"] == "aws.sqs.request"


def test_what_was_written_is_pointed_at() -> None:
    digests = ("1" * 32, "2" * 32)
    entry = called("dynamodb", "TransactWriteItems", {"aws.dynamodb.item.digests": digests})
    assert [link["attributes"] for link in entry["span_links"]] == [
        {"link.kind": "span-pointer", "ptr.kind": "aws.dynamodb.item", "ptr.dir": "d", "ptr.hash": digest}
        for digest in digests
    ]
    entry = called("s3", "PutObject", {"aws.s3.object.digest": "3" * 32})
    assert entry["span_links"] == [
        {
            "trace_id": 0,
            "trace_id_high": 0,
            "span_id": 0,
            "attributes": {
                "link.kind": "span-pointer",
                "ptr.kind": "aws.s3.object",
                "ptr.dir": "d",
                "ptr.hash": "3" * 32,
            },
        }
    ]
    assert [key for key in entry["meta"] if "digest" in key] == []
    assert "span_links" not in called("s3", "GetObject")


def test_messages_bear_their_headers_where_datadogs_readers_look() -> None:
    assert from_settings(settings.read({}, argv=["-"])).envelope == "_datadog"
