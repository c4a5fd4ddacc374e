"""A Django project in one file: `garden:application` over WSGI, `garden:asgi` over ASGI, `garden.py runserver`."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from work import note, unit

# Told once in each process that comes to it, so now and then.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators")

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="none",
        USE_TZ=True,
    )
    django.setup()


def one(_: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(unit(number))


def parts(_: HttpRequest, number: int) -> StreamingHttpResponse:
    def body() -> Iterator[str]:
        for part in range(3):
            yield f"{unit(number)} {part}\n"

    return StreamingHttpResponse(body(), content_type="text/plain")


def fails(_: HttpRequest) -> HttpResponse:
    unit()
    raise RuntimeError("this view fails")


def exits(_: HttpRequest) -> HttpResponse:
    unit(around_ends=False)
    os._exit(3)


urlpatterns = [path("unit/<int:number>", one), path("parts/<int:number>", parts)]
urlpatterns += [path("raise", fails), path("exit", exits)]
note("loaded", "")
application, asgi = WSGIHandler(), ASGIHandler()

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
