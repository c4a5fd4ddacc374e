"""botocore, against moto's server, and a server of our own for what moto never does."""

from __future__ import annotations

import functools
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.propagate import get_global_textmap, set_global_textmap
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_instrumentors.botocore import BotocoreInstrumentor
from otel_instrumentors.kernel.switch import PREFIX
from otel_instrumentors.requests import RequestsInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

ENVELOPE = "_context"
EVENT = {"Source": "shop", "DetailType": "order", "Detail": '{"order": 7}'}


def made_client(service: str, url: str | None = None, **config: Any) -> Any:
    from botocore.config import Config
    from botocore.session import get_session

    return get_session().create_client(
        service,
        region_name="eu-west-1",
        endpoint_url=url or os.environ["TEST_AWS_URL"],
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(s3={"addressing_style": "path"}, **config),
    )


# Reading the description of a service takes a while.
client = functools.cache(made_client)


class TestBotocoreContract(Contract):
    instrumentor = BotocoreInstrumentor
    servers = ("aws",)

    @staticmethod
    def use() -> Any:
        answer = client("sns").list_topics()
        return sorted(answer), answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture(autouse=True)
def _aws(aws: str) -> None:
    """All of these need it."""


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(BotocoreInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def enveloped() -> Iterator[None]:
    """The process's propagator wants all pairs of a message in one place."""
    propagator = TraceContextTextMapPropagator()
    propagator.envelope = ENVELOPE  # type: ignore[attr-defined]
    with propagating(propagator):
        yield


@contextmanager
def propagating(propagator: TextMapPropagator) -> Iterator[None]:
    before = get_global_textmap()
    set_global_textmap(propagator)
    try:
        yield
    finally:
        set_global_textmap(before)


@pytest.fixture
def bucket() -> str:
    name = f"bucket-{uuid4().hex}"
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


@pytest.fixture
def queue() -> str:
    url: str = client("sqs").create_queue(QueueName=f"queue-{uuid4().hex}")["QueueUrl"]
    return url


def traceparent(span: ReadableSpan) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def whole(span: ReadableSpan) -> dict[str, Any]:
    """All that is known of a span but its times; the id of the request is another each time."""
    attributes = dict(span.attributes or {})
    if "aws.request_id" in attributes:
        attributes["aws.request_id"] = "<id>"
    return {"name": span.name, "kind": span.kind.name, **attributes}


def received(url: str, **asked: Any) -> list[dict[str, Any]]:
    """What stands in a queue."""
    messages: list[dict[str, Any]] = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, **asked)[
        "Messages"
    ]
    return messages


# Spans


def test_a_call_is_a_client_span(bucket: str, recorder: Recorder) -> None:
    client("s3").put_object(Bucket=bucket, Key="cups/1", Body=b"tea")

    (span,) = recorder.take()
    assert whole(span) == {
        "name": "S3.PutObject",
        "kind": "CLIENT",
        "rpc.system": "aws-api",
        "rpc.service": "S3",
        "rpc.method": "PutObject",
        "aws.endpoint_prefix": "s3",
        "cloud.region": "eu-west-1",
        "aws.s3.bucket": bucket,
        "http.response.status_code": 200,
        "http.request.resend_count": 0,
        "aws.request_id": "<id>",
        "aws.s3.object.digest": (span.attributes or {})["aws.s3.object.digest"],
    }


def test_an_answer_that_is_parsed_is_a_span_below_its_call_where_that_is_switched_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = Recorder()
    monkeypatch.setenv(f"{PREFIX}BOTOCORE_PARSING", "true")
    with instrumented(BotocoreInstrumentor, recorder.provider):
        client("sns").list_topics()
    parsed, call = recorder.take()
    assert (parsed.name, dict(parsed.attributes or {})) == ("parse", {"botocore.step": "parse"})
    assert (call.name, parsed.parent) == ("SNS.ListTopics", call.context)


def test_what_a_service_refuses_is_an_error_with_its_status(bucket: str, recorder: Recorder) -> None:
    s3 = client("s3")

    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="none")

    (span,) = recorder.take()
    assert whole(span) == {
        "name": "S3.GetObject",
        "kind": "CLIENT",
        "rpc.system": "aws-api",
        "rpc.service": "S3",
        "rpc.method": "GetObject",
        "aws.endpoint_prefix": "s3",
        "cloud.region": "eu-west-1",
        "aws.s3.bucket": bucket,
        "http.response.status_code": 404,
        "http.request.resend_count": 0,
        "aws.request_id": "<id>",
        "error.type": "botocore.errorfactory.NoSuchKey",
    }
    assert not span.status.is_ok
    assert [event.name for event in span.events] == ["exception"]


def test_what_never_got_an_answer_is_an_error_without_one(recorder: Recorder) -> None:
    from botocore.exceptions import EndpointConnectionError

    with pytest.raises(EndpointConnectionError):
        made_client("sqs", "http://127.0.0.1:1", retries={"max_attempts": 0}).list_queues()

    (span,) = recorder.take()
    assert whole(span) == {
        "name": "SQS.ListQueues",
        "kind": "CLIENT",
        "rpc.system": "aws-api",
        "rpc.service": "SQS",
        "rpc.method": "ListQueues",
        "aws.endpoint_prefix": "sqs",
        "cloud.region": "eu-west-1",
        "error.type": "botocore.exceptions.EndpointConnectionError",
    }


def test_what_is_refused_before_it_is_sent_is_an_error(recorder: Recorder) -> None:
    from botocore.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        client("sqs").send_message(QueueUrl=7, MessageBody="tea", MessageAttributes="none")

    (span,) = recorder.take()
    assert (span.name, span.status.is_ok) == ("SQS.SendMessage", False)


@pytest.mark.parametrize(
    ("service", "method", "parameters", "named"),
    [
        ("dynamodb", "describe_table", {"TableName": "cups"}, {"aws.dynamodb.table_names": ("cups",)}),
        ("events", "describe_rule", {"Name": "five"}, {"aws.events.rule.name": "five"}),
        ("kinesis", "describe_stream", {"StreamName": "tea"}, {"aws.kinesis.stream_name": "tea"}),
        ("lambda", "get_function", {"FunctionName": "brew"}, {"aws.lambda.function.name": "brew"}),
        (
            "redshift",
            "describe_clusters",
            {"ClusterIdentifier": "pots"},
            {"aws.redshift.cluster_identifier": "pots"},
        ),
        (
            "sns",
            "get_topic_attributes",
            {"TopicArn": "arn:aws:sns:eu-west-1:123456789012:tea"},
            {
                "aws.sns.topic.arn": "arn:aws:sns:eu-west-1:123456789012:tea",
                "messaging.destination.name": "tea",
            },
        ),
        ("sqs", "get_queue_url", {"QueueName": "none"}, {"messaging.destination.name": "none"}),
        (
            "stepfunctions",
            "describe_state_machine",
            {"stateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:tea"},
            {"aws.step_functions.state_machine.arn": "arn:aws:states:eu-west-1:123456789012:stateMachine:tea"},
        ),
    ],
)
def test_what_a_call_names_is_on_its_span(
    recorder: Recorder, service: str, method: str, parameters: dict[str, str], named: dict[str, Any]
) -> None:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError):
        getattr(client(service), method)(**parameters)

    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert {key: attributes.get(key) for key in named} == named
    assert attributes["http.response.status_code"] in (400, 404)


def test_a_client_that_was_made_before_is_traced(recorder: Recorder) -> None:
    kept = made_client("sns")
    publish = kept.list_topics
    BotocoreInstrumentor().uninstrument()
    publish()
    assert recorder.take() == []

    BotocoreInstrumentor().instrument(tracer_provider=recorder.provider, skip_dep_check=True)
    publish()

    assert [span.name for span in recorder.take()] == ["SNS.ListTopics"]


def test_each_page_is_a_span(bucket: str, recorder: Recorder) -> None:
    s3 = client("s3")
    for number in range(3):
        s3.put_object(Bucket=bucket, Key=str(number))
    recorder.take()

    pages = list(s3.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1}))

    assert len(pages) == 3
    assert [span.name for span in recorder.take()] == ["S3.ListObjects"] * 3


def test_a_body_is_read_as_ever(bucket: str, recorder: Recorder) -> None:
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="leaf", Body=b"green" * 10_000)

    body = s3.get_object(Bucket=bucket, Key="leaf")["Body"]

    assert [span.name for span in recorder.take()] == ["S3.PutObject", "S3.GetObject"]
    assert b"".join(iter(lambda: body.read(1_000), b"")) == b"green" * 10_000


def test_a_url_that_is_signed_for_others_is_no_call_and_asks_for_no_headers(bucket: str, recorder: Recorder) -> None:
    with recorder.provider.get_tracer("shop").start_as_current_span("around"):
        url = client("s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "leaf"})

    assert [span.name for span in recorder.take()] == ["around"]
    assert "traceparent" not in url


def test_the_requests_of_a_call_are_no_spans_beside_it(recorder: Recorder) -> None:
    import requests

    def asks(**_event: Any) -> None:
        requests.get(os.environ["TEST_AWS_URL"] + "/moto-api/", timeout=60)

    sns = made_client("sns")
    sns.meta.events.register("before-send.sns.ListTopics", asks)
    with instrumented(RequestsInstrumentor, recorder.provider):
        sns.list_topics()
        assert [span.name for span in recorder.take()] == ["SNS.ListTopics"]
        asks()
        assert [span.name for span in recorder.take()] == ["GET"]


# What is sent


class _Server:
    """Answers with one status after the other, the last again and again; keeps the headers of what it was asked."""

    def __init__(self, statuses: Sequence[int], answers: Mapping[str, str] | None = None) -> None:
        self.statuses = list(statuses)
        self.answers = answers or {}
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[_Server]:
        known = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known.headers.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(known.statuses.pop(0) if len(known.statuses) > 1 else known.statuses[0])
                for name, value in known.answers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_PUT = do_GET

            def log_message(self, *_args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def test_a_call_that_is_sent_again_is_one_span(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.endpoint

    monkeypatch.setattr(botocore.endpoint.time, "sleep", lambda _seconds: None)
    with _Server((500, 503, 200)).running() as server:
        made_client("s3", server.url).put_object(Bucket="bucket", Key="leaf")

    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert (attributes["http.response.status_code"], attributes["http.request.resend_count"]) == (200, 2)
    assert span.status.is_unset
    assert [headers["traceparent"] for headers in server.headers] == [traceparent(span)] * 3


def test_a_service_that_fails_is_an_error(recorder: Recorder) -> None:
    from botocore.exceptions import ClientError

    with _Server((503,)).running() as server, pytest.raises(ClientError):
        made_client("s3", server.url, retries={"max_attempts": 0}).put_object(Bucket="bucket", Key="leaf")

    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert (attributes["http.response.status_code"], attributes["error.type"]) == (
        503,
        "botocore.exceptions.ClientError",
    )


def test_both_ids_of_an_answer_are_told(recorder: Recorder) -> None:
    ids = {"x-amz-request-id": "C3D1", "x-amz-id-2": "vlR7PnpV2Ce81l0PRw6jlUpck7Jo5ZsQ="}
    with _Server((200,), ids).running() as server:
        made_client("s3", server.url).put_object(Bucket="bucket", Key="leaf")

    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert (attributes["aws.request_id"], attributes["aws.extended_request_id"]) == tuple(ids.values())


class _Marking(TraceContextTextMapPropagator):
    """One header more: botocore leaves those of W3C out of its signatures."""

    def inject(self, carrier: Any, *options: Any, **others: Any) -> None:
        super().inject(carrier, *options, **others)
        carrier["x-mark"] = "tea"


def test_the_headers_bear_the_span_and_are_signed(recorder: Recorder) -> None:
    with propagating(_Marking()), _Server((200,)).running() as server:
        made_client("s3", server.url).put_object(Bucket="bucket", Key="leaf")

    (span,) = recorder.take()
    (headers,) = server.headers
    assert (headers["traceparent"], headers["x-mark"]) == (traceparent(span), "tea")
    signed = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    assert "x-mark" in signed.split(";")


def test_a_header_that_the_application_sets_stays(recorder: Recorder) -> None:
    def marks(request: Any, **_event: Any) -> None:
        request.headers["traceparent"] = "of the application"

    with _Server((200,)).running() as server:
        s3 = made_client("s3", server.url)
        # Before the one that signs, which stands at the end.
        s3.meta.events.register_first("request-created.s3.PutObject", marks)
        s3.put_object(Bucket="bucket", Key="leaf")

    assert server.headers[0]["traceparent"] == "of the application"


def test_without_propagation_nothing_is_added(queue: str) -> None:
    recorder = Recorder()
    with instrumented(BotocoreInstrumentor, recorder.provider, propagate=False), _Server((200,)).running() as server:
        made_client("s3", server.url).put_object(Bucket="bucket", Key="leaf")
        client("sqs").send_message(QueueUrl=queue, MessageBody="tea")

    assert [span.name for span in recorder.take()] == ["S3.PutObject", "SQS.SendMessage"]
    assert "traceparent" not in server.headers[0]
    assert "MessageAttributes" not in received(queue, MessageAttributeNames=["All"])[0]


# Messages


def test_a_message_bears_its_span_in_an_attribute(queue: str, recorder: Recorder) -> None:
    attributes = {"kind": {"DataType": "String", "StringValue": "green"}}
    client("sqs").send_message(QueueUrl=queue, MessageBody="tea", MessageAttributes=attributes)

    (span,) = recorder.take()
    (message,) = received(queue, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == {
        "kind": {"DataType": "String", "StringValue": "green"},
        "traceparent": {"DataType": "String", "StringValue": traceparent(span)},
    }
    assert attributes == {"kind": {"DataType": "String", "StringValue": "green"}}
    assert whole(span) == {
        "name": "SQS.SendMessage",
        "kind": "PRODUCER",
        "rpc.system": "aws-api",
        "rpc.service": "SQS",
        "rpc.method": "SendMessage",
        "aws.endpoint_prefix": "sqs",
        "cloud.region": "eu-west-1",
        "aws.sqs.queue.url": queue,
        "messaging.destination.name": queue.rpartition("/")[2],
        "http.response.status_code": 200,
        "http.request.resend_count": 0,
        "aws.request_id": "<id>",
    }


@pytest.mark.usefixtures("enveloped")
def test_a_message_bears_its_span_in_one_attribute_where_the_propagator_wants_that(
    queue: str, recorder: Recorder
) -> None:
    client("sqs").send_message(QueueUrl=queue, MessageBody="tea")

    (span,) = recorder.take()
    (message,) = received(queue, MessageAttributeNames=[ENVELOPE])
    attribute = message["MessageAttributes"][ENVELOPE]
    assert (attribute["DataType"], json.loads(attribute["StringValue"])) == (
        "String",
        {"traceparent": traceparent(span)},
    )


@pytest.mark.usefixtures("enveloped")
@pytest.mark.parametrize(("given", "sent"), [(0, 1), (9, 10), (10, 10)])
def test_no_message_has_more_than_ten_attributes(queue: str, recorder: Recorder, given: int, sent: int) -> None:
    attributes = {f"a{number}": {"DataType": "Number", "StringValue": "1"} for number in range(given)}
    client("sqs").send_message(QueueUrl=queue, MessageBody="tea", MessageAttributes=attributes)

    (message,) = received(queue, MessageAttributeNames=["All"])
    assert len(message["MessageAttributes"]) == sent
    assert (ENVELOPE in message["MessageAttributes"]) == (given < 10)
    assert len(attributes) == given


@pytest.mark.usefixtures("enveloped")
def test_each_message_of_a_batch_bears_the_span(queue: str, recorder: Recorder) -> None:
    entries = [{"Id": str(number), "MessageBody": f"cup {number}"} for number in range(10)]
    client("sqs").send_message_batch(QueueUrl=queue, Entries=entries)

    (span,) = recorder.take()
    messages = received(queue, MessageAttributeNames=[ENVELOPE])
    assert sorted(message["Body"] for message in messages) == [f"cup {number}" for number in range(10)]
    for message in messages:
        pairs = json.loads(message["MessageAttributes"][ENVELOPE]["StringValue"])
        assert pairs == {"traceparent": traceparent(span)}
    assert entries == [{"Id": str(number), "MessageBody": f"cup {number}"} for number in range(10)]


@pytest.mark.usefixtures("enveloped")
def test_a_message_as_large_as_can_be_is_sent_as_it_is(queue: str, recorder: Recorder) -> None:
    client("sqs").send_message(QueueUrl=queue, MessageBody="t" * (256 * 1024))

    (message,) = received(queue, MessageAttributeNames=["All"])
    assert "MessageAttributes" not in message


@pytest.mark.parametrize("envelope", [None, ENVELOPE])
def test_what_is_received_is_linked_to_where_it_was_sent(
    queue: str, recorder: Recorder, envelope: str | None, request: pytest.FixtureRequest
) -> None:
    if envelope:
        request.getfixturevalue("enveloped")
    for body in ("green", "black"):
        client("sqs").send_message(QueueUrl=queue, MessageBody=body)

    asked = ["kind"]
    messages = received(queue, MessageAttributeNames=asked)
    assert [message.keys() & {"MessageAttributes", "MD5OfMessageAttributes"} for message in messages] == [set(), set()]

    first, second, span = recorder.take()
    assert (span.name, span.kind) == ("SQS.ReceiveMessage", SpanKind.CLIENT)
    assert [link.context.span_id for link in span.links] == [first.context.span_id, second.context.span_id]
    assert asked == ["kind"]


@pytest.mark.parametrize("envelope", [None, ENVELOPE])
def test_the_application_gets_what_it_asked_for_and_no_attribute_more(
    queue: str, recorder: Recorder, envelope: str | None, request: pytest.FixtureRequest
) -> None:
    if envelope:
        request.getfixturevalue("enveloped")
    kind = {"DataType": "String", "StringValue": "green"}
    client("sqs").send_message(QueueUrl=queue, MessageBody="tea", MessageAttributes={"kind": kind, "other": kind})

    (message,) = received(queue, MessageAttributeNames=["kind"], VisibilityTimeout=0)
    with suppress_instrumentation():
        (bare,) = received(queue, MessageAttributeNames=["kind"], VisibilityTimeout=0)
    assert message["MessageAttributes"] == bare["MessageAttributes"] == {"kind": kind}
    assert message["MD5OfMessageAttributes"] == bare["MD5OfMessageAttributes"]
    assert message.keys() == bare.keys()


@pytest.mark.usefixtures("enveloped")
def test_a_notification_bears_its_span_and_tells_it_to_the_queue_behind(queue: str, recorder: Recorder) -> None:
    sns, sqs = client("sns"), client("sqs")
    topic = sns.create_topic(Name=f"topic-{uuid4().hex}")["TopicArn"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    recorder.take()

    sns.publish(TopicArn=topic, Message="tea")

    (span,) = recorder.take()
    assert whole(span) == {
        "name": "SNS.Publish",
        "kind": "PRODUCER",
        "rpc.system": "aws-api",
        "rpc.service": "SNS",
        "rpc.method": "Publish",
        "aws.endpoint_prefix": "sns",
        "cloud.region": "eu-west-1",
        "aws.sns.topic.arn": topic,
        "messaging.destination.name": topic.rpartition(":")[2],
        "http.response.status_code": 200,
        "http.request.resend_count": 0,
        "aws.request_id": "<id>",
    }
    (message,) = received(queue)
    assert json.loads(message["Body"])["MessageAttributes"][ENVELOPE]["Type"] == "Binary"
    (reading,) = recorder.take()
    assert [link.context.span_id for link in reading.links] == [span.context.span_id]


@pytest.mark.usefixtures("enveloped")
def test_a_record_of_json_bears_its_span(recorder: Recorder) -> None:
    kinesis = client("kinesis")
    stream = f"stream-{uuid4().hex}"
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    recorder.take()

    records = [{"Data": data, "PartitionKey": "1"} for data in (b'{"cup": 1}', b"no json")]
    kinesis.put_records(StreamName=stream, Records=records)

    (span,) = recorder.take()
    shard = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    place = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    first, second = kinesis.get_records(ShardIterator=place["ShardIterator"])["Records"]
    assert json.loads(first["Data"]) == {"cup": 1, ENVELOPE: {"traceparent": traceparent(span)}}
    assert second["Data"] == b"no json"
    assert [record["Data"] for record in records] == [b'{"cup": 1}', b"no json"]


@contextmanager
def sending(service: str, operation: str) -> Iterator[list[dict[str, Any]]]:
    """The requests that a client is about to send, as botocore describes them."""
    sent: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_event: Any) -> None:
        sent.append(params)

    events = client(service).meta.events
    name = f"before-call.{service}.{operation}"
    events.register(name, note)
    try:
        yield sent
    finally:
        events.unregister(name, note)


@pytest.mark.usefixtures("enveloped")
def test_an_event_bears_its_span(recorder: Recorder) -> None:
    entries = [dict(EVENT)]
    with sending("events", "PutEvents") as sent:
        client("events").put_events(Entries=entries)

    (span,) = recorder.take()
    (entry,) = json.loads(sent[0]["body"])["Entries"]
    assert json.loads(entry["Detail"]) == {"order": 7, ENVELOPE: {"traceparent": traceparent(span)}}
    assert entries == [EVENT]


def test_a_function_that_is_invoked_finds_the_span_in_its_client_context(recorder: Recorder) -> None:
    import base64

    from botocore.exceptions import ClientError

    with sending("lambda", "Invoke") as sent, pytest.raises(ClientError):
        client("lambda").invoke(FunctionName="none", Payload=b"{}")

    (span,) = recorder.take()
    headers = {name.lower(): value for name, value in sent[0]["headers"].items()}
    assert json.loads(base64.b64decode(headers["x-amz-client-context"])) == {
        "custom": {"traceparent": traceparent(span)}
    }
    attributes = dict(span.attributes or {})
    assert (span.name, attributes["http.response.status_code"]) == ("Lambda.Invoke", 404)


def test_json_that_nobody_wants_a_member_in_is_sent_as_it_is(recorder: Recorder) -> None:
    with sending("events", "PutEvents") as sent:
        client("events").put_events(Entries=[EVENT])

    assert json.loads(sent[0]["body"])["Entries"] == [EVENT]


# What is written


def test_an_object_that_is_written_leaves_the_digest_that_its_readers_make(bucket: str, recorder: Recorder) -> None:
    from hashlib import md5, sha256

    client("s3").put_object(Bucket=bucket, Key="cups/1", Body=b"tea")
    client("s3").copy_object(Bucket=bucket, Key="cups/2", CopySource={"Bucket": bucket, "Key": "cups/1"})

    tag = md5(b"tea").hexdigest()
    assert [(span.attributes or {})["aws.s3.object.digest"] for span in recorder.take()] == [
        sha256(f"{bucket}|cups/{number}|{tag}".encode()).hexdigest()[:32] for number in (1, 2)
    ]


def test_an_item_that_is_changed_leaves_the_digest_of_its_key(recorder: Recorder) -> None:
    from hashlib import sha256

    dynamodb = client("dynamodb")
    table = f"table-{uuid4().hex}"
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "cup", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "cup", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    recorder.take()

    dynamodb.delete_item(TableName=table, Key={"cup": {"S": "one"}})

    (span,) = recorder.take()
    assert whole(span) == {
        "name": "DynamoDB.DeleteItem",
        "kind": "CLIENT",
        "rpc.system": "aws-api",
        "rpc.service": "DynamoDB",
        "rpc.method": "DeleteItem",
        "aws.endpoint_prefix": "dynamodb",
        "cloud.region": "eu-west-1",
        "aws.dynamodb.table_names": (table,),
        "http.response.status_code": 200,
        "http.request.resend_count": 0,
        "aws.request_id": "<id>",
        "aws.dynamodb.item.digests": (sha256(f"{table}|cup|one||".encode()).hexdigest()[:32],),
    }
