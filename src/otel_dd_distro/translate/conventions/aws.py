"""Calls of the AWS API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import StatusCode

from ..every_span.attributes import Meta, Targets, as_text, text_of
from ..every_span.errors import failed_request, status_text
from .operation import MEASURED, Operation, Operations
from .urls import Urls

PREFIX = "aws.endpoint_prefix"
"""The service as its host names have it, a part of nearly all that Datadog says of a call."""

TARGETS = {
    "rpc.method": "aws.operation",
    PREFIX: "aws_service",
    "cloud.region": "aws.region",
    "aws.extended_request_id": "",
    "aws.request_id": "aws.requestid",
    "http.request.resend_count": "retry_attempts",
    "aws.s3.bucket": "aws.s3.bucket_name",
    "aws.sns.topic.arn": "aws.sns.topic_arn",
    # Below, and in links
    "http.response.status_code": "",
    "aws.dynamodb.item.digests": "",
    "aws.dynamodb.table_names": "",
    "aws.events.rule.name": "",
    "aws.lambda.function.name": "",
    "aws.s3.object.digest": "",
    "aws.sqs.queue.url": "",
    "aws.step_functions.state_machine.arn": "",
    # The same for all, or said otherwise
    "messaging.destination.name": "",
    "rpc.service": "",
    "rpc.system": "",
    "error.type": "",
}

_SHORT = {
    "aws.events.rule.name": "rulename",
    "aws.kinesis.stream_name": "streamname",
    "aws.lambda.function.name": "functionname",
    "aws.redshift.cluster_identifier": "clusteridentifier",
    "aws.s3.bucket": "bucketname",
    "aws.step_functions.state_machine.arn": "statemachinearn",
}
"""Attributes and the short names that Datadog knows them by, perhaps beside a longer one."""

_MADE = (
    "aws.dynamodb.table_name",
    "aws.partition",
    "aws.sqs.queue_name",
    "aws_account",
    "http.status_code",
    "queuename",
    "region",
    "tablename",
    "topicname",
    *_SHORT.values(),
)

_SENT = {
    "events": ("PutEvents",),
    "kinesis": ("PutRecord", "PutRecords"),
    "sns": ("Publish", "PublishBatch"),
    "sqs": ("SendMessage", "SendMessageBatch"),
    "states": ("StartExecution", "StartSyncExecution"),
}
_SERVICES = {"states": "stepfunctions"}


def calls(library: str) -> Operations:
    """The one operation of a client, `<service>.command`: `sqs.command`; the status of its answer says if it failed."""
    return Operations(
        _command(library, TARGETS, title=titled, describe=described, failed=failed, forgives=True, links=pointers)
    )


def parsing(library: str) -> Operations:
    """What a client does with an answer, within its call and in the service of that."""
    targets = Targets({f"{library}.step": "", "error.type": ""})
    return Operations(
        Operation(f"{library}.parsers.parse", kind="client", component=library, source="m", targets=targets)
    )


def awaited_calls(library: str) -> Operations:
    """That of an asynchronous client: every exception is a failure, and both ids of the request are told."""
    targets = {**TARGETS, PREFIX: "", "aws.extended_request_id": "aws.requestid2"}
    return Operations(_command(library, targets, title=_titled_alike, describe=described, links=pointers))


def requests(library: str) -> Operations:
    """That of a client whose calls are requests: what asks for nothing by name is named by its method."""
    targets = {**TARGETS, PREFIX: "", "http.request.method": "http.method", f"{library}.protocol": ""}

    def described_request(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
        resource = described(attributes, meta, urls)
        if attributes.get(f"{library}.protocol") != "rest":
            return resource
        return f"{text_of(attributes, PREFIX)}.{text_of(attributes, 'http.request.method').lower()}"

    return Operations(
        _command(library, targets, title=_titled_alike, describe=described_request, failed=failed_request)
    )


def _command(library: str, targets: Mapping[str, str], **more: Any) -> Operation:
    return Operation(
        "aws.command",
        type="http",
        kind="client",
        component=library,
        source="m",
        tags={"aws.agent": library},
        metrics=MEASURED,
        targets=Targets(targets, made=_MADE),
        **more,
    )


def _titled_alike(attributes: dict[str, Any], is_v1: bool) -> str:
    """In schema v1 as well all calls of a service have one name."""
    prefix = text_of(attributes, PREFIX)
    return f"aws.{prefix}.request" if is_v1 else f"{prefix}.command"


def titled(attributes: dict[str, Any], is_v1: bool) -> str:
    prefix = text_of(attributes, PREFIX)
    if not is_v1:
        return f"{prefix}.command"
    operation = text_of(attributes, "rpc.method")
    verb = "request"
    if operation in _SENT.get(prefix, ()):
        verb = "send"
    elif (prefix, operation) == ("sqs", "ReceiveMessage"):
        verb = "receive"
    elif (prefix, operation) == ("lambda", "Invoke"):
        verb = "invoke"
    return f"aws.{_SERVICES.get(prefix, prefix) if verb == 'send' else prefix}.{verb}"


def described(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    region = meta.get("aws.region")
    if region:
        meta["region"] = region
        meta["aws.partition"] = partition(region)
    code = attributes.get("http.response.status_code")
    if code is not None:
        meta["http.status_code"] = status_text(code)
    for key in attributes.keys() & _SHORT.keys():
        meta[_SHORT[key]] = text_of(attributes, key)
    tables = attributes.get("aws.dynamodb.table_names")
    if tables and isinstance(tables, (list, tuple)):
        meta["aws.dynamodb.table_name"] = meta["tablename"] = as_text(tables[0])
    arn = text_of(attributes, "aws.sns.topic.arn")
    if arn:
        account, _, meta["topicname"] = arn.rpartition(":")
        meta["aws_account"] = account.rpartition(":")[2]
    prefix = text_of(attributes, PREFIX)
    if prefix == "sqs" and (name := text_of(attributes, "messaging.destination.name")):
        meta["aws.sqs.queue_name"] = meta["queuename"] = name
        url = text_of(attributes, "aws.sqs.queue.url")
        if url:
            meta["aws_account"] = url.rpartition("/")[0].rpartition("/")[2]
    return f"{prefix}.{text_of(attributes, 'rpc.method').lower()}"


def partition(region: str) -> str:
    """The part of AWS that a region belongs to; Datadog knows three of them."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def failed(status: StatusCode, attributes: dict[str, Any], raised: bool, statuses: frozenset[int]) -> bool:
    """Whether a call failed: where the service has answered its status decides, as it does for requests."""
    code = attributes.get("http.response.status_code")
    if raised and isinstance(code, int) and code not in statuses:
        return False
    return status is StatusCode.ERROR


def pointers(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Links to what was written, which a span that reads it later bears as well: no trace is named, but the thing."""
    written = [("aws.s3.object", attributes.get("aws.s3.object.digest"))]
    written += [("aws.dynamodb.item", digest) for digest in attributes.get("aws.dynamodb.item.digests", ())]
    return [
        {
            "trace_id": 0,
            "trace_id_high": 0,
            "span_id": 0,
            "attributes": {"link.kind": "span-pointer", "ptr.kind": kind, "ptr.dir": "d", "ptr.hash": digest},
        }
        for kind, digest in written
        if isinstance(digest, str)
    ]
