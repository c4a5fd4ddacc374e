"""Views of the project."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path


def item(request: HttpRequest, n: int) -> HttpResponse:
    return HttpResponse(f"item {n} of {os.getpid()}")


async def waited(request: HttpRequest, n: int) -> HttpResponse:
    await asyncio.sleep(0.01)
    return HttpResponse(f"waited {n}")


async def read(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(len(request.body)))


def rows(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 7")
        return HttpResponse(str(cursor.fetchone()[0]))


def boom(request: HttpRequest) -> HttpResponse:
    raise ValueError("no tea")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        for number in range(100):
            yield str(number)

    async def asynchronous_parts() -> AsyncIterator[str]:
        for number in range(100):
            await asyncio.sleep(0)
            yield str(number)

    return StreamingHttpResponse(asynchronous_parts() if hasattr(request, "scope") else parts())


urlpatterns = [
    path("items/<int:n>/", item),
    path("waited/<int:n>/", waited),
    path("read/", read),
    path("rows/", rows),
    path("boom/", boom),
    path("stream/", stream),
]
