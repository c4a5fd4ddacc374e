"""Flask-Caching, in memory and on real servers."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pylibmc
import pytest
from flask_caching.backends.base import BaseCache

from otel_instrumentors.flask_cache import FlaskCacheInstrumentor, keys, server
from otel_instrumentors.kernel.call import Call
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

# Flask-Caching 2.4, the newest on Python 3.10, warns of its own names and uses Redis in a way that Redis warns of.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LIBRARIES = [name for name in ("flask_caching", "flask_cache") if importlib.util.find_spec(name)]
"""Flask-Cache, of 2014, is there beside old releases of Flask alone: in the environment of the oldest ones."""

OLD_NAMES = {
    "SimpleCache": "simple",
    "FileSystemCache": "filesystem",
    "RedisCache": "redis",
    "MemcachedCache": "memcached",
}


def made(kind: str = "SimpleCache", library: str = "flask_caching", **config: Any) -> tuple[Any, Any]:
    """An application and its cache."""
    module = importlib.import_module(library)
    old = OLD_NAMES.get(kind, kind)
    app = flask.Flask("shop")
    # Before 1.10 the kinds of caches were functions.
    known = kind if not inspect.isfunction(getattr(module.backends, old, None)) else old
    return app, module.Cache(app, config={"CACHE_TYPE": known, **config})


class TestFlaskCacheContract(Contract):
    instrumentor = FlaskCacheInstrumentor

    @staticmethod
    def use() -> Any:
        app, cache = made()
        with app.app_context():
            cache.set("tea", "green")
            return [cache.get("tea"), cache.get_many("tea", "none"), cache.get_dict("tea"), cache.delete("tea")]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(FlaskCacheInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cache(library: str) -> Iterator[Any]:
    app, cache = made(library=library)
    with app.app_context():
        yield cache


def told(recorder: Recorder) -> list[dict[str, Any]]:
    return [{"name": span.name, **dict(span.attributes or {})} for span in recorder.take()]


def test_an_operation_is_a_span_with_its_key_and_backend(cache: Any, recorder: Recorder) -> None:
    cache.set("tea", "green")
    assert cache.get("tea") == "green"
    common = {"flask_cache.backend": "SimpleCache", "flask_cache.key": "tea"}
    assert told(recorder) == [
        {"name": "cache set", "flask_cache.operation": "set", **common},
        {"name": "cache get", "flask_cache.operation": "get", **common, "db.row_count": 1},
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "key", "rows"),
    [
        ("get", ("none",), "none", 0),
        ("has", ("tea",), "tea", None),
        ("add", ("tea", 7), "tea", None),
        ("delete", ("tea",), "tea", None),
        ("delete_many", ("tea", "none"), ("tea", "none"), None),
        ("unlink", ("tea", "cup"), ("tea", "cup"), None),
        ("get_many", ("tea", "none", "zero"), ("tea", "none", "zero"), 2),
        ("get_dict", ("tea", "none"), ("tea", "none"), 1),
        ("set_many", ({"a": 1, "b": 2},), ("a", "b"), None),
        ("clear", (), None, None),
    ],
)
def test_every_operation_is_one_span(
    cache: Any, recorder: Recorder, name: str, arguments: Any, key: Any, rows: int | None
) -> None:
    cache.set("tea", "green")
    cache.set("zero", 0)
    recorder.take()
    # What the extension of an old release does not hand on, its cache can do.
    getattr(cache, name, getattr(cache.cache, "delete_many" if name == "unlink" else name, None))(*arguments)
    (span,) = told(recorder)
    # A cache that cannot unlink deletes.
    done = "delete_many" if name == "unlink" else name
    assert (span["name"], span["flask_cache.operation"]) == (f"cache {done}", done)
    assert (span.get("flask_cache.key"), span.get("db.row_count")) == (key, rows)


def test_a_cached_view_looks_and_keeps_what_it_finds(recorder: Recorder, library: str) -> None:
    app, cache = made(library=library)
    app.add_url_rule("/tea", view_func=cache.cached(timeout=60)(lambda: "green"), endpoint="tea")
    with app.test_client() as browser:
        for _ in range(2):
            assert browser.get("/tea").get_data() == b"green"
    # Some releases ask whether a value that is None is there.
    spans = [span for span in told(recorder) if span["name"] != "cache has"]
    assert [(span["name"], span.get("db.row_count")) for span in spans] == [
        ("cache get", 0),
        ("cache set", None),
        ("cache get", 1),
    ]
    assert {span["flask_cache.key"] for span in spans} == {"view//tea"}


def test_a_memoized_function_looks_and_keeps_what_it_finds(
    cache: Any, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What Flask-Cache asks, and Python 3.11 no longer has.
    monkeypatch.setattr(inspect, "getargspec", inspect.getfullargspec, raising=False)

    @cache.memoize(60)
    def brew(kind: str) -> str:
        return f"{kind} tea"

    assert [brew("green"), brew("green")] == ["green tea", "green tea"]
    names = [span["name"] for span in told(recorder)]
    # The versions of functions are kept, too.
    assert [name for name in names if name in ("cache get", "cache set")] == ["cache get", "cache set", "cache get"]
    cache.delete_memoized(brew, "green")
    assert told(recorder)[-1]["flask_cache.operation"].startswith("delete")


def test_spans_are_below_the_current_one_and_are_left_behind(cache: Any, recorder: Recorder) -> None:
    with recorder.provider.get_tracer("application").start_as_current_span("work"):
        cache.get("tea")
    getting, work = recorder.take()
    assert getting.parent is not None
    assert getting.parent.span_id == work.context.span_id


def test_an_error_is_recorded_and_raised(cache: Any, recorder: Recorder) -> None:
    with pytest.raises(TypeError):
        cache.get()
    (span,) = recorder.take()
    assert dict(span.attributes or {})["error.type"] == "TypeError"


def test_without_an_application_the_error_is_told_by_the_extension(recorder: Recorder, library: str) -> None:
    cache = importlib.import_module(library).Cache(config={"CACHE_TYPE": "SimpleCache"})
    with pytest.raises((AttributeError, RuntimeError)) as raised:
        cache.get("tea")
    (span,) = told(recorder)
    assert span == {
        "name": "cache get",
        "flask_cache.operation": "get",
        "flask_cache.backend": "SimpleCache",
        "flask_cache.key": "tea",
        "error.type": raised.type.__name__,
    }


class Drawer(BaseCache):  # type: ignore[misc]
    """A cache of the application's own."""

    def get(self, key: str) -> Any:
        return {"tea": "green"}.get(key)


def drawer(*_given: Any) -> Drawer:
    return Drawer()


def test_a_cache_of_the_applications_own_is_traced_by_the_extension(recorder: Recorder, library: str) -> None:
    app, cache = made(f"{__name__}.drawer", library)
    with app.app_context():
        assert cache.get("tea") == "green"
    assert told(recorder) == [
        {
            "name": "cache get",
            "flask_cache.operation": "get",
            "flask_cache.backend": f"{__name__}.drawer",
            "flask_cache.key": "tea",
            "db.row_count": 1,
        }
    ]


def test_what_was_made_before_is_traced(library: str) -> None:
    recorder = Recorder()
    app, cache = made(library=library)
    with app.app_context(), instrumented(FlaskCacheInstrumentor, recorder.provider):
        cache.get("tea")
    assert [span["name"] for span in told(recorder)] == ["cache get"]


def test_files_are_traced(recorder: Recorder, tmp_path: Path, library: str) -> None:
    app, cache = made("FileSystemCache", library, CACHE_DIR=str(tmp_path))
    recorder.take()  # it keeps a count in itself
    with app.app_context():
        cache.set("tea", "green")
        assert cache.get("tea") == "green"
    assert [span["flask_cache.backend"] for span in told(recorder)] == ["FileSystemCache"] * 2


def test_redis_is_named(recorder: Recorder, redis_server: str, library: str) -> None:
    host, _, port = redis_server.partition("://")[2].partition(":")
    app, cache = made("RedisCache", library, CACHE_REDIS_HOST=host, CACHE_REDIS_PORT=int(port), CACHE_REDIS_DB=3)
    with app.app_context():
        cache.set("tea", "green")
        assert cache.get("tea") == "green"
        assert cache.get_many("tea", "none") == ["green", None]
        backend = cache.cache
    spans = told(recorder)
    assert [span["name"] for span in spans] == ["cache set", "cache get", "cache get_many"]
    for span in spans:
        assert span["flask_cache.backend"] == "RedisCache"
        assert (span["server.address"], span["server.port"], span["db.namespace"]) == (host, int(port), "3")
    (getattr(backend, "_write_client", None) or backend._client).connection_pool.disconnect()


def test_memcached_is_named(recorder: Recorder, memcached: str, library: str) -> None:
    address = memcached.partition("://")[2]
    app, cache = made("MemcachedCache", library, CACHE_MEMCACHED_SERVERS=pylibmc.Client([address]))
    with app.app_context():
        cache.set("tea", "green")
        assert cache.get("tea") == "green"
    spans = told(recorder)
    host, _, port = address.partition(":")
    assert [(span["name"], span["server.address"], span["server.port"]) for span in spans] == [
        ("cache set", host, int(port)),
        ("cache get", host, int(port)),
    ]


class _Holder:
    def __init__(self, client: Any) -> None:
        self._client = client


class _Known:
    def __init__(self, **known: Any) -> None:
        vars(self).update(known)


@pytest.mark.parametrize(
    ("client", "known"),
    [
        (_Known(servers=[_Known(address=("tea", 11211))]), {"server.address": "tea", "server.port": 11211}),
        (_Known(addresses=["tea:11211", "cup:11211"]), {"server.address": "tea", "server.port": 11211}),
        (_Known(addresses=["/run/memcached.sock"]), {}),
        (_Known(servers=[]), {}),
        (_Known(), {}),
        (None, {}),
    ],
)
def test_whoever_holds_the_values_is_named_as_far_as_its_client_tells(client: Any, known: dict[str, Any]) -> None:
    assert server(Call(_Holder(client), (), {})) == known


def test_keys_are_shown_as_far_as_they_go() -> None:
    assert keys("get", Call(None, (), {"key": b"tea"})) == {"flask_cache.key": "b'tea'"}
    assert keys("get", Call(None, (), {})) == {}
    assert keys("set_many", Call(None, ([("a", 1)],), {})) == {}
    shown: Any = keys("get_many", Call(None, tuple("x" * 10_000 for _ in range(5)), {}))["flask_cache.key"]
    assert [len(key) for key in shown] == [10_000, 10_000, 5_000]
