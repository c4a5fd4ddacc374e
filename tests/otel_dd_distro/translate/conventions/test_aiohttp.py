"""aiohttp by Datadog's names: what the parity scenario, with nothing set, does not show."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours

SERVED = {
    "http.request.method": "GET",
    "url.scheme": "http",
    "url.path": "/tea/gr%C3%BCn",
    "server.address": "tea",
    "http.response.status_code": 200,
}
SENT = {"http.request.method": "GET", "url.full": "http://tea:81/green", "server.address": "tea", "server.port": 81}


def translated(*spans: Any, **variables: str) -> list[dict[str, Any]]:
    return Translator(settings.read(variables, argv=["-"])).chunk(chunk(*spans), native_events=True)


def served(attributes: dict[str, Any] | None = None, **more: Any) -> Any:
    return ours("aiohttp", {**SERVED, **(attributes or {})}, kind=SpanKind.SERVER, **more)


def sent(attributes: dict[str, Any] | None = None, **more: Any) -> Any:
    return ours("aiohttp", {**SENT, **(attributes or {})}, kind=SpanKind.CLIENT, **more)


def test_one_plugin_is_a_server_and_a_client() -> None:
    server, client = translated(served({"http.route": "/tea/{kind}"}, id=1), sent(id=2, parent=1), DD_SERVICE="shop")
    assert [server["name"], server["type"], server["resource"]] == ["aiohttp.request", "web", "GET /tea/{kind}"]
    assert [client["name"], client["type"], client["resource"]] == ["aiohttp.request", "http", "aiohttp.request"]
    assert [server["meta"]["component"], client["meta"]["component"]] == ["aiohttp", "aiohttp_client"]
    assert [server["service"], client["service"]] == ["shop", "shop"]
    assert [server["meta"]["_dd.svc_src"], client["meta"]["_dd.svc_src"]] == ["m", "aiohttp_client"]
    assert [server["metrics"].get("_dd.measured"), client.get("metrics", {}).get("_dd.measured")] == [1, None]
    assert server["meta"]["http.url"] == "http://tea/tea/gr%C3%BCn"
    assert client["meta"]["http.url"] == "http://tea:81/green"


@pytest.mark.parametrize(
    ("attributes", "resource"),
    [
        ({}, "200"),
        ({"http.response.status_code": 404}, "404"),
        ({"http.response.status_code": None}, "aiohttp.request"),
        ({"http.request.method": "_OTHER", "http.request.method_original": "BREW", "http.route": "/"}, "BREW /"),
    ],
)
def test_what_no_route_takes_is_called_by_its_status(attributes: dict[str, Any], resource: str) -> None:
    wanted = {key: value for key, value in {**SERVED, **attributes}.items() if value is not None}
    [entry] = translated(ours("aiohttp", wanted, kind=SpanKind.SERVER))
    assert entry["resource"] == resource


@pytest.mark.parametrize(
    ("variables", "server", "client"),
    [
        ({}, ("aiohttp-web", "m"), ("aiohttp-web", "aiohttp_client")),
        ({"DD_AIOHTTP_SERVICE": "front"}, ("front", "m"), ("front", "aiohttp_client")),
        ({"DD_AIOHTTP_CLIENT_SERVICE": "calls"}, ("aiohttp-web", "m"), ("calls", "m")),
        ({"DD_AIOHTTP_CLIENT_SPLIT_BY_DOMAIN": "1"}, ("aiohttp-web", "m"), ("tea", "opt.split_by_domain")),
        ({"DD_SERVICE": "shop"}, ("shop", "m"), ("shop", "aiohttp_client")),
        (
            {"DD_SERVICE": "shop", "DD_SERVICE_MAPPING": "shop:store"},
            ("store", "opt.service_mapping"),
            ("store", "aiohttp_client"),
        ),
    ],
)
def test_services_are_named_as_the_variables_of_either_say(
    variables: dict[str, str], server: tuple[str, str], client: tuple[str, str]
) -> None:
    spans = translated(served(id=1), sent(id=2, parent=1), **variables)
    assert [(span["service"], span["meta"].get("_dd.svc_src")) for span in spans] == [server, client]
