"""gRPC: the four kinds of call on both sides, synchronous and asynchronous, cancelled, late and failing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from grpc import aio
from steps import saw, step


def order(request: bytes, context: Any) -> bytes:
    if request == b"none":
        context.abort(grpc.StatusCode.NOT_FOUND, "no such tea")
    if request == b"broken":
        raise ValueError("cup broken")
    if request == b"empty":
        context.set_code(grpc.StatusCode.RESOURCE_EXHAUSTED)
        context.set_details("pot empty")
    if request == b"fault":
        context.set_code(grpc.StatusCode.INTERNAL)
    if request == b"slow":
        time.sleep(0.2)
    names = [name for name, _ in context.invocation_metadata()]
    saw("metadata", {name: str(names.count(name)) for name in sorted(names) if name != "user-agent"})
    return request


def pour(request: bytes, context: Any) -> Iterator[bytes]:
    for cup in range(3):
        if request == b"spilt" and cup == 2:
            context.abort(grpc.StatusCode.DATA_LOSS, "spilt")
        yield b"%d" % cup
    while request == b"endless" and context.is_active():
        time.sleep(0.01)
        yield b"more"


def collect(requests: Iterator[bytes], _context: Any) -> bytes:
    return b"".join(requests)


def echo(requests: Iterator[bytes], _context: Any) -> Iterator[bytes]:
    yield from requests


async def aio_order(request: bytes, context: Any) -> bytes:
    if request == b"none":
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such tea")
    if request == b"broken":
        raise ValueError("cup broken")
    if request == b"slow":
        await asyncio.sleep(0.2)
    return request


async def aio_pour(request: bytes, _context: Any) -> Any:
    for cup in range(3):
        yield b"%d" % cup


async def aio_collect(requests: Any, _context: Any) -> bytes:
    return b"".join([request async for request in requests])


async def aio_echo(requests: Any, context: Any) -> None:
    async for request in requests:
        await context.write(request)


def handlers(order: Any, pour: Any, collect: Any, echo: Any) -> Any:
    return grpc.method_handlers_generic_handler(
        "tea.v1.House",
        {
            "Order": grpc.unary_unary_rpc_method_handler(order),
            "Pour": grpc.unary_stream_rpc_method_handler(pour),
            "Collect": grpc.stream_unary_rpc_method_handler(collect),
            "Echo": grpc.stream_stream_rpc_method_handler(echo),
        },
    )


def listening(port: int) -> None:
    Path("port.new").write_text(str(port))
    Path("port.new").rename("port")


def serve() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((handlers(order, pour, collect, echo),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    listening(port)
    sys.stdin.read()
    server.stop(None).wait()


async def aio_serve() -> None:
    server = aio.server()
    server.add_generic_rpc_handlers((handlers(aio_order, aio_pour, aio_collect, aio_echo),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    listening(port)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop(None)


@contextmanager
def served(how: str) -> Iterator[int]:
    """The port of a server in a process of its own."""
    Path("port").unlink(missing_ok=True)
    with subprocess.Popen([sys.executable, __file__, how], stdin=subprocess.PIPE) as server:
        while not Path("port").exists():
            assert server.poll() is None
            time.sleep(0.02)
        yield int(Path("port").read_text())
    assert server.returncode == 0


class Marking(grpc.UnaryUnaryClientInterceptor):
    def intercept_unary_unary(self, continuation: Any, details: Any, request: bytes) -> Any:
        return continuation(details, request + b"!")


class Again(aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, details: Any, _request: bytes) -> Any:
        await (await continuation(details, b"none")).code()
        return await continuation(details, b"tea")


def synchronous(port: int) -> None:
    channel = grpc.insecure_channel(f"localhost:{port}")
    ordered = channel.unary_unary("/tea.v1.House/Order")
    poured = channel.unary_stream("/tea.v1.House/Pour")
    collected = channel.stream_unary("/tea.v1.House/Collect")
    echoed = channel.stream_stream("/tea.v1.House/Echo")

    with step("one for one"):
        assert ordered(b"tea") == b"tea"

    with step("one for one, with metadata"):
        assert ordered(b"tea", metadata=(("table", "7"),)) == b"tea"

    with step("one for one, and the call"):
        assert ordered.with_call(b"tea")[1].code() is grpc.StatusCode.OK

    with step("one for one, later"):
        assert ordered.future(b"tea").result() == b"tea"

    with step("one for many"):
        assert list(poured(b"tea")) == [b"0", b"1", b"2"]

    with step("many for one"):
        assert collected(iter([b"a", b"b"])) == b"ab"

    with step("many for many"):
        assert list(echoed(iter([b"a", b"b"]))) == [b"a", b"b"]

    with step("not found", grpc.RpcError):
        ordered(b"none")

    with step("not found, later", grpc.RpcError):
        ordered.future(b"none").result()

    with step("a handler that breaks", grpc.RpcError):
        ordered(b"broken")

    with step("a status that is set", grpc.RpcError):
        ordered(b"empty")

    with step("a fault that is set", grpc.RpcError):
        ordered(b"fault")

    with step("no such method", grpc.RpcError):
        channel.unary_unary("/tea.v1.House/Sell")(b"tea")

    with step("too late", grpc.RpcError):
        try:
            ordered(b"slow", timeout=0.05)
        finally:
            time.sleep(0.3)

    with step("a stream that breaks off", grpc.RpcError):
        list(poured(b"spilt"))

    with step("a stream that is cancelled"):
        stream = poured(b"endless")
        next(stream)
        stream.cancel()
        time.sleep(0.1)

    with step("nobody there", grpc.RpcError):
        grpc.insecure_channel("127.0.0.1:1").unary_unary("/Tea/Order")(b"tea")

    with step("intercepted"):
        assert grpc.intercept_channel(channel, Marking()).unary_unary("/tea.v1.House/Order")(b"tea") == b"tea!"

    channel.close()


async def asynchronous(port: int) -> None:
    channel = aio.insecure_channel(f"127.0.0.1:{port}")
    ordered = channel.unary_unary("/tea.v1.House/Order")

    with step("asynchronous: one for one"):
        assert await ordered(b"tea") == b"tea"

    with step("asynchronous: one for many"):
        assert [cup async for cup in channel.unary_stream("/tea.v1.House/Pour")(b"tea")] == [b"0", b"1", b"2"]

    with step("asynchronous: many for one"):
        assert await channel.stream_unary("/tea.v1.House/Collect")(iter([b"a", b"b"])) == b"ab"
        await asyncio.sleep(0.02)

    with step("asynchronous: many for many"):
        answers = channel.stream_stream("/tea.v1.House/Echo")(iter([b"a", b"b"]))
        assert [answer async for answer in answers] == [b"a", b"b"]
        await asyncio.sleep(0.02)

    with step("asynchronous: not found", grpc.RpcError):
        await ordered(b"none")

    with step("asynchronous: a handler that breaks", grpc.RpcError):
        await ordered(b"broken")

    with step("asynchronous: too late", grpc.RpcError):
        try:
            await ordered(b"slow", timeout=0.05)
        finally:
            await asyncio.sleep(0.3)

    with step("asynchronous: tried again by an interceptor"):
        again = aio.insecure_channel(f"127.0.0.1:{port}", interceptors=[Again()])
        assert await again.unary_unary("/tea.v1.House/Order")(b"tea") == b"tea"
        await again.close()

    # No call that is cancelled: under ddtrace the cancellation comes out elsewhere, and the program dies of it.
    await channel.close()


if sys.argv[1:] == ["serve"]:
    serve()
elif sys.argv[1:] == ["aio_serve"]:
    asyncio.run(aio_serve())
else:
    with served("serve") as port:
        synchronous(port)
    with served("aio_serve") as port:
        asyncio.run(asynchronous(port))
