"""boto 2, against moto's server by a proxy, and a server of our own for what moto never does."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from otel_instrumentors.boto import BotoInstrumentor
from otel_instrumentors.httplib import HttplibInstrumentor
from tests.otel_instrumentors.boto_on_every_python import boto
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented
from tests.otel_instrumentors.test_pairs import counted

# It asks for the time as one did then.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def reached(url: str | None = None) -> dict[str, Any]:
    """By a proxy: so the hosts are those of AWS, by which services and regions are known."""
    there = urlsplit(url or os.environ["TEST_AWS_URL"])
    return {
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
        "proxy": there.hostname,
        "proxy_port": str(there.port),
        "is_secure": False,
    }


def ec2(url: str | None = None) -> Any:
    return boto.ec2.connect_to_region("us-west-2", **reached(url))


def s3(url: str | None = None) -> Any:
    ways = boto.s3.connection.OrdinaryCallingFormat()
    return boto.s3.connection.S3Connection(calling_format=ways, **reached(url))


class TestBotoContract(Contract):
    instrumentor = BotoInstrumentor
    servers = ("aws",)

    @staticmethod
    def use() -> Any:
        return ec2().get_all_reservations()


@pytest.fixture(autouse=True)
def _aws(aws: str) -> None:
    """All of these need it."""


@pytest.fixture(autouse=True)
def _once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is tried again, six times with growing pauses: without those."""
    monkeypatch.setattr("boto.connection.time.sleep", lambda _seconds: None)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(BotoInstrumentor, recorder.provider):
        yield recorder


def whole(span: Any) -> dict[str, Any]:
    return {"name": span.name, "kind": span.kind.name, **dict(span.attributes or {})}


def test_a_query_is_a_client_span_with_its_action(recorder: Recorder) -> None:
    assert ec2().get_all_reservations() == []
    (span,) = recorder.take()
    assert whole(span) == {
        "name": "ec2.DescribeInstances",
        "kind": "CLIENT",
        "rpc.system": "aws-api",
        "rpc.service": "ec2",
        "rpc.method": "DescribeInstances",
        "aws.endpoint_prefix": "ec2",
        "cloud.region": "us-west-2",
        "boto.protocol": "query",
        "http.request.method": "POST",
        "http.response.status_code": 200,
    }


def test_a_request_is_named_by_the_function_that_makes_it(recorder: Recorder) -> None:
    name = f"bucket-{uuid4().hex}"
    s3().create_bucket(name)
    (span,) = recorder.take()
    assert whole(span) == {
        "name": "s3.create_bucket",
        "kind": "CLIENT",
        "rpc.system": "aws-api",
        "rpc.service": "s3",
        "rpc.method": "create_bucket",
        "aws.endpoint_prefix": "s3",
        "boto.protocol": "rest",
        "http.request.method": "PUT",
        "http.response.status_code": 200,
    }


def test_a_service_that_speaks_json_is_asked_for_a_target(recorder: Recorder) -> None:
    boto.kinesis.connect_to_region("us-west-2", **reached()).list_streams()
    boto.dynamodb2.connect_to_region("us-west-2", **reached()).list_tables()
    spans = [whole(span) for span in recorder.take()]
    assert [(span["name"], span["boto.protocol"]) for span in spans] == [
        ("kinesis.ListStreams", "json"),
        ("dynamodb.ListTables", "json"),
    ]


def test_what_a_query_names_is_on_its_span(recorder: Recorder) -> None:
    sns = boto.sns.connect_to_region("us-west-2", **reached())
    topic = sns.create_topic("news")["CreateTopicResponse"]["CreateTopicResult"]["TopicArn"]
    recorder.take()
    sns.publish(topic, "tea")
    (span,) = recorder.take()
    assert whole(span)["aws.sns.topic.arn"] == topic
    assert span.kind.name == "PRODUCER"


def test_objects_are_written_and_read_as_ever(recorder: Recorder) -> None:
    bucket = s3().create_bucket(f"bucket-{uuid4().hex}")
    key = bucket.new_key("tea")
    key.set_contents_from_string("green" * 10_000)
    assert bucket.get_key("tea").get_contents_as_string() == b"green" * 10_000
    assert bucket.get_key("none") is None
    spans = [whole(span) for span in recorder.take()]
    methods = [(span["http.request.method"], span["http.response.status_code"]) for span in spans]
    assert methods == [("PUT", 200), ("PUT", 200), ("HEAD", 200), ("GET", 200), ("HEAD", 404)]


def test_what_a_service_refuses_is_an_error_with_its_status(recorder: Recorder) -> None:
    with pytest.raises(boto.exception.S3ResponseError):
        s3().get_bucket(f"none-{uuid4().hex}")
    (span,) = recorder.take()
    assert (whole(span)["http.response.status_code"], whole(span)["error.type"]) == (404, "404")


def test_what_never_got_an_answer_is_an_error_without_one(recorder: Recorder) -> None:
    # Old releases fail to raise it, on Python 3.
    with pytest.raises((ConnectionRefusedError, UnboundLocalError)) as raised:
        ec2("http://127.0.0.1:1").get_all_regions()
    (span,) = recorder.take()
    assert whole(span)["error.type"] == raised.type.__name__
    assert "http.response.status_code" not in whole(span)


class _Server:
    """Answers with one status after the other, the last again and again; keeps the headers of what it was asked."""

    def __init__(self, statuses: Sequence[int]) -> None:
        self.statuses = list(statuses)
        self.asked: list[dict[str, str]] = []

    @contextmanager
    def running(self) -> Iterator[str]:
        known = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known.asked.append({name.lower(): value for name, value in self.headers.items()})
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.send_response(known.statuses.pop(0) if len(known.statuses) > 1 else known.statuses[0])
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_GET

            def log_message(self, *_args: Any) -> None:
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def test_a_call_that_is_sent_again_is_one_span(recorder: Recorder) -> None:
    server = _Server((503, 500, 404))
    with server.running() as url, pytest.raises(boto.exception.EC2ResponseError):
        ec2(url).get_all_reservations()
    (span,) = recorder.take()
    assert len(server.asked) == 3
    assert whole(span)["http.response.status_code"] == 404


def test_a_service_that_fails_is_an_error_with_its_status(recorder: Recorder) -> None:
    with _Server((503,)).running() as url, pytest.raises(boto.exception.BotoServerError):
        ec2(url).get_all_reservations()
    (span,) = recorder.take()
    assert (whole(span)["http.response.status_code"], whole(span)["error.type"]) == (
        503,
        "boto.exception.BotoServerError",
    )


def test_the_requests_of_a_call_are_no_spans_beside_it(recorder: Recorder) -> None:
    server = _Server((503, 403))
    with (
        instrumented(HttplibInstrumentor, recorder.provider),
        server.running() as url,
        pytest.raises(boto.exception.S3ResponseError),
    ):
        s3(url).get_all_buckets()
    assert len(server.asked) == 2
    assert "traceparent" not in server.asked[0]
    counted(("boto + httplib", "`connection.get_all_buckets()`"), recorder)


def test_spans_are_below_the_current_one_and_those_of_connections_made_before(recorder: Recorder) -> None:
    connection = ec2()
    with recorder.provider.get_tracer("application").start_as_current_span("work"):
        connection.get_all_reservations()
    asking, work = recorder.take()
    assert asking.parent is not None
    assert asking.parent.span_id == work.context.span_id
