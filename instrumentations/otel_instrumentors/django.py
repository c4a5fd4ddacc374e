"""Django: a span for each request, named by its route, and its view; where switched on, for what these call, too.

A statement is one span: the driver's own where that is traced, else ours where DJANGO_DATABASES is on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any
from uuid import UUID

from opentelemetry.semconv.attributes.code_attributes import CODE_FUNCTION_NAME
from opentelemetry.util.types import AttributeValue

from .families import asgi, sqlcommenter, wsgi
from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hook import Hook
from .kernel.hooks.annotate_entry_span import annotate_entry_span
from .kernel.hooks.hook_products import hook_products
from .kernel.hooks.opt_in import opt_in, where_asked
from .kernel.hooks.several import several
from .kernel.hooks.traced import traced
from .kernel.hooks.traced_handler import traced_handler
from .kernel.hooks.traced_unless_below import traced_unless_below
from .kernel.hooks.warn_of_existing import warn_of_existing
from .kernel.instrumentor import Instrumentor
from .kernel.options import Asked, Options, when_told
from .kernel.switch import is_on
from .semconv import db, http, templates
from .semconv.headers import captured

ROOT = "/"
"""How the empty route of Django's `path("", ...)` is shown."""

STEP = "django.step"
"""What a span below the request's is of: `view`, `middleware`, `render`, `cache` or `statement`."""

ANSWERS = frozenset(("Http404", "PermissionDenied", "SuspiciousOperation", "BadRequest", "MultiPartParserError"))
"""Exceptions that Django answers with a status below 500; not every release has all of them."""

CACHE_OPERATIONS = ("get", "set", "add", "delete", "incr", "decr", "get_many", "set_many", "delete_many")
LONGEST_KEY = 100
LONGEST_KEYS = 1_000

COMMENTED = "is_sql_commentor_enabled"
COMMENT_SETTINGS = {
    key: f"SQLCOMMENTER_WITH_{name}"
    for key, name in {
        "app_name": "APP_NAME",
        "controller": "CONTROLLER",
        "db_driver": "DB_DRIVER",
        "framework": "FRAMEWORK",
        "opentelemetry_values": "OPENTELEMETRY",
        "route": "ROUTE",
    }.items()
}
"""Django's settings by which an application leaves a key out of the comments behind its statements."""

Attributes = dict[str, AttributeValue]


def request(call: Call) -> SpanSpec:
    return wsgi.request(call.arg(0, "environ"))


def asgi_request(call: Call) -> SpanSpec:
    return asgi.request(call.arg(0, "scope"))


def simulated(_call: Call, response: Any) -> Outcome:
    """What Django's own test client gets, which is its server as well."""
    wanted = captured().server_response
    return http.server_response(response.status_code, None if wanted is None else wanted.of(response.items()))


def asked(_call: Call) -> None:
    """Somebody may have asked to see it."""


def resolved(call: Call, match: Any) -> Outcome | None:
    """Which view will answer, for comments behind its statements; other requests tell when they have been answered."""
    return _matched(call.arg(0, "request").method, match, {})


def response(call: Call, response: Any) -> Outcome:
    """What is known when the last middleware has seen the response; its body may not have been made yet.

    There is none where the client went away.
    """
    request = call.arg(0, "request")
    attributes: Attributes = {"django.request.class": _path(type(request))}
    match = getattr(request, "resolver_match", None)
    if response is not None:
        attributes["django.response.class"] = _path(type(response))
        _several(attributes, "django.response.template", _templates(getattr(response, "template_name", None)))
        if match is None and response.status_code != 404:
            match = _resolved(request)
    return Outcome(attributes) if match is None else _matched(request.method, match, attributes)


def user(call: Call, _response: Any) -> Outcome | None:
    """Who asks, if the application looked: only then is the lazy user there, and asking would query the database."""
    user = vars(call.arg(0, "request")).get("user")
    user = _own(user).get("_wrapped", user)
    if not hasattr(user, "is_authenticated"):
        return None
    attributes: Attributes = {"django.user.is_authenticated": bool(user.is_authenticated)}
    identity = getattr(user, "pk", None)
    # Other keys tend to say more than that it is the same person again: an e-mail address, a name.
    if isinstance(identity, (int, UUID)):
        attributes["django.user.id"] = str(identity)
    name = _own(user).get("username")
    if name and is_on("DJANGO_USER_NAME"):
        attributes["django.user.name"] = str(name)
    return Outcome(attributes)


def _own(user: Any) -> dict[str, Any]:
    return getattr(user, "__dict__", {})


def unhandled(call: Call) -> Outcome:
    """Django makes an exception that nobody handled a 500 before a server could see it."""
    return Outcome(error=call.arg(2, "exc_info")[1])


def _matched(method: str, match: Any, attributes: Attributes) -> Outcome:
    attributes["django.view"] = match.view_name
    attributes[CODE_FUNCTION_NAME] = _path(match.func)
    _several(attributes, "django.namespace", match.namespaces)
    _several(attributes, "django.app", match.app_names)
    # Django 2.1 does not tell the route.
    route = getattr(match, "route", None)
    return Outcome(attributes) if route is None else http.routed(method, route or ROOT, attributes)


def _resolved(request: Any) -> Any:
    """Where a request would have gone that a middleware answered (CORS, authentication); None for nowhere."""
    urls = import_module("django.urls")
    with suppress(urls.Resolver404):
        return urls.get_resolver(getattr(request, "urlconf", None)).resolve(request.path_info)


def _templates(named: Any) -> list[str]:
    """The names in a response's `template_name`: one, several to choose from, or a template object."""
    if isinstance(named, (list, tuple)):
        return [str(name) for name in named]
    name = getattr(getattr(named, "template", None), "name", named)
    return [name] if isinstance(name, str) else []


def _several(attributes: Attributes, key: str, values: Any) -> None:
    """One value as it is, more of them as a list."""
    values = [value for value in values or () if value]
    if values:
        attributes[key] = values[0] if len(values) == 1 else values


def _path(named: Any) -> str:
    """Module and name of a function or class, or of the class of another object."""
    named = getattr(named, "view_class", named)
    if not hasattr(named, "__name__"):
        named = type(named)
    return f"{named.__module__}.{named.__name__}"


def is_answer(error: Exception) -> bool:
    return any(kind.__name__ in ANSWERS and kind.__module__.startswith("django.") for kind in type(error).__mro__)


def view(call: Call) -> SpanSpec:
    path = _path(call.instance)
    return SpanSpec(f"view {path}", attributes={STEP: "view", CODE_FUNCTION_NAME: path})


def middleware(call: Any) -> SpanSpec:
    made = call.instance
    if hasattr(made, "__qualname__"):
        # A function is made by a factory, which the settings name: `import_string` was asked for it.
        return _middleware(call.made_by.made_by.arg(0, "dotted_path"))
    return _middleware(f"{_path(made)}.__call__")


def _method(name: str) -> Hook:
    def method(call: Call) -> SpanSpec:
        return _middleware(f"{_path(call.instance)}.{name}")

    return traced_handler(method, answers=is_answer)


def _middleware(path: str) -> SpanSpec:
    return SpanSpec(f"middleware {path}", attributes={STEP: "middleware", CODE_FUNCTION_NAME: path})


def render(call: Call) -> SpanSpec:
    template = call.instance
    spec = templates.span("django", "render", template.name)
    own: Attributes = {STEP: "render", "django.template.engine.class": _path(type(template.engine))}
    return SpanSpec(spec.name, attributes={**(spec.attributes or {}), **own})


def _cache(operation: str) -> Hook:
    def described(call: Call) -> SpanSpec:
        backend = type(call.instance)
        attributes: Attributes = {
            STEP: "cache",
            CODE_FUNCTION_NAME: f"{getattr(backend, operation).__module__}.{operation}",
            "django.cache.backend": f"{backend.__module__}.{backend.__qualname__}",
            "django.cache.key": _keys(call.args[0] if call.args else next(iter(call.kwargs.values()), None)),
        }
        if call.instance.key_prefix:
            attributes["django.cache.key_prefix"] = call.instance.key_prefix
        return SpanSpec(f"cache {operation}", attributes=attributes)

    def found(_call: Call, result: Any) -> Outcome | None:
        if operation == "get_many":
            return db.rows(len(result))
        return db.rows(1 if operation == "get" and result is not None else 0)

    return traced(described, found)


def _keys(keys: Any) -> str:
    """One key or several, cut. What can be iterated but once is left to the cache."""
    if isinstance(keys, Iterator):
        return ""
    shown, room = [], LONGEST_KEYS
    for key in keys if isinstance(keys, Collection) and not isinstance(keys, (str, bytes)) else [keys]:
        text = key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else str(key)
        if len(text) > LONGEST_KEY:
            text = f"{text[:LONGEST_KEY]}..."
        if len(text) > room:
            shown.append(f"{text[:room]}...")
            break
        shown.append(text)
        room -= len(text)
    return " ".join(shown)


def _statement(name: str) -> Hook:
    def described(call: Call) -> SpanSpec | None:
        connection = call.instance.db
        to = connection.settings_dict
        known = db.connection(to["NAME"], to["HOST"], to["PORT"], to["USER"])
        return db.query(connection.vendor, call.arg(0, "sql"), name, {**known, STEP: "statement", **_database(call)})

    def executed(call: Call, _result: Any) -> Outcome | None:
        return db.rows(getattr(call.instance.cursor, "rowcount", None))

    return traced_unless_below(described, executed, claim=db.STATEMENT, known=_database)


def _database(call: Call) -> Attributes:
    """What only Django knows of a database; on the driver's span as well, where that is traced."""
    connection = call.instance.db
    return {"django.db.alias": connection.alias, "django.db.vendor": connection.vendor}


_uncaught = annotate_entry_span(unhandled, when="called")
_responded = several(annotate_entry_span(asked, when="called"), annotate_entry_span(response, user, when="left"))
# Middleware is imported when a handler is made, caches when they are first used; both are made at once.
_middlewares = warn_of_existing(
    hook_products(
        hook_products(
            traced_handler(middleware, answers=is_answer),
            process_view=_method("process_view"),
            process_template_response=_method("process_template_response"),
            process_exception=_method("process_exception"),
        )
    ),
    "BaseHandler",
    "middleware stacks",
)
_operations = {prefix + name: _cache(name) for name in CACHE_OPERATIONS for prefix in ("", "a")}
_caches = warn_of_existing(hook_products(hook_products(**_operations)), "BaseCache", "caches")


def _request(call: Call) -> tuple[Any, ...]:
    return (call.arg(0, "request"),)


def _response(call: Call, response: Any) -> tuple[Any, ...]:
    return call.arg(0, "request"), response


class _Chosen(dict[str, Any]):
    """Which keys comments have: as was asked for by `commenter_options`, else by Django's settings, else all."""

    def get(self, key: str, default: Any = None) -> Any:
        if key in self:
            return self[key]
        name = COMMENT_SETTINGS.get(key)
        return default if name is None else getattr(import_module("django.conf").settings, name, default)


def _with_settings(asked: Asked) -> Asked:
    if not asked.get(COMMENTED):
        return asked
    return {**asked, sqlcommenter.CHOSEN: _Chosen(asked.get(sqlcommenter.CHOSEN) or {})}


class DjangoInstrumentor(Instrumentor):
    options = Options(
        server=http.SERVER._replace(excludes=http.address_of),
        client=db.CLIENT,
        hooks={"request_hook": when_told(asked, _request), "response_hook": when_told(response, _response)},
        request=when_told(asked, _request),
        others={COMMENTED: sqlcommenter.ENABLED, sqlcommenter.CHOSEN: sqlcommenter.CHOSEN},
        translate=_with_settings,
    )

    hooks = {
        "django.core.handlers.wsgi": {"WSGIHandler.__call__": wsgi.application(request)},
        "django.core.handlers.asgi": {"ASGIHandler.__call__": asgi.application(asgi_request)},
        "django.test.client": {
            "ClientHandler.__call__": traced(request, simulated, incoming=wsgi.incoming),
            "AsyncClientHandler.__call__": traced(asgi_request, simulated, incoming=asgi.incoming),
        },
        "django.core.handlers.base": {
            "BaseHandler.get_response": _responded,
            "BaseHandler.get_response_async": _responded,
            "BaseHandler.make_view_atomic": hook_products(traced_handler(view, answers=is_answer)),
            "BaseHandler.resolve_request": where_asked(
                annotate_entry_span(resolved, when="returned"), sqlcommenter.ENABLED
            ),
            "import_string": opt_in("DJANGO_MIDDLEWARE", _middlewares),
        },
        "django.core.handlers.exception": {"handle_uncaught_exception": _uncaught},
        "django.template.base": {"Template.render": opt_in("DJANGO_TEMPLATES", traced(render))},
        "django.core.cache": {"import_string": opt_in("DJANGO_CACHES", _caches)},
        "django.db.backends.utils": {
            "CursorWrapper._execute": opt_in("DJANGO_DATABASES", _statement("execute")),
            "CursorWrapper._executemany": opt_in("DJANGO_DATABASES", _statement("executemany")),
        },
    }
