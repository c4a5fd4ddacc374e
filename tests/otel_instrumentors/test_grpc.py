"""gRPC, against real servers on loopback, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
import atexit
import functools
import gc
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from otel_instrumentors.grpc import GrpcInstrumentor, address
from otel_instrumentors.kernel import safety
from tests.otel_instrumentors.contract import ROOT, Contract, Recorder, boom, instrumented

SERVICE = "tea.v1.House"
ORDER, POUR, COLLECT, ECHO = (f"/{SERVICE}/{name}" for name in ("Order", "Pour", "Collect", "Echo"))
ENDLESS = b"endless"


class House:
    """Handlers of the four kinds, and what they have seen."""

    def __init__(self) -> None:
        self.current: list[Any] = []
        self.metadata: list[tuple[str, Any]] = []
        self.stopped = threading.Event()

    def see(self, context: Any) -> None:
        span = trace.get_current_span()
        self.current.append(span.get_span_context().span_id)
        self.metadata = [(name, value) for name, value in context.invocation_metadata() if name != "user-agent"]

    def order(self, request: bytes, context: Any) -> bytes:
        import grpc

        self.see(context)
        if request == b"none":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such tea")
        if request == b"fault":
            context.abort(grpc.StatusCode.INTERNAL, "no water")
        if request == b"broken":
            raise ValueError("cup broken")
        if request == b"empty":
            context.set_code(grpc.StatusCode.RESOURCE_EXHAUSTED)
            context.set_details("pot empty")
        if request == b"slow":
            self.stopped.wait(60)
        return request

    def pour(self, request: bytes, context: Any) -> Iterator[bytes]:
        for cup in range(3):
            self.see(context)
            yield b"%d" % cup
        while request == ENDLESS and context.is_active():
            time.sleep(0.005)
            yield b"more"

    def collect(self, requests: Iterator[bytes], context: Any) -> bytes:
        self.see(context)
        return b"".join(requests)

    def echo(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        for request in requests:
            self.see(context)
            yield request


class AsyncHouse(House):
    async def order(self, request: bytes, context: Any) -> bytes:  # type: ignore[override]
        import grpc

        self.see(context)
        if request == b"none":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such tea")
        if request == b"broken":
            raise ValueError("cup broken")
        if request == b"slow":
            await asyncio.sleep(60)
        return request

    async def pour(self, request: bytes, context: Any) -> AsyncIterator[bytes]:  # type: ignore[override]
        for cup in range(3):
            self.see(context)
            yield b"%d" % cup
        while request == ENDLESS:
            await asyncio.sleep(0.005)
            yield b"more"

    async def collect(self, requests: Any, context: Any) -> bytes:  # type: ignore[override]
        self.see(context)
        return b"".join([request async for request in requests])

    async def echo(self, requests: Any, context: Any) -> None:  # type: ignore[override]
        async for request in requests:
            self.see(context)
            await context.write(request)


def handlers(house: Any) -> dict[str, Any]:
    import grpc

    return {
        "Order": grpc.unary_unary_rpc_method_handler(house.order),
        "Pour": grpc.unary_stream_rpc_method_handler(house.pour),
        "Collect": grpc.stream_unary_rpc_method_handler(house.collect),
        "Echo": grpc.stream_stream_rpc_method_handler(house.echo),
    }


class Running:
    """A server and its port."""

    def __init__(self, house: Any, *, registered: bool = False, interceptors: Any = None) -> None:
        import grpc

        self.house = house
        self.pool = ThreadPoolExecutor(4)
        self.server = grpc.server(self.pool, interceptors=interceptors)
        if registered:
            self.server.add_registered_method_handlers(SERVICE, handlers(house))
        else:
            self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers(house)),))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.target = f"127.0.0.1:{self.port}"
        self.server.start()

    def wait_for_a_call(self) -> None:
        deadline = time.monotonic() + 60
        while not self.house.current and time.monotonic() < deadline:
            time.sleep(0.002)

    def stop(self) -> None:
        self.house.stopped.set()
        self.server.stop(0).wait()
        self.pool.shutdown()


@contextmanager
def running(house: Any = None, **options: Any) -> Iterator[Running]:
    server = Running(house or House(), **options)
    try:
        yield server
    finally:
        server.stop()


@asynccontextmanager
async def aio_running(house: Any, **options: Any) -> AsyncIterator[str]:
    import grpc

    server = grpc.aio.server(**options)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers(house)),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@contextmanager
def channel(target: str, *interceptors: Any, **options: Any) -> Iterator[Any]:
    import grpc

    with grpc.insecure_channel(target, **options) as made:
        yield grpc.intercept_channel(made, *interceptors) if interceptors else made


def take(recorder: Recorder, count: int) -> list[ReadableSpan]:
    """The spans, client's before server's, once there are that many: each side ends its own in its own time."""
    deadline = time.monotonic() + 60
    while len(recorder.spans()) < count and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(0.01)
    return sorted(recorder.take(), key=lambda span: (span.kind is SpanKind.SERVER, span.start_time))


async def aio_take(recorder: Recorder, count: int) -> list[ReadableSpan]:
    deadline = time.monotonic() + 60
    while len(recorder.spans()) < count and time.monotonic() < deadline:
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.01)
    return take(recorder, 0)


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def statuses(spans: list[ReadableSpan]) -> list[Any]:
    return [told(span).get("rpc.response.status_code") for span in spans]


@functools.cache
def _elsewhere() -> str:
    """The target of a server in a process of its own, where nothing is traced; it goes with this one."""
    process = subprocess.Popen(
        [sys.executable, __file__],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    atexit.register(process.wait)
    atexit.register(process.stdin.close)
    with process.stdout as told_by_it:
        return told_by_it.readline().strip()


def _serve() -> None:
    with running() as server:
        print(server.target, flush=True)
        sys.stdin.read()


class TestGrpcContract(Contract):
    instrumentor = GrpcInstrumentor

    @staticmethod
    def use() -> Any:
        import grpc

        async def awaited() -> Any:
            async with grpc.aio.insecure_channel(_elsewhere()) as made:
                return await made.unary_unary(ORDER)(b"a"), [cup async for cup in made.unary_stream(POUR)(b"b")]

        with channel(_elsewhere()) as made:
            stream = made.unary_stream(POUR)(b"tea")
            # Callbacks are called in their order: then ours was called, too.
            over = threading.Event()
            stream.add_done_callback(lambda _: over.set())
            result = made.unary_unary(ORDER)(b"tea"), list(stream), asyncio.run(awaited())
            assert over.wait(60)
        return result


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(GrpcInstrumentor, recorder.provider):
        yield recorder


def each_kind(made: Any) -> dict[str, Any]:
    """Kind -> what a call of it gives."""
    return {
        "unary": lambda: made.unary_unary(ORDER)(b"tea"),
        "server_streaming": lambda: list(made.unary_stream(POUR)(b"tea")),
        "client_streaming": lambda: made.stream_unary(COLLECT)(iter([b"a", b"b"])),
        "bidi_streaming": lambda: list(made.stream_stream(ECHO)(iter([b"a", b"b"]))),
    }


def each_awaited_kind(made: Any) -> dict[str, Callable[[], Any]]:
    return {
        "unary": lambda: made.unary_unary(ORDER)(b"tea"),
        "server_streaming": lambda: _list(made.unary_stream(POUR)(b"tea")),
        "client_streaming": lambda: made.stream_unary(COLLECT)(iter([b"a", b"b"])),
        "bidi_streaming": lambda: _list(made.stream_stream(ECHO)(iter([b"a", b"b"]))),
    }


ANSWERS: dict[str, Any] = {
    "unary": b"tea",
    "server_streaming": [b"0", b"1", b"2"],
    "client_streaming": b"ab",
    "bidi_streaming": [b"a", b"b"],
}
METHODS = dict(zip(ANSWERS, ("Order", "Pour", "Collect", "Echo"), strict=True))


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_call_is_one_span_on_each_side_and_the_servers_is_the_clients_child(recorder: Recorder, kind: str) -> None:
    with running() as server, channel(server.target) as made:
        assert each_kind(made)[kind]() == ANSWERS[kind]
        client, served = take(recorder, 2)

    assert (client.kind, served.kind) == (SpanKind.CLIENT, SpanKind.SERVER)
    assert client.name == served.name == f"{SERVICE}/{METHODS[kind]}"
    shared = {
        "rpc.system.name": "grpc",
        "rpc.method": f"{SERVICE}/{METHODS[kind]}",
        "rpc.response.status_code": "OK",
        "grpc.api": "grpc",
        "grpc.method.kind": kind,
    }
    assert told(client) == {**shared, "server.address": "127.0.0.1", "server.port": server.port}
    assert told(served) == shared
    assert served.parent is not None
    assert served.parent.span_id == client.context.span_id
    assert served.context.trace_id == client.context.trace_id
    # The handler ran inside: every step of a stream, too.
    assert set(server.house.current) == {served.context.span_id}
    assert client.status.is_unset
    assert served.status.is_unset


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_asynchronous_call_is_one_span_on_each_side(recorder: Recorder, kind: str) -> None:
    house = AsyncHouse()

    async def called() -> Any:
        import grpc

        async with aio_running(house) as target, grpc.aio.insecure_channel(target) as made:
            assert await each_awaited_kind(made)[kind]() == ANSWERS[kind]
            return target, await aio_take(recorder, 2)

    target, (client, served) = asyncio.run(called())
    shared = {
        "rpc.system.name": "grpc",
        "rpc.method": f"{SERVICE}/{METHODS[kind]}",
        "rpc.response.status_code": "OK",
        "grpc.api": "grpc.aio",
        "grpc.method.kind": kind,
    }
    assert told(client) == {**shared, "server.address": "127.0.0.1", "server.port": int(target.rpartition(":")[2])}
    assert told(served) == shared
    assert served.parent is not None
    assert served.parent.span_id == client.context.span_id
    assert set(house.current) == {served.context.span_id}


async def _list(stream: Any) -> list[Any]:
    return [piece async for piece in stream]


@pytest.mark.parametrize("way", ["call", "with_call", "future"])
@pytest.mark.parametrize("kind", ["unary", "client_streaming"])
def test_every_way_of_calling_is_one_span(recorder: Recorder, way: str, kind: str) -> None:
    with running() as server, channel(server.target) as made:
        sender, request = {
            "unary": (made.unary_unary(ORDER), b"ab"),
            "client_streaming": (made.stream_unary(COLLECT), iter([b"a", b"b"])),
        }[kind]
        if way == "call":
            answer = sender(request)
        elif way == "with_call":
            answer, call = sender.with_call(request)
            assert call.code().name == "OK"
        else:
            answer = sender.future(request).result(5)
        spans = take(recorder, 2)

    assert answer == b"ab"
    assert [span.kind for span in spans] == [SpanKind.CLIENT, SpanKind.SERVER]
    assert statuses(spans) == ["OK", "OK"]


def test_an_aborted_call_fails_for_the_client_and_not_for_the_server(recorder: Recorder) -> None:
    import grpc

    with running() as server, channel(server.target) as made:
        with pytest.raises(grpc.RpcError) as raised:
            made.unary_unary(ORDER)(b"none")
        client, served = take(recorder, 2)

    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.NOT_FOUND, "no such tea")
    common = {"rpc.response.status_code": "NOT_FOUND", "grpc.status.details": "no such tea"}
    assert told(client).items() >= {**common, "error.type": "NOT_FOUND"}.items()
    assert client.status.status_code.name == "ERROR"
    assert told(served).items() >= {**common, "grpc.aborted": True}.items()
    assert served.status.is_unset
    assert "error.type" not in told(served)
    # Where it was aborted can be seen all the same.
    assert [event.name for event in served.events] == ["exception"]


@pytest.mark.parametrize(
    ("request_", "status", "kind"),
    [(b"fault", "INTERNAL", "INTERNAL"), (b"broken", "UNKNOWN", "ValueError"), (b"empty", "RESOURCE_EXHAUSTED", None)],
)
def test_what_is_the_servers_fault_is_its_failure(
    recorder: Recorder, request_: bytes, status: str, kind: str | None
) -> None:
    import grpc

    with running() as server, channel(server.target) as made:
        with pytest.raises(grpc.RpcError):
            made.unary_unary(ORDER)(request_)
        client, served = take(recorder, 2)

    assert statuses([client, served]) == [status, status]
    assert told(client)["error.type"] == status
    assert told(served).get("error.type") == kind
    assert served.status.is_unset == (kind is None)


def test_the_client_sees_what_it_would_see(recorder: Recorder) -> None:
    import grpc

    def seen() -> list[tuple[Any, str]]:
        errors = []
        with running() as server, channel(server.target) as made:
            for request in (b"none", b"broken", b"empty"):
                with pytest.raises(grpc.RpcError) as raised:
                    made.unary_unary(ORDER)(request)
                errors.append((raised.value.code(), raised.value.details()))
        return errors

    traced = seen()
    GrpcInstrumentor().uninstrument()
    assert seen() == traced


def test_a_method_that_nobody_serves_is_no_span_of_the_server(recorder: Recorder) -> None:
    import grpc

    with running() as server, channel(server.target) as made:
        with pytest.raises(grpc.RpcError):
            made.unary_unary("/tea.v1.House/Sell")(b"tea")
        [client] = take(recorder, 1)
    assert told(client)["rpc.response.status_code"] == "UNIMPLEMENTED"


def test_nobody_there(recorder: Recorder) -> None:
    import grpc

    with channel("127.0.0.1:1") as made, pytest.raises(grpc.RpcError):
        made.unary_unary(ORDER)(b"tea")
    [client] = take(recorder, 1)
    assert statuses([client]) == ["UNAVAILABLE"]


def test_what_cannot_be_serialized_is_recorded_and_raised(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    import grpc

    with running() as server, channel(server.target) as made, caplog.at_level(logging.CRITICAL):
        with pytest.raises(grpc.RpcError):
            made.unary_unary(ORDER, request_serializer=lambda _: 1 / 0)(b"tea")
        [client] = take(recorder, 1)
    assert told(client)["error.type"] == "INTERNAL"


# The end of a call


def test_a_deadline_ends_the_span(recorder: Recorder) -> None:
    import grpc

    with running() as server, channel(server.target) as made:
        # Connected, so that the next ones reach the server in time.
        made.unary_unary(ORDER)(b"tea")
        take(recorder, 2)
        with pytest.raises(grpc.RpcError) as raised:
            made.unary_unary(ORDER)(b"slow", timeout=0.5)
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        with pytest.raises(grpc.RpcError):
            list(made.unary_stream(POUR)(ENDLESS, timeout=0.5))
        server.house.stopped.set()
        spans = take(recorder, 4)
    assert statuses(spans[:2]) == ["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]
    assert [span.kind for span in spans[2:]] == [SpanKind.SERVER] * 2


def test_a_call_that_is_cancelled_ends_once(recorder: Recorder) -> None:
    with running() as server, channel(server.target) as made:
        stream = made.unary_stream(POUR)(ENDLESS)
        next(stream)
        assert recorder.take() == []
        assert stream.cancel()
        stream.cancel()
        client, _served = take(recorder, 2)
        assert stream.cancelled()
    assert statuses([client]) == ["CANCELLED"]


def test_a_client_that_goes_while_it_sends_is_no_failure_of_the_server(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    stopped = threading.Event()

    def endless() -> Iterator[bytes]:
        yield b"a"
        stopped.wait(60)

    with running() as server, channel(server.target) as made, caplog.at_level(logging.CRITICAL):
        future = made.stream_unary(COLLECT).future(endless())
        server.wait_for_a_call()
        future.cancel()
        stopped.set()
        client, served = take(recorder, 2)
    assert statuses([client]) == ["CANCELLED"]
    # Where the end of the requests is seen before the cancellation, the handler just returns.
    assert statuses([served])[0] in ("CANCELLED", "OK")
    assert client.status.status_code.name == "ERROR"
    assert served.status.is_unset


@pytest.mark.parametrize("single_threaded", [False, True])
def test_a_stream_that_nobody_reads_is_over_when_it_is_dropped(recorder: Recorder, single_threaded: bool) -> None:
    import grpc

    option = grpc.experimental.ChannelOptions.SingleThreadedUnaryStream
    with running() as server, channel(server.target, options=((option, 1),) if single_threaded else ()) as made:
        stream = made.unary_stream(POUR)(ENDLESS)
        server.wait_for_a_call()
        assert recorder.take() == []
        del stream
        client, _served = take(recorder, 2)
    assert statuses([client]) == ["CANCELLED"]


@pytest.mark.parametrize("read", [0, 1, 3])
def test_a_stream_read_in_one_thread_is_one_span(recorder: Recorder, read: int) -> None:
    import grpc

    option = grpc.experimental.ChannelOptions.SingleThreadedUnaryStream
    with running() as server, channel(server.target, options=((option, 1),)) as made:
        stream = made.unary_stream(POUR)(b"tea")
        server.wait_for_a_call()
        assert [next(stream) for _ in range(read)] == ANSWERS["server_streaming"][:read]
        if read == 3:
            assert list(stream) == []
        else:
            stream.cancel()
        del stream
        client, _served = take(recorder, 2)
    assert statuses([client]) == ["OK" if read == 3 else "CANCELLED"]


def test_closing_the_channel_ends_its_streams(recorder: Recorder) -> None:
    with running() as server:
        with channel(server.target) as made:
            stream = made.unary_stream(POUR)(ENDLESS)
            next(stream)
        client, _served = take(recorder, 2)
    assert statuses([client]) == ["CANCELLED"]
    assert stream.cancelled() or not stream.is_active()


# What the application holds


def test_the_call_is_grpcs_own_with_its_whole_interface(recorder: Recorder) -> None:
    import grpc
    from grpc import _channel

    with running() as server, channel(server.target) as made:
        future = made.unary_unary(ORDER).future(b"tea", timeout=60)
        stream = made.unary_stream(POUR)(ENDLESS)
        assert type(future) is type(stream) is _channel._MultiThreadedRendezvous
        assert isinstance(stream, grpc.Call)
        assert isinstance(stream, grpc.Future)

        called: list[Any] = []
        done = threading.Event()
        future.add_done_callback(lambda call: (called.append(call), done.set()))
        assert (future.result(), future.exception(), future.traceback()) == (b"tea", None, None)
        assert done.wait(60)
        assert called == [future]
        assert (future.code(), future.details(), future.done()) == (grpc.StatusCode.OK, "", True)
        assert [future.cancelled(), future.running(), future.is_active()] == [False, False, False]
        assert 0 < future.time_remaining() <= 60
        assert list(future.initial_metadata()) == list(future.trailing_metadata()) == []

        assert iter(stream) is stream
        assert next(stream) == b"0"
        assert stream.running()
        assert stream.is_active()
        assert stream.time_remaining() is None
        assert stream.cancel()
        with pytest.raises(grpc.FutureCancelledError):
            stream.result()
        take(recorder, 4)


def test_an_asynchronous_call_is_grpcs_own_with_its_whole_interface(recorder: Recorder) -> None:
    async def called() -> list[Any]:
        import grpc
        from grpc.aio import _call

        async with aio_running(AsyncHouse()) as target, grpc.aio.insecure_channel(target) as made:
            call = made.unary_unary(ORDER)(b"tea", timeout=60)
            assert type(call) is _call.UnaryUnaryCall
            ended: list[Any] = []
            call.add_done_callback(ended.append)
            assert await call == await call == b"tea"
            assert ended == [call]
            assert await call.code() is grpc.StatusCode.OK
            assert await call.details() == ""
            assert list(await call.initial_metadata()) == list(await call.trailing_metadata()) == []
            assert (call.done(), call.cancelled(), call.cancel()) == (True, False, False)
            assert 0 < call.time_remaining() <= 60

            both = made.stream_stream(ECHO)()
            await both.write(b"a")
            assert await both.read() == b"a"
            await both.done_writing()
            assert await both.read() is grpc.aio.EOF
            return await aio_take(recorder, 4)

    assert statuses(asyncio.run(called())) == ["OK"] * 4


@pytest.mark.parametrize("how", ["cancel", "task", "deadline", "dropped", "never awaited"])
def test_an_asynchronous_call_that_does_not_end_well_ends_once(recorder: Recorder, how: str) -> None:
    house = AsyncHouse()

    async def called() -> list[ReadableSpan]:
        import grpc

        async with aio_running(house) as target:
            async with grpc.aio.insecure_channel(target) as made:
                if how == "cancel":
                    call = made.unary_unary(ORDER)(b"slow")
                    await _until(lambda: bool(house.current))
                    assert call.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await call
                elif how == "task":
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(made.unary_unary(ORDER)(b"slow"), 1)
                elif how == "deadline":
                    with pytest.raises(grpc.aio.AioRpcError) as raised:
                        await made.unary_unary(ORDER)(b"slow", timeout=1)
                    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
                elif how == "dropped":
                    stream = made.unary_stream(POUR)(ENDLESS)
                    assert await stream.read() == b"0"
                    del stream
                    gc.collect()
                else:
                    made.unary_stream(POUR)(ENDLESS)
                    await _until(lambda: bool(house.current))
            return await aio_take(recorder, 2)

    client, _served = asyncio.run(called())
    assert statuses([client]) == ["DEADLINE_EXCEEDED" if how == "deadline" else "CANCELLED"]
    assert told(client)["error.type"] == told(client)["rpc.response.status_code"]


async def _until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not seen() and time.monotonic() < deadline:
        await asyncio.sleep(0.002)


def test_an_asynchronous_servers_failures(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    async def called() -> list[ReadableSpan]:
        import grpc

        async with aio_running(AsyncHouse()) as target, grpc.aio.insecure_channel(target) as made:
            for request in (b"none", b"broken"):
                with pytest.raises(grpc.aio.AioRpcError):
                    await made.unary_unary(ORDER)(request)
            return await aio_take(recorder, 4)

    with caplog.at_level(logging.CRITICAL):
        spans = asyncio.run(called())
    assert statuses(spans) == ["NOT_FOUND", "UNKNOWN"] * 2
    assert [told(span).get("error.type") for span in spans] == ["NOT_FOUND", "UNKNOWN", None, "ValueError"]
    assert told(spans[2])["grpc.status.details"] == "no such tea"


# What the application passes


@pytest.mark.parametrize(
    "metadata", [None, (), (("table", "7"),), [("table", "7"), ("table", "8"), ("raw-bin", b"\x01")]]
)
def test_the_applications_metadata_arrives_beside_our_headers_and_stays_as_it_is(
    recorder: Recorder, metadata: Any
) -> None:
    kept = metadata if metadata is None else type(metadata)(metadata)
    with running() as server, channel(server.target) as made:
        for send in (
            lambda: made.unary_unary(ORDER)(b"tea", metadata=metadata),
            lambda: made.unary_unary(ORDER)(b"tea", 5, metadata),
            lambda: list(made.unary_stream(POUR)(b"tea", None, metadata, None)),
        ):
            send()
            client, _served = take(recorder, 2)
            context = client.context
            own = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
            # In which order headers of different names arrive is not said.
            assert sorted(server.house.metadata) == sorted([*(metadata or ()), ("traceparent", own)])
    assert metadata == kept


@pytest.mark.parametrize("given", [None, "tuple", "metadata"])
def test_an_asynchronous_call_keeps_the_type_of_its_metadata(recorder: Recorder, given: str | None) -> None:
    house = AsyncHouse()

    async def called() -> tuple[Any, Any]:
        import grpc
        from grpc.aio import Metadata

        seen = []

        class Adding(grpc.aio.UnaryUnaryClientInterceptor):
            async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
                seen.append(details.metadata)
                return await continuation(details, request)

        metadata = {None: None, "tuple": (("table", "7"),), "metadata": Metadata(("table", "7"))}[given]
        async with (
            aio_running(house) as target,
            grpc.aio.insecure_channel(target, interceptors=[Adding()]) as made,
        ):
            assert await made.unary_unary(ORDER)(b"tea", metadata=metadata) == b"tea"
        assert metadata is None or list(metadata) == [("table", "7")]
        return seen[0], Metadata

    metadata, expected = asyncio.run(called())
    assert given == "tuple" or isinstance(metadata, expected)
    assert {name for name, _ in house.metadata} == {*(["table"] if given else []), "traceparent"}


class Noting:
    """Interceptors that write down in which order they are asked."""

    def __init__(self, name: str, seen: list[str]) -> None:
        self.name = name
        self.seen = seen

    def _intercept(self, continuation: Any, details: Any, request: Any) -> Any:
        self.seen.append(f"{self.name} {[name for name, _ in details.metadata or ()]}")
        answer = continuation(details, request)
        self.seen.append(f"{self.name} back")
        return answer

    intercept_unary_unary = intercept_unary_stream = intercept_stream_unary = intercept_stream_stream = _intercept

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        self.seen.append(f"{self.name} {details.method}")
        return continuation(details)


def noting(name: str, seen: list[str]) -> Any:
    import grpc

    bases = (
        Noting,
        grpc.UnaryUnaryClientInterceptor,
        grpc.UnaryStreamClientInterceptor,
        grpc.StreamUnaryClientInterceptor,
        grpc.StreamStreamClientInterceptor,
        grpc.ServerInterceptor,
    )
    return type("Interceptor", bases, {})(name, seen)


@pytest.mark.parametrize("kind", ANSWERS)
def test_interceptors_are_asked_once_and_in_their_order(recorder: Recorder, kind: str) -> None:
    seen: list[str] = []
    servers = [noting("third", seen), noting("fourth", seen)]
    with (
        running(interceptors=servers) as server,
        channel(server.target, noting("first", seen), noting("second", seen)) as made,
    ):
        assert each_kind(made)[kind]() == ANSWERS[kind]
        spans = take(recorder, 2)

    assert statuses(spans) == ["OK", "OK"]
    asked = [line for line in seen if not line.endswith("back")]
    method = f"/{SERVICE}/{METHODS[kind]}"
    assert asked == ["first []", "second []", f"third {method}", f"fourth {method}"]
    assert [line for line in seen if line.endswith("back")] == ["second back", "first back"]


def test_an_interceptor_that_tries_again_makes_a_span_for_each_try(recorder: Recorder) -> None:
    import grpc

    class Again(grpc.UnaryUnaryClientInterceptor):
        def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            continuation(details, b"none")
            return continuation(details, request)

    with running() as server, channel(server.target, Again()) as made:
        assert made.unary_unary(ORDER)(b"tea") == b"tea"
        spans = take(recorder, 4)
    assert statuses(spans) == ["NOT_FOUND", "OK"] * 2


def test_an_asynchronous_interceptor_that_tries_again_is_part_of_the_one_call(recorder: Recorder) -> None:
    """As with ddtrace, whose own interceptor is the first: each try is the server's span, below the same client's."""

    async def called() -> tuple[list[ReadableSpan], list[list[str]]]:
        import grpc

        seen: list[list[str]] = []

        class Again(grpc.aio.UnaryUnaryClientInterceptor):
            async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
                for each in (b"none", b"none", request):
                    seen.append([key for key, _ in details.metadata or () if key == "traceparent"])
                    call = await continuation(details, each)
                    if await call.code() is grpc.StatusCode.OK:
                        break
                return call

        async with (
            aio_running(AsyncHouse()) as target,
            grpc.aio.insecure_channel(target, interceptors=[Again()]) as made,
        ):
            assert await made.unary_unary(ORDER)(b"tea") == b"tea"
            with pytest.raises(grpc.aio.AioRpcError):
                await made.unary_unary(ORDER)(b"none")
            return await aio_take(recorder, 2 + 6), seen

    spans, seen = asyncio.run(called())
    calls, tries = spans[:2], spans[2:]
    assert [span.kind.name for span in spans] == ["CLIENT"] * 2 + ["SERVER"] * 6
    assert statuses(calls) == ["OK", "NOT_FOUND"]
    assert statuses(tries) == ["NOT_FOUND", "NOT_FOUND", "OK", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"]
    assert [span.parent and span.parent.span_id for span in tries] == [
        call.context.span_id for call in calls for _ in range(3)
    ]
    assert seen == [["traceparent"]] * 6


# Old releases fall over what an interceptor raised when its call is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_asynchronous_interceptors_are_asked_once_and_in_their_order(recorder: Recorder) -> None:
    seen: list[str] = []

    async def called() -> list[ReadableSpan]:
        import grpc

        class Client(grpc.aio.UnaryUnaryClientInterceptor):
            def __init__(self, name: str) -> None:
                self.name = name

            async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
                seen.append(self.name)
                if request == b"kept":
                    return b"from the cache"
                if request == b"refused":
                    raise ValueError("refused")
                return await continuation(details, request)

        class Server(grpc.aio.ServerInterceptor):
            async def intercept_service(self, continuation: Any, details: Any) -> Any:
                seen.append("server")
                return await continuation(details)

        async with aio_running(AsyncHouse(), interceptors=[Server()]) as target:
            interceptors = [Client("first"), Client("second")]
            async with grpc.aio.insecure_channel(target, interceptors=interceptors) as made:
                assert await made.unary_unary(ORDER)(b"tea") == b"tea"
                assert await made.unary_unary(ORDER)(b"kept") == b"from the cache"
                with pytest.raises(ValueError, match="refused"):
                    await made.unary_unary(ORDER)(b"refused")
                with pytest.raises(grpc.aio.AioRpcError):
                    await made.unary_unary(ORDER)(b"none")
                call = made.unary_unary(ORDER)(b"tea")
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                return await aio_take(recorder, 7)

    spans = asyncio.run(called())
    gc.collect()
    assert seen[:3] == ["first", "second", "server"]
    assert [span.kind.name for span in spans] == ["CLIENT"] * 5 + ["SERVER"] * 2
    assert [told(span).get("error.type") for span in spans[:5]] == [None, None, "ValueError", "NOT_FOUND", "CANCELLED"]
    assert statuses(spans[5:]) == ["OK", "NOT_FOUND"]


# Where things are made


def test_channels_stubs_and_servers_made_before_are_traced() -> None:
    recorder = Recorder()
    with running() as server, channel(server.target) as made:
        stub = made.unary_unary(ORDER)
        with instrumented(GrpcInstrumentor, recorder.provider):
            assert stub(b"tea") == b"tea"
            spans = take(recorder, 2)
        assert stub(b"tea") == b"tea"
    assert [span.kind for span in spans] == [SpanKind.CLIENT, SpanKind.SERVER]
    assert take(recorder, 0) == []


def test_asynchronous_servers_made_before_are_named_in_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder()
    gc.collect()

    async def called() -> list[ReadableSpan]:
        import grpc

        async with aio_running(AsyncHouse()) as target, grpc.aio.insecure_channel(target) as made:
            stub = made.unary_unary(ORDER)
            with instrumented(GrpcInstrumentor, recorder.provider):
                assert await stub(b"tea") == b"tea"
                return await aio_take(recorder, 1)

    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        [span] = asyncio.run(called())
    assert span.kind is SpanKind.CLIENT
    assert [record.getMessage() for record in caplog.records if record.name == "otel_instrumentors"] == [
        "Servers of grpc.aio that were made before they could be instrumented are not traced"
    ]


def test_channels_and_stubs_of_other_threads_and_many_at_once(recorder: Recorder) -> None:
    tracer = recorder.provider.get_tracer("application")
    with running() as server, channel(server.target) as made:
        stub = made.unary_unary(ORDER)

        def call(number: int) -> None:
            with tracer.start_as_current_span(f"job {number}"), channel(server.target) as own:
                for _ in range(10):
                    stub(b"tea")
                    list(own.unary_stream(POUR)(b"tea"))

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(call, range(8)))
        spans = take(recorder, 8 * 41)

    jobs = {span.context.span_id: span for span in spans if span.name.startswith("job")}
    clients = {span.context.span_id: span for span in spans if span.kind is SpanKind.CLIENT}
    served = [span for span in spans if span.kind is SpanKind.SERVER]
    assert (len(jobs), len(clients), len(served)) == (8, 160, 160)
    assert all(span.parent is not None and span.parent.span_id in jobs for span in clients.values())
    assert {span.parent.span_id for span in served if span.parent is not None} == set(clients)


def test_nothing_is_left_on_the_servers_threads(recorder: Recorder) -> None:
    with running() as server, channel(server.target) as made:
        for call in each_kind(made).values():
            call()
        stream = made.unary_stream(POUR)(ENDLESS)
        next(stream)
        stream.cancel()
        take(recorder, 10)
        together = threading.Barrier(4)

        def current() -> Any:
            together.wait(60)
            return trace.get_current_span()

        left = [job.result(5) for job in [server.pool.submit(current) for _ in range(4)]]
    assert left == [trace.INVALID_SPAN] * 4


def test_a_handler_may_return_any_iterator_and_its_steps_are_inside(recorder: Recorder) -> None:
    class Iterating(House):
        def pour(self, request: bytes, context: Any) -> Iterator[bytes]:
            if request == b"refused":
                raise ValueError("at once")
            return iter(lambda: self.see(context) or b"cup", None) if request == ENDLESS else map(self._cup, range(3))

        def _cup(self, cup: int) -> bytes:
            self.current.append(trace.get_current_span().get_span_context().span_id)
            return b"%d" % cup

    import grpc

    with running(Iterating()) as server, channel(server.target) as made:
        assert list(made.unary_stream(POUR)(b"tea")) == ANSWERS["server_streaming"]
        _client, served = take(recorder, 2)
        with pytest.raises(grpc.RpcError) as raised:
            list(made.unary_stream(POUR)(b"refused"))
        assert raised.value.details() == "Exception calling application: at once"
        _client, refused = take(recorder, 2)
    assert server.house.current == [served.context.span_id] * 3
    assert told(refused)["error.type"] == "ValueError"


def test_synchronous_handlers_of_an_asynchronous_server(recorder: Recorder) -> None:
    house = House()

    async def called() -> list[ReadableSpan]:
        import grpc

        pool = ThreadPoolExecutor(2)
        async with aio_running(house, migration_thread_pool=pool) as target, grpc.aio.insecure_channel(target) as made:
            assert await made.unary_unary(ORDER)(b"tea") == b"tea"
            assert await _list(made.unary_stream(POUR)(b"tea")) == ANSWERS["server_streaming"]
            spans = await aio_take(recorder, 4)
        pool.shutdown()
        return spans

    spans = asyncio.run(called())
    assert [span.kind.name for span in spans] == ["CLIENT", "CLIENT", "SERVER", "SERVER"]
    assert house.current == [spans[2].context.span_id] + [spans[3].context.span_id] * 3


def test_without_propagation_the_server_gets_no_headers_and_reads_none() -> None:
    recorder = Recorder()
    parent = f"00-{7:032x}-{8:016x}-01"
    with (
        instrumented(GrpcInstrumentor, recorder.provider, propagate=False),
        running() as server,
        channel(server.target) as made,
    ):
        made.unary_unary(ORDER)(b"tea", metadata=(("traceparent", parent),))
        _client, served = take(recorder, 2)
    assert server.house.metadata == [("traceparent", parent)]
    assert served.parent is None


LISTED = "OTEL_PYTHON_GRPC_EXCLUDED_SERVICES"


def kinds(spans: list[ReadableSpan]) -> list[str]:
    return [span.kind.name for span in spans]


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_services_of_the_variable_have_no_spans_on_either_side(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LISTED, f"grpc.health.v1.Health, {SERVICE}")
    recorder = Recorder()
    with instrumented(GrpcInstrumentor, recorder.provider), running() as server, channel(server.target) as made:
        assert each_kind(made)[kind]() == ANSWERS[kind]
        server.stop()
    assert recorder.spans() == []
    assert set(server.house.current) == {0}


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_services_of_the_variable_have_no_asynchronous_spans_either(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LISTED, SERVICE)
    house, recorder = AsyncHouse(), Recorder()

    async def called() -> Any:
        import grpc

        async with aio_running(house) as target, grpc.aio.insecure_channel(target) as made:
            return await each_awaited_kind(made)[kind]()

    with instrumented(GrpcInstrumentor, recorder.provider):
        assert asyncio.run(called()) == ANSWERS[kind]
    assert recorder.spans() == []
    assert set(house.current) == {0}


@pytest.mark.parametrize("named", ["tea.v1", "House", "tea.v1.Houses", "tea.v1.House/Order", "tea_v1_House"])
def test_a_service_that_the_variable_does_not_name_whole_has_spans(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LISTED, named)
    recorder = Recorder()
    with instrumented(GrpcInstrumentor, recorder.provider), running() as server, channel(server.target) as made:
        made.unary_unary(ORDER)(b"tea")
        assert kinds(take(recorder, 2)) == ["CLIENT", "SERVER"]


def test_what_a_call_without_a_span_calls_has_none_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler of the service that is listed asks another one, which is not."""
    monkeypatch.setenv(LISTED, SERVICE)
    recorder = Recorder()

    class Asking(House):
        def order(self, request: bytes, context: Any) -> bytes:
            with channel(_elsewhere()) as made:
                answer: bytes = made.unary_unary("/coffee.v1.House/Order")(request)
            return answer

    import grpc

    with instrumented(GrpcInstrumentor, recorder.provider), running(Asking()) as server, channel(server.target) as made:
        # Nobody serves the other one: that it was asked is seen.
        with pytest.raises(grpc.RpcError, match="UNIMPLEMENTED"):
            made.unary_unary(ORDER)(b"tea")
        server.stop()
        assert recorder.spans() == []
        with channel(_elsewhere()) as other, pytest.raises(grpc.RpcError, match="UNIMPLEMENTED"):
            other.unary_unary("/coffee.v1.House/Order")(b"tea")
        assert kinds(take(recorder, 1)) == ["CLIENT"]


def test_a_caller_without_us_is_continued(recorder: Recorder) -> None:
    GrpcInstrumentor().uninstrument()
    with running() as server, channel(server.target) as made:
        stub = made.unary_unary(ORDER)
        send = functools.partial(stub, b"tea", metadata=(("traceparent", f"00-{7:032x}-{8:016x}-01"),))
        with instrumented(GrpcInstrumentor, recorder.provider):
            send()
            client, served = take(recorder, 2)
    # The last header is the nearest caller's.
    assert served.parent is not None
    assert served.parent.span_id == client.context.span_id


@pytest.mark.parametrize("part", ["describing", "outcome", "tracer", "context", "extracting", "recording", "hooking"])
def test_what_breaks_on_our_side_breaks_no_server(
    part: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As the exam asks of the client's side."""
    import grpc

    safety._last_said.clear()
    recorder = Recorder()
    where = {
        "describing": "otel_instrumentors.kernel.call.SpanSpec.__init__",
        "outcome": "otel_instrumentors.kernel.call.Outcome.__init__",
        "tracer": "opentelemetry.sdk.trace.Tracer.start_span",
        "context": "otel_instrumentors.kernel.scope.set_span_in_context",
        "extracting": "otel_instrumentors.kernel.scope.extract",
        "recording": "opentelemetry.sdk.trace.Span.record_exception",
        "hooking": "otel_instrumentors.grpc._watched",
    }[part]

    def seen(made: Any) -> list[Any]:
        answers = [call() for call in each_kind(made).values()]
        for request in (b"none", b"broken", b"empty"):
            with pytest.raises(grpc.RpcError) as raised:
                made.unary_unary(ORDER)(request)
            answers.append((raised.value.code(), raised.value.details()))
        return answers

    async def aio_seen() -> list[Any]:
        async with aio_running(AsyncHouse()) as target, grpc.aio.insecure_channel(target) as made:
            answers = [
                await made.unary_unary(ORDER)(b"tea"),
                await _list(made.unary_stream(POUR)(b"tea")),
                await made.stream_unary(COLLECT)(iter([b"a"])),
                await _list(made.stream_stream(ECHO)(iter([b"a"]))),
            ]
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await made.unary_unary(ORDER)(b"none")
            return [*answers, raised.value.code(), raised.value.details()]

    with running() as server, channel(server.target) as made:
        untraced = seen(made), asyncio.run(aio_seen())
        monkeypatch.setattr(where, boom)
        with (
            instrumented(GrpcInstrumentor, recorder.provider),
            caplog.at_level(logging.WARNING, "otel_instrumentors"),
        ):
            assert (seen(made), asyncio.run(aio_seen())) == untraced
    said = [record.getMessage() for record in caplog.records if record.name == "otel_instrumentors"]
    assert said
    assert len(said) == len(set(said)), "the same line twice within a minute"


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        ("localhost:50051", "localhost", 50051),
        ("localhost", "localhost", None),
        ("dns:///tea.example:443", "tea.example", 443),
        ("dns://1.1.1.1/tea.example:443", "tea.example", 443),
        ("dns:tea.example:443", "tea.example", 443),
        ("ipv4:10.0.0.7:50051,10.0.0.8:50051", "10.0.0.7", 50051),
        ("ipv6:[::1]:50051", "::1", 50051),
        ("[::1]:50051", "::1", 50051),
        ("[::1]", "::1", None),
        ("::1", "::1", None),
        ("unix:/run/tea.sock", "/run/tea.sock", None),
        ("unix:///run/tea.sock", "/run/tea.sock", None),
        ("unix-abstract:tea", "tea", None),
        ("xds:///tea.example", "tea.example", None),
        ("", None, None),
    ],
)
def test_what_a_target_says(target: str, host: str | None, port: int | None) -> None:
    assert address(target) == (host, port)


def _has_registered_methods() -> bool:
    import grpc

    return hasattr(grpc.Server, "add_registered_method_handlers")


if _has_registered_methods():

    def test_methods_that_generated_code_registers_are_traced(recorder: Recorder) -> None:
        with running(registered=True) as server, channel(server.target) as made:
            assert made.unary_unary(ORDER, _registered_method=True)(b"tea") == b"tea"
            client, served = take(recorder, 2)
        assert client.name == served.name == f"{SERVICE}/Order"


if __name__ == "__main__":
    _serve()
