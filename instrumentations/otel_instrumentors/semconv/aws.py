"""Calls of the AWS API.

Source: OpenTelemetry semantic conventions for AWS SDK client spans, in development; names and keys as of 1.36.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from opentelemetry.semconv.attributes.http_attributes import HTTP_REQUEST_RESEND_COUNT, HTTP_RESPONSE_STATUS_CODE
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from ..kernel.call import Outcome, SpanSpec
from .http import SUPPRESSED
from .messaging import MESSAGING_DESTINATION_NAME

RPC_SYSTEM = "rpc.system"
RPC_SERVICE = "rpc.service"
RPC_METHOD = "rpc.method"
CLOUD_REGION = "cloud.region"

AWS_EXTENDED_REQUEST_ID = "aws.extended_request_id"
AWS_REQUEST_ID = "aws.request_id"
AWS_DYNAMODB_TABLE_NAMES = "aws.dynamodb.table_names"
AWS_KINESIS_STREAM_NAME = "aws.kinesis.stream_name"
AWS_S3_BUCKET = "aws.s3.bucket"
AWS_SNS_TOPIC_ARN = "aws.sns.topic.arn"
AWS_SQS_QUEUE_URL = "aws.sqs.queue.url"
AWS_STEP_FUNCTIONS_STATE_MACHINE_ARN = "aws.step_functions.state_machine.arn"

# The conventions have no keys for these.
AWS_ENDPOINT_PREFIX = "aws.endpoint_prefix"
"""The service as its host names have it: `sqs`, `states`, `monitoring`."""
AWS_EVENTS_RULE_NAME = "aws.events.rule.name"
AWS_LAMBDA_FUNCTION_NAME = "aws.lambda.function.name"
AWS_REDSHIFT_CLUSTER_IDENTIFIER = "aws.redshift.cluster_identifier"
AWS_S3_OBJECT_DIGEST = "aws.s3.object.digest"
"""Which version of which object was written, without saying its key."""
AWS_DYNAMODB_ITEM_DIGESTS = "aws.dynamodb.item.digests"
"""Which items were written, without saying their keys."""

DIGEST_DIGITS = 32

Params = Mapping[str, Any]
_SYSTEM = "aws-api"


def api_call(
    prefix: str, service: str, operation: str, region: str | None, params: object, carrier: dict[str, str] | None
) -> SpanSpec:
    """The span of one call: `operation` (`SendMessage`) of the service with the id `service` (`SQS`).

    What it is called with is told as far as it names something: a queue, a table, a bucket. HTTP clients stay silent
    meanwhile: their requests are this call, and its retries.
    """
    attributes: dict[str, AttributeValue] = {
        RPC_SYSTEM: _SYSTEM,
        RPC_SERVICE: service,
        RPC_METHOD: operation,
        AWS_ENDPOINT_PREFIX: prefix,
    }
    if region:
        attributes[CLOUD_REGION] = region
    named = _NAMED.get(prefix)
    if named is not None and isinstance(params, Mapping):
        attributes.update(named(params))
    kind = SpanKind.PRODUCER if operation in _SENDING.get(prefix, ()) else SpanKind.CLIENT
    return SpanSpec(f"{service}.{operation}", kind, attributes, carrier, silences=SUPPRESSED)


def digest(*parts: bytes) -> str:
    """What stands for things that are named by these parts, the same wherever it is made."""
    return sha256(b"|".join(parts)).hexdigest()[:DIGEST_DIGITS]


def answered(
    response: object, attributes: dict[str, AttributeValue] | None = None, error: Exception | None = None
) -> Outcome:
    """What the metadata of a response says, be it a result or what `error` carries; completes `attributes`."""
    known = {} if attributes is None else attributes
    metadata = response.get("ResponseMetadata") if isinstance(response, Mapping) else None
    if isinstance(metadata, Mapping):
        for key, source in _METADATA:
            value = metadata.get(source)
            if value is not None:
                known[key] = value
        # Services that have none are told to have an empty one.
        if extended := metadata.get("HostId"):
            known[AWS_EXTENDED_REQUEST_ID] = extended
    return Outcome(known, error=error)


_METADATA = (
    (HTTP_RESPONSE_STATUS_CODE, "HTTPStatusCode"),
    (HTTP_REQUEST_RESEND_COUNT, "RetryAttempts"),
    (AWS_REQUEST_ID, "RequestId"),
)

_SENDING = {
    "sqs": ("SendMessage", "SendMessageBatch"),
    "sns": ("Publish", "PublishBatch"),
    "kinesis": ("PutRecord", "PutRecords"),
    "events": ("PutEvents",),
}


def _parameter(name: str, key: str) -> Callable[[Params], dict[str, AttributeValue]]:
    def named(params: Params) -> dict[str, AttributeValue]:
        value = params.get(name)
        return {key: value} if isinstance(value, str) and value else {}

    return named


def _queue(params: Params) -> dict[str, AttributeValue]:
    url = params.get("QueueUrl")
    if isinstance(url, str) and url:
        return {AWS_SQS_QUEUE_URL: url, MESSAGING_DESTINATION_NAME: url.rpartition("/")[2]}
    name = params.get("QueueName")
    return {MESSAGING_DESTINATION_NAME: name} if isinstance(name, str) and name else {}


def _topic(params: Params) -> dict[str, AttributeValue]:
    arn = params.get("TopicArn")
    if isinstance(arn, str) and arn:
        return {AWS_SNS_TOPIC_ARN: arn, MESSAGING_DESTINATION_NAME: arn.rpartition(":")[2]}
    return {}


def _table(params: Params) -> dict[str, AttributeValue]:
    name = params.get("TableName")
    return {AWS_DYNAMODB_TABLE_NAMES: (name,)} if isinstance(name, str) and name else {}


_NAMED: dict[str, Callable[[Params], dict[str, AttributeValue]]] = {
    "dynamodb": _table,
    "events": _parameter("Name", AWS_EVENTS_RULE_NAME),
    "kinesis": _parameter("StreamName", AWS_KINESIS_STREAM_NAME),
    "lambda": _parameter("FunctionName", AWS_LAMBDA_FUNCTION_NAME),
    "redshift": _parameter("ClusterIdentifier", AWS_REDSHIFT_CLUSTER_IDENTIFIER),
    "s3": _parameter("Bucket", AWS_S3_BUCKET),
    "sns": _topic,
    "sqs": _queue,
    "states": _parameter("stateMachineArn", AWS_STEP_FUNCTIONS_STATE_MACHINE_ARN),
}
