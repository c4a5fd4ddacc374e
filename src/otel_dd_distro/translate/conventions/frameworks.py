"""Web frameworks whose requests differ in little but their resources."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from ..every_span.attributes import Meta, Targets, text_of
from . import http_server
from .operation import Operation, Operations


def _flask(attributes: dict[str, Any], meta: Meta, method: str) -> str:
    route = meta.get("http.route")
    if not route:
        return http_server.by_route(attributes, meta, method)
    meta["flask.url_rule"] = route
    mount = meta.pop("flask.script_root", "")
    if mount:
        meta["flask.resource.full"] = f"{method} {mount}{route}"
    return f"{method} {route}"


FLASK = Operations(http_server.requests("flask", _flask, made=("flask.url_rule", "flask.resource.full")))


def _bottle(attributes: dict[str, Any], meta: Meta, method: str) -> str:
    rule = meta.pop("bottle.rule", "")
    return f"{method} {rule}" if rule else http_server.by_route(attributes, meta, method)


BOTTLE = Operations(http_server.requests("bottle", _bottle, source="m", quoted=True, unanswered="500"))


def _falcon(attributes: dict[str, Any], meta: Meta, method: str) -> str:
    return f"{method} {text_of(attributes, 'falcon.resource') or meta.get('http.status_code', '')}".rstrip()


FALCON = Operations(http_server.requests("falcon", _falcon, source="m", targets={"falcon.resource": ""}))


def _by_path(attributes: dict[str, Any], meta: Meta, method: str) -> str:
    """What an application of its own has in place of routes, unless it tells of some."""
    return f"{method} {meta.get('http.route') or unquote(text_of(attributes, 'url.path'))}"


_ASGI = {"network.protocol.version": "http.version"}
ASGI = Operations(
    http_server.requests("asgi", _by_path, source="asgi", targets=_ASGI, unanswered="500", measured=False)
)
_UNASKED = {"http.request.referrer_host": "", "user_agent.original": ""}
WSGI = Operations(http_server.requests("wsgi", _by_path, targets=_UNASKED, measured=False))
FASTAPI = Operations(http_server.requests("fastapi", http_server.by_route, targets=_ASGI, measured=False))
STARLETTE = Operations(http_server.requests("starlette", http_server.by_route, targets=_ASGI, measured=False))


MOLTEN = Operations(http_server.requests("molten", http_server.by_route, unanswered="500"))


def _pylons(attributes: dict[str, Any], meta: Meta, method: str) -> str:
    controller, action = meta.get("pylons.route.controller", ""), meta.get("pylons.route.action")
    if not controller:
        return http_server.by_route(attributes, meta, method)
    return f"{controller}.{action}" if action else controller


_RENDERED = {"template.engine": "", "template.operation": "", "error.type": ""}
PYLONS = Operations(
    http_server.requests("pylons", _pylons, unanswered="500"),
    {"render": Operation("pylons.render", component="pylons", targets=Targets(_RENDERED))},
    key="template.operation",
)


def _pyramid(attributes: dict[str, Any], meta: Meta, method: str) -> str:
    view = text_of(attributes, "pyramid.view_name")
    context = text_of(attributes, "pyramid.context")
    name = meta.get("pyramid.route.name") or (f"{context}/{view}" if view else context)
    return f"{method} {name}" if name else meta.get("http.status_code", "")


_UNSENT = {"pyramid.context": "", "pyramid.view_name": ""}
PYRAMID = Operations(
    http_server.requests("pyramid", _pyramid, source="m", targets=_UNSENT, quoted=True, unanswered="500"),
    {
        "render": Operation(
            "pyramid.render",
            type="template",
            component="pyramid",
            source="m",
            targets=Targets({**_RENDERED, "template.name": ""}),
        )
    },
    key="template.operation",
)
