"""Django with all of its spans switched on: templates, caches, statements of a driver that is not traced."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

import django
from django.conf import settings
from steps import step

SETTINGS = {"DD_DJANGO_TRACING_MINIMAL": "false", "DD_TRACE_SQLITE3_ENABLED": "false"}

settings.configure(
    ALLOWED_HOSTS=["*"],
    CACHES={
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "shelf": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "KEY_PREFIX": "Tea"},
    },
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "tea.sqlite"},
        "cellar": {"ENGINE": "django.db.backends.sqlite3", "NAME": "cellar.sqlite"},
    },
    ROOT_URLCONF="__main__",
    SECRET_KEY="leaf",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"loaders": [
        ("django.template.loaders.locmem.Loader", {
            "menu.html": "{% extends 'page.html' %}{% block tea %}{% include 'cup.html' %}{% endblock %}",
            "page.html": "<p>{% block tea %}{% endblock %}</p>",
            "cup.html": "{{ tea.name }}",
        })]}}],
)  # fmt: skip
logging.disable(logging.CRITICAL)
django.setup()

from django.core.cache import caches  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import DatabaseError, connections, transaction  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.template import engines  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from django.urls import path  # noqa: E402


def menu(request: HttpRequest) -> HttpResponse:
    caches["default"].set("visits", 1)
    caches["default"].incr("visits")
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT 'green'")
        name = cursor.fetchone()[0]
    return render(request, "menu.html", {"tea": {"name": name}})


urlpatterns = [path("menu/", menu)]
application = get_wsgi_application()


def ask(path: str) -> bytes:
    body = application(RequestFactory().get(path).environ, lambda *_args: None)
    answer = b"".join(body)
    body.close()
    return answer


with step("a page of all that"):
    assert ask("/menu/") == b"<p>green</p>"

with step("a template made from a string"):
    assert engines["django"].from_string("{{ tea }}").render({"tea": "white"}) == "white"

with step("a template that fails", ValueError):

    def sour() -> str:
        raise ValueError("no tea")

    engines["django"].from_string("{{ tea }}").render({"tea": sour})

shelf = caches["shelf"]
for name, use in {
    "set": lambda: shelf.set("a", 1, timeout=5),
    "found": lambda: shelf.get("a"),
    "not found": lambda: shelf.get("b"),
    "not found, and there is something else": lambda: shelf.get("b", "c"),
    "added": lambda: shelf.add("d", 1),
    "counted": lambda: shelf.incr("d", 2),
    "counted down": lambda: shelf.decr("d"),
    "deleted": lambda: shelf.delete("a"),
    "set, many": lambda: shelf.set_many({"e": 1, "f": 2}),
    "found, many": lambda: shelf.get_many(["e", "f", "g"]),
    "deleted, many": lambda: shelf.delete_many(["e", "f"]),
    "a long key": lambda: shelf.get("x" * 150),
    "many keys": lambda: shelf.get_many([f"key-{number:03}" for number in range(200)]),
}.items():
    with step(name):
        use()

with step("nothing to count", ValueError):
    shelf.incr("nothing")


def using(alias: str) -> Callable[[str], None]:
    def execute(statement: str) -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute(statement)

    return execute


with step("statements"):
    using("default")("CREATE TABLE teas (name TEXT UNIQUE)")
    with connections["default"].cursor() as cursor:
        cursor.execute("INSERT INTO teas VALUES (%s)", ["green"])
        cursor.executemany("INSERT INTO teas VALUES (%s)", [["white"], ["black"]])
        cursor.execute("SELECT name FROM teas")
        assert len(cursor.fetchall()) == 3

with step("another database"):
    using("cellar")("SELECT 1")

with step("a transaction"), transaction.atomic():
    using("default")("UPDATE teas SET name = 'oolong' WHERE name = 'green'")

with step("a statement that fails", DatabaseError):
    using("default")("SELECT * FROM coffees")

with suppress(FileNotFoundError):
    connections.close_all()
