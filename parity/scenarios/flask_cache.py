"""Flask-Caching: operations in memory, in Redis and of cached views and functions; ddtrace has a class for it."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import flask
from steps import step

SERVERS = ("redis_server",)

if importlib.util.find_spec("ddtrace"):
    from ddtrace.contrib.flask_cache import get_traced_cache

    Cache = get_traced_cache()
else:
    from flask_caching import Cache

host, _, port = os.environ["TEST_REDIS_URL"].partition("://")[2].partition(":")


def made(kind: str, **config: Any) -> tuple[Any, Any]:
    app = flask.Flask("shop")
    cache = Cache(app, config={"CACHE_TYPE": kind, **config})
    app.app_context().push()
    return app, cache


# A part of the keys of memoized functions, else another each time.
Cache._memoize_make_version_hash = lambda self: "version"

app, cache = made("SimpleCache")

with step("a value is set, and read"):
    cache.set("tea", "green", timeout=60)
    assert cache.get("tea") == "green"

with step("a value that is not there"):
    assert cache.get("coffee") is None

with step("a value that is false"):
    cache.set("none left", 0)
    assert cache.get("none left") == 0

with step("added"):
    assert cache.add("cup", "blue")
    assert not cache.add("cup", "red")

with step("several at once"):
    cache.set_many({"a": "1", "b": "2"})
    assert cache.get_many("a", "none", "b") == ["1", None, "2"]

with step("deleted"):
    cache.delete("cup")
    cache.delete_many("a", "b")

with step("is it there, and all as a dictionary"):
    assert cache.has("tea")
    assert cache.get_dict("tea", "none") == {"tea": "green", "none": None}

with step("no arguments", TypeError):
    cache.get()


@app.get("/tea")
@cache.cached(timeout=60)
def tea() -> str:
    return "green"


@cache.memoize(60)
def brew(kind: str) -> str:
    return f"{kind} tea"


with step("a cached view"), app.test_client() as browser:
    assert browser.get("/tea").get_data() == b"green"

with step("a cached view, again"), app.test_client() as browser:
    assert browser.get("/tea").get_data() == b"green"

with step("a memoized function"):
    assert [brew("green"), brew("green")] == ["green tea", "green tea"]

with step("a memoized function is forgotten"):
    cache.delete_memoized(brew, "green")

with step("all are forgotten"):
    cache.clear()

_, shared = made("RedisCache", CACHE_REDIS_HOST=host, CACHE_REDIS_PORT=int(port), CACHE_REDIS_DB=3)

with step("in Redis"):
    shared.set("tea", "green")
    assert shared.get("tea") == "green"

with step("in Redis, several"):
    shared.set_many({"a": 1, "b": 2})
    assert shared.get_many("a", "none") == [1, None]
    shared.delete_many("a", "b")
