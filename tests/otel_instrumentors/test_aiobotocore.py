"""aiobotocore, against moto's server."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.trace import SpanKind, get_current_span

from otel_instrumentors.aiobotocore import AiobotocoreInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


@functools.cache
def session() -> Any:
    """Reading the description of a service takes a while: it is kept here."""
    from aiobotocore.session import get_session

    return get_session()


@asynccontextmanager
async def client(service: str, url: str | None = None, **config: Any) -> AsyncIterator[Any]:
    from aiobotocore.config import AioConfig

    async with session().create_client(
        service,
        region_name="eu-west-1",
        endpoint_url=url or os.environ["TEST_AWS_URL"],
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=AioConfig(s3={"addressing_style": "path"}, **config),
    ) as made:
        yield made


async def list_topics(sns: Any) -> Any:
    answer = await sns.list_topics()
    return sorted(answer), answer["ResponseMetadata"]["HTTPStatusCode"]


class TestAiobotocoreContract(Contract):
    instrumentor = AiobotocoreInstrumentor
    servers = ("aws",)

    @staticmethod
    def use() -> Any:
        async def call() -> Any:
            async with client("sns") as sns:
                return await list_topics(sns)

        return asyncio.run(call())

    # Making a client takes longer than all else.
    def test_nothing_is_left_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[override]
        loop = asyncio.new_event_loop()
        making = client("sns")
        sns = loop.run_until_complete(making.__aenter__())
        monkeypatch.setattr(type(self), "use", staticmethod(lambda: loop.run_until_complete(list_topics(sns))))
        try:
            super().test_nothing_is_left_in_memory()
        finally:
            loop.run_until_complete(making.__aexit__(None, None, None))
            loop.close()


@pytest.fixture(autouse=True)
def _aws(aws: str) -> None:
    """All of these need it."""


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(AiobotocoreInstrumentor, recorder.provider):
        yield recorder


@asynccontextmanager
async def bucket(recorder: Recorder) -> AsyncIterator[tuple[Any, str]]:
    """A client of S3, and an empty bucket."""
    name = f"bucket-{uuid4().hex}"
    async with client("s3") as s3:
        await s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        recorder.take()
        yield s3, name


def names(recorder: Recorder) -> list[str]:
    return [span.name for span in recorder.take()]


def traceparent(span: Any) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def test_a_call_is_a_client_span_below_the_current_one(recorder: Recorder) -> None:
    async def call() -> str:
        async with bucket(recorder) as (s3, name):
            with recorder.provider.get_tracer("application").start_as_current_span("work") as work:
                await s3.put_object(Bucket=name, Key="cups/1", Body=b"tea")
                assert get_current_span() is work
        return name

    name = asyncio.run(call())
    span, work = recorder.take()
    assert span.parent is not None
    assert span.parent.span_id == work.context.span_id
    assert (span.name, span.kind) == ("S3.PutObject", SpanKind.CLIENT)
    attributes = dict(span.attributes or {})
    assert len(str(attributes.pop("aws.s3.object.digest"))) == 32
    assert attributes.pop("aws.request_id")
    assert attributes == {
        "rpc.system": "aws-api",
        "rpc.service": "S3",
        "rpc.method": "PutObject",
        "aws.endpoint_prefix": "s3",
        "cloud.region": "eu-west-1",
        "aws.s3.bucket": name,
        "http.response.status_code": 200,
        "http.request.resend_count": 0,
    }


def test_what_a_service_refuses_is_an_error_with_its_status(recorder: Recorder) -> None:
    async def call() -> None:
        async with bucket(recorder) as (s3, name):
            with pytest.raises(s3.exceptions.NoSuchKey):
                await s3.get_object(Bucket=name, Key="none")

    asyncio.run(call())
    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert (attributes["http.response.status_code"], attributes["error.type"]) == (
        404,
        "botocore.errorfactory.NoSuchKey",
    )


def test_what_never_got_an_answer_is_an_error_without_one(recorder: Recorder) -> None:
    async def call() -> Any:
        async with client("sqs", "http://127.0.0.1:1", retries={"max_attempts": 0}) as sqs:
            # Before 1.0 it is aiohttp's own.
            with pytest.raises(Exception, match=r"connect to.*127\.0\.0\.1:1") as raised:
                await sqs.list_queues()
        return raised.type

    error = asyncio.run(call())
    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] == f"{error.__module__}.{error.__name__}"
    assert "http.response.status_code" not in attributes


@asynccontextmanager
async def listening(answer: Any) -> AsyncIterator[str]:
    """The URL of a server of our own, where `answer` is called for the one connection that is made."""

    async def handle(reader: Any, writer: Any) -> None:
        try:
            await answer(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()
            over.set()

    over = asyncio.Event()
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await over.wait()
    server.close()


def test_a_call_that_is_cancelled_ends_its_span_without_an_error(recorder: Recorder) -> None:
    async def answer(reader: Any, _writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        task.cancel()
        await reader.read()

    task: Any = None

    async def call() -> None:
        nonlocal task
        async with listening(answer) as url, client("sqs", url) as sqs:
            task = asyncio.ensure_future(sqs.list_queues())
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(call())
    (span,) = recorder.take()
    assert (span.name, span.status.is_unset) == ("SQS.ListQueues", True)


def test_each_page_is_a_span_and_a_waiter_asks_by_calls(recorder: Recorder) -> None:
    async def call() -> None:
        async with bucket(recorder) as (s3, name):
            for key in "abc":
                await s3.put_object(Bucket=name, Key=key)
            recorder.take()
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=name, PaginationConfig={"PageSize": 2})
            assert [len(page["Contents"]) async for page in pages] == [2, 1]
            assert names(recorder) == ["S3.ListObjectsV2"] * 2
            await s3.get_waiter("object_exists").wait(Bucket=name, Key="a")
            assert names(recorder) == ["S3.HeadObject"]

    asyncio.run(call())


def test_a_body_is_read_as_ever_when_the_span_is_over(recorder: Recorder) -> None:
    async def call() -> None:
        async with bucket(recorder) as (s3, name):
            await s3.put_object(Bucket=name, Key="leaf", Body=b"green" * 10_000)
            answer = await s3.get_object(Bucket=name, Key="leaf")
            assert names(recorder) == ["S3.PutObject", "S3.GetObject"]
            async with answer["Body"] as body:
                parts = []
                while part := await body.read(1_000):
                    parts.append(part)
            assert b"".join(parts) == b"green" * 10_000

    asyncio.run(call())
    assert recorder.take() == []


def test_calls_at_the_same_time_are_each_below_their_own_parent(recorder: Recorder) -> None:
    tracer = recorder.provider.get_tracer("application")

    async def visit(sqs: Any, number: int) -> None:
        with tracer.start_as_current_span(f"visit {number}"):
            await sqs.list_queues(QueueNamePrefix=f"none-{number}")

    async def call() -> None:
        async with client("sqs") as sqs:
            await asyncio.gather(*(visit(sqs, number) for number in range(8)))

    asyncio.run(call())
    spans = recorder.take()
    visits = {span.context.span_id for span in spans if span.name.startswith("visit") and span.context}
    assert {span.parent.span_id for span in spans if span.name == "SQS.ListQueues" and span.parent} == visits
    assert len(visits) == 8


def test_the_headers_bear_the_span(recorder: Recorder) -> None:
    heads: list[bytes] = []

    async def answer(reader: Any, writer: Any) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def call() -> None:
        async with listening(answer) as url, client("s3", url) as s3:
            await s3.list_objects_v2(Bucket="bucket")

    asyncio.run(call())
    (span,) = recorder.take()
    lines = [line for line in heads[0].decode().splitlines() if line.lower().startswith("traceparent:")]
    assert [line.partition(": ")[2] for line in lines] == [traceparent(span)]


def test_a_message_bears_its_span_and_whoever_receives_it_is_linked_to_that(recorder: Recorder) -> None:
    async def call() -> Any:
        async with client("sqs") as sqs:
            queue = (await sqs.create_queue(QueueName=f"queue-{uuid4().hex}"))["QueueUrl"]
            recorder.take()
            await sqs.send_message(QueueUrl=queue, MessageBody="tea")
            asked: Any
            for asked in ({"VisibilityTimeout": 0}, {"MessageAttributeNames": ["traceparent"]}):
                yield (await sqs.receive_message(QueueUrl=queue, **asked))["Messages"]

    async def all_of() -> Any:
        return [message async for (message,) in call()]

    bare, message = asyncio.run(all_of())
    sending, receiving, _ = recorder.take()
    assert "MessageAttributes" not in bare, "the application asked for none"
    assert (sending.name, sending.kind) == ("SQS.SendMessage", SpanKind.PRODUCER)
    assert message["MessageAttributes"]["traceparent"]["StringValue"] == traceparent(sending)
    assert [link.context.span_id for link in receiving.links] == [sending.context.span_id]


def test_a_url_that_is_signed_for_others_is_no_call_and_asks_for_no_headers(recorder: Recorder) -> None:
    async def call() -> str:
        async with client("s3") as s3:
            url = s3.generate_presigned_url("get_object", Params={"Bucket": "cups", "Key": "leaf"})
            return await url if asyncio.iscoroutine(url) else url  # before 1.0 it is none

    with recorder.provider.get_tracer("shop").start_as_current_span("around"):
        url = asyncio.run(call())
    assert names(recorder) == ["around"]
    assert "traceparent" not in url


def test_without_propagation_nothing_is_added() -> None:
    recorder = Recorder()

    async def call() -> Any:
        async with client("sqs") as sqs:
            queue = (await sqs.create_queue(QueueName=f"queue-{uuid4().hex}"))["QueueUrl"]
            await sqs.send_message(QueueUrl=queue, MessageBody="tea")
            return (await sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]))["Messages"]

    with instrumented(AiobotocoreInstrumentor, recorder.provider, propagate=False):
        (message,) = asyncio.run(call())
    assert names(recorder) == ["SQS.CreateQueue", "SQS.SendMessage", "SQS.ReceiveMessage"]
    assert "MessageAttributes" not in message
