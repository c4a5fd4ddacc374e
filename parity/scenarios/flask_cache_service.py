"""Flask-Caching and Kombu, in memory: services named by variables, where nobody names that of the application."""

from __future__ import annotations

import importlib.util

import flask
from kombu import Connection
from steps import step

SETTINGS = {"DD_FLASK_CACHE_SERVICE": "kept", "DD_KOMBU_SERVICE": "messages", "DD_TRACE_KOMBU_ENABLED": "true"}

if importlib.util.find_spec("ddtrace"):
    from ddtrace.contrib.flask_cache import get_traced_cache

    Cache = get_traced_cache()
else:
    from flask_caching import Cache

app = flask.Flask("shop")
cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})
app.app_context().push()
with step("a value is set"):
    cache.set("tea", "green")

with Connection("memory://") as connection, connection.SimpleQueue("simple") as queue:
    with step("a message is sent"):
        queue.put({"cup": 2})
    with step("a message is received"):
        queue.get(timeout=5).ack()
