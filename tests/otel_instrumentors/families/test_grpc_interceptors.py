"""Single channels and servers of gRPC that are traced alone, by interceptors, and `filter_`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_instrumentors import grpc as plugin
from otel_instrumentors.families import grpc_filters as filters
from otel_instrumentors.grpc import GrpcInstrumentor
from otel_instrumentors.kernel import safety
from tests.otel_instrumentors.contract import Recorder, boom, instrumented, said_by_us
from tests.otel_instrumentors.test_grpc import (
    ANSWERS,
    ECHO,
    METHODS,
    ORDER,
    POUR,
    SERVICE,
    AsyncHouse,
    _list,
    aio_running,
    aio_take,
    channel,
    each_kind,
    running,
    take,
)

CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    safety._last_said.clear()
    yield Recorder()
    # What was instrumented singly stays; nothing of it is left for the next test.
    instrumentor = GrpcInstrumentor()
    instrumentor._objects = None
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument(skip_dep_check=True)
    instrumentor.uninstrument()


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_channel_with_the_interceptor_is_traced_and_no_other(recorder: Recorder, kind: str) -> None:
    interceptor = plugin.client_interceptor(tracer_provider=recorder.provider)
    with running() as server, channel(server.target, interceptor) as made, channel(server.target) as other:
        assert each_kind(other)[kind]() == ANSWERS[kind]
        assert each_kind(made)[kind]() == ANSWERS[kind]
        (span,) = take(recorder, 1)
    assert (span.name, span.kind) == (f"{SERVICE}/{METHODS[kind]}", CLIENT)
    # The server was told of the span.
    assert "traceparent" in dict(server.house.metadata)


def test_a_channel_with_the_interceptor_has_options_of_its_own_where_all_are_traced(recorder: Recorder) -> None:
    called: list[Any] = []
    interceptor = plugin.client_interceptor(
        tracer_provider=recorder.provider,
        request_hook=lambda span, message: called.append((span.name, message)),
    )
    with (
        instrumented(GrpcInstrumentor, recorder.provider),
        running() as server,
        channel(server.target, interceptor) as made,
        channel(server.target) as other,
    ):
        other.unary_unary(ORDER)(b"a")
        made.unary_unary(ORDER)(b"b")
        assert [span.kind for span in take(recorder, 4)] == [CLIENT, CLIENT, SERVER, SERVER]
    assert called == [(f"{SERVICE}/Order", b"b")]


def test_a_future_of_a_channel_with_the_interceptor_is_one_span(recorder: Recorder) -> None:
    interceptor = plugin.client_interceptor(tracer_provider=recorder.provider)
    with running() as server, channel(server.target, interceptor) as made:
        assert made.unary_unary(ORDER).future(b"tea").result(60) == b"tea"
        assert [span.kind for span in take(recorder, 1)] == [CLIENT]


@pytest.mark.parametrize("globally", [False, True])
def test_a_server_with_the_interceptor_has_one_span_for_each_call(recorder: Recorder, globally: bool) -> None:
    interceptor = plugin.server_interceptor(
        tracer_provider=recorder.provider, filter_=filters.negate(filters.method_name("Pour"))
    )
    if globally:
        GrpcInstrumentor().instrument(tracer_provider=recorder.provider, skip_dep_check=True)
    with running(interceptors=[interceptor]) as server, running() as other:
        for target in (server.target, other.target):
            with channel(target) as made:
                made.unary_unary(ORDER)(b"tea")
                list(made.unary_stream(POUR)(b"tea"))
                list(made.stream_stream(ECHO)(iter([b"a"])))
        spans = [span for span in take(recorder, 11 if globally else 2) if span.kind is SERVER]
    order, pour, echo = (f"{SERVICE}/{name}" for name in ("Order", "Pour", "Echo"))
    assert [span.name for span in spans] == [order, echo, *((order, pour, echo) if globally else ())]


def test_asynchronous_channels_and_servers_are_traced_alone(recorder: Recorder) -> None:
    async def calls(target: str, interceptors: list[Any] | None) -> None:
        import grpc

        async with grpc.aio.insecure_channel(target, interceptors=interceptors) as made:
            assert await made.unary_unary(ORDER)(b"tea") == ANSWERS["unary"]
            assert await _list(made.unary_stream(POUR)(b"tea")) == ANSWERS["server_streaming"]
            assert await made.stream_unary("/tea.v1.House/Collect")(iter([b"a", b"b"])) == ANSWERS["client_streaming"]
            assert await _list(made.stream_stream(ECHO)(iter([b"a", b"b"]))) == ANSWERS["bidi_streaming"]

    async def clients() -> list[Any]:
        async with aio_running(AsyncHouse()) as target:
            await calls(target, None)
            await calls(target, plugin.aio_client_interceptors(tracer_provider=recorder.provider))
            return await aio_take(recorder, 4)

    async def servers() -> list[Any]:
        interceptor = plugin.aio_server_interceptor(tracer_provider=recorder.provider)
        async with aio_running(AsyncHouse()) as other, aio_running(AsyncHouse(), interceptors=[interceptor]) as target:
            await calls(other, None)
            await calls(target, None)
            return await aio_take(recorder, 4)

    names = [f"{SERVICE}/{name}" for name in ("Order", "Pour", "Collect", "Echo")]
    assert [(span.name, span.kind) for span in asyncio.run(clients())] == [(name, CLIENT) for name in names]
    assert [(span.name, span.kind) for span in asyncio.run(servers())] == [(name, SERVER) for name in names]


def test_an_asynchronous_server_with_the_interceptor_has_one_span_where_all_are_traced(recorder: Recorder) -> None:
    async def called() -> list[Any]:
        import grpc

        interceptor = plugin.aio_server_interceptor(tracer_provider=recorder.provider)
        async with aio_running(AsyncHouse(), interceptors=[interceptor]) as target:
            async with grpc.aio.insecure_channel(target) as made:
                await made.unary_unary(ORDER)(b"tea")
            return await aio_take(recorder, 2)

    with instrumented(GrpcInstrumentor, recorder.provider):
        assert [span.kind for span in asyncio.run(called())] == [CLIENT, SERVER]


def test_a_filter_is_asked_on_both_sides_with_what_gRPC_says_of_the_call(recorder: Recorder) -> None:
    asked: list[Any] = []

    def wanted(details: Any) -> bool:
        asked.append(details)
        return bool(details.method.endswith("Pour"))

    with (
        instrumented(GrpcInstrumentor, recorder.provider, filter_=wanted),
        running() as server,
        channel(server.target) as made,
    ):
        made.unary_unary(ORDER)(b"tea", timeout=60, metadata=(("cup", "blue"),))
        list(made.unary_stream(POUR)(b"tea"))
        assert [span.name for span in take(recorder, 2)] == [f"{SERVICE}/Pour"] * 2
    client, served = asked[:2]
    assert (client.full_method, client.timeout, client.metadata) == (ORDER, 60, (("cup", "blue"),))
    assert served.method == ORDER
    assert dict(served.invocation_metadata)["cup"] == "blue"


def test_the_filters_class_of_calls_may_be_given_to_the_instrumentor_itself(recorder: Recorder) -> None:
    instrumentor = GrpcInstrumentor(filter_=filters.method_name("Order"))
    with instrumented(GrpcInstrumentor, recorder.provider), running() as server, channel(server.target) as made:
        assert instrumentor is GrpcInstrumentor()
        made.unary_unary(ORDER)(b"tea")
        list(made.unary_stream(POUR)(b"tea"))
        assert [span.name for span in take(recorder, 2)] == [f"{SERVICE}/Order"] * 2


def test_a_filter_that_raises_filters_nothing(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.WARNING),
        instrumented(GrpcInstrumentor, recorder.provider, filter_=boom),
        running() as server,
        channel(server.target) as made,
    ):
        assert made.unary_unary(ORDER)(b"tea") == b"tea"
        assert len(take(recorder, 2)) == 2
    assert [line for line in said_by_us(caplog) if "contract.boom" in line]
