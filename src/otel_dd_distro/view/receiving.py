"""The intake: what tracers and OpenTelemetry's exporters send, and what they ask first."""

from __future__ import annotations

import asyncio
import sys
import zlib
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from . import datadog, otlp
from .spans import Part, Refused, printable
from .store import Store

MOST_BYTES = 26_214_400
"""The largest body, the Agent's own limit: 25 MiB, uncompressed."""
_PROTOBUF = "application/x-protobuf"

Reader = Callable[[bytes, str], list[Part]]


class TooLarge(Refused):
    """A body is above the limit."""


def routes(store: Store) -> list[Route]:
    """What is received goes into `store`."""

    async def v04(request: Request) -> Response:
        refusal = await _receive(request, store, datadog.read_v04)
        return refusal or JSONResponse({"rate_by_service": {"service:,env:": 1.0}})

    async def v05(request: Request) -> Response:
        refusal = await _receive(request, store, lambda body, _: datadog.read_v05(body))
        return refusal or JSONResponse({"rate_by_service": {"service:,env:": 1.0}})

    async def v1(request: Request) -> Response:
        refusal = await _receive(request, store, _read_otlp)
        return refusal or _accepted(request)

    both = ["POST", "PUT"]
    return [
        Route("/info", info),
        Route("/v0.4/traces", v04, methods=both),
        Route("/v0.5/traces", v05, methods=both),
        Route("/v0.6/stats", forget, methods=both),
        Route("/v1/traces", v1, methods=["POST"]),
        # An SDK that sends traces by OTLP sends these to the same address by default.
        Route("/v1/metrics", forget, methods=["POST"]),
        Route("/v1/logs", forget, methods=["POST"]),
    ]


async def info(request: Request) -> Response:
    return JSONResponse(
        {
            "version": "otel-dd-distro view",
            "endpoints": ["/v0.4/traces", "/v0.5/traces", "/v0.6/stats"],
            "span_events": True,
            "span_meta_structs": True,
            # Traces that are not sampled are to be seen here, too.
            "client_drop_p0s": False,
            "config": {"max_request_bytes": MOST_BYTES},
        }
    )


async def forget(request: Request) -> Response:
    """Accept what is not shown."""
    try:
        await _body(request)
    except Refused as error:
        return PlainTextResponse(f"{error}\n", 400)
    return _accepted(request)


def _accepted(request: Request) -> Response:
    """An empty answer in the content type of the request."""
    if request.headers.get("content-type", "").startswith(_PROTOBUF):
        return Response(b"", media_type=_PROTOBUF)
    return JSONResponse({})


def _read_otlp(body: bytes, content_type: str) -> list[Part]:
    if content_type.startswith("application/json"):
        return otlp.read_json(body)
    if content_type.startswith(_PROTOBUF):
        return otlp.read_protobuf(body)
    raise Refused(f"the content type is neither {_PROTOBUF} nor application/json")


async def _receive(request: Request, store: Store, read: Reader) -> Response | None:
    """Keep the spans of a request; the answer if it is refused."""
    content_type = request.headers.get("content-type", "application/json")
    try:
        body = await _body(request)
        # In a thread: a payload of 25 MiB takes seconds, and the page stays alive meanwhile.
        parts = await asyncio.to_thread(read, body, content_type)
    except Refused as error:
        why = " ".join(f"{request.url.path}: {error}".split())[:300]
        if why != store.refusal:
            print(f"Payload refused: {printable(why)}", file=sys.stderr)
        store.refuse(why)
        return PlainTextResponse(f"{why}\n", 413 if isinstance(error, TooLarge) else 400)
    store.add(parts)
    return None


async def _body(request: Request) -> bytes:
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip", "deflate"):
        raise Refused(f"the content encoding is {encoding[:50]!r} instead of gzip")
    received = bytearray()
    async for piece in request.stream():
        received += piece
        if len(received) > MOST_BYTES:
            raise TooLarge(f"the body is above {MOST_BYTES} bytes")
    return bytes(received) if encoding == "identity" else _decompressed(received)


def _decompressed(compressed: bytearray) -> bytes:
    # 32 more: the header tells whether it is gzip's or zlib's.
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS + 32)
    try:
        body = stream.decompress(compressed, MOST_BYTES + 1)
    except zlib.error as error:
        raise Refused(f"the body cannot be decompressed: {error}") from error
    if len(body) > MOST_BYTES:
        raise TooLarge(f"the decompressed body is above {MOST_BYTES} bytes")
    if not stream.eof:
        raise Refused("the compressed body is cut off")
    return body
