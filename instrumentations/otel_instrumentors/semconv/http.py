"""HTTP servers and clients.

Source: OpenTelemetry semantic conventions for HTTP spans, stable since 1.23.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from functools import lru_cache, wraps
from typing import TypeVar
from urllib.parse import urlsplit

from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY
from opentelemetry.semconv.attributes.client_attributes import CLIENT_ADDRESS
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_METHOD,
    HTTP_REQUEST_METHOD_ORIGINAL,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE,
)
from opentelemetry.semconv.attributes.network_attributes import NETWORK_PROTOCOL_VERSION
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.semconv.attributes.url_attributes import URL_FULL, URL_PATH, URL_QUERY, URL_SCHEME
from opentelemetry.semconv.attributes.user_agent_attributes import USER_AGENT_ORIGINAL
from opentelemetry.semconv.metrics.http_metrics import HTTP_CLIENT_REQUEST_DURATION, HTTP_SERVER_REQUEST_DURATION
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from ..kernel import numbers
from ..kernel.call import Outcome, SpanSpec
from ..kernel.options import Active, Convention, Duration, Size, UserHook, Values, when_started
from .headers import captured, text

SUPPRESSED = _SUPPRESS_HTTP_INSTRUMENTATION_KEY
"""The context key under which an HTTP client that is traced by a layer above stays silent."""

HTTP_RESPONSE_REASON_PHRASE = "http.response.reason_phrase"
"""The reason in a client's status line. The conventions have no key for it."""

HTTP_REQUEST_REFERRER_HOST = "http.request.referrer_host"
"""The host that a request came from, by its Referer header. The conventions have no key for it."""

ASGI_VERSION = "asgi.version"
ASGI_SPEC_VERSION = "asgi.spec_version"
"""The versions of the protocol between an ASGI server and its application. The conventions have no keys for them."""

USER_AGENT_SYNTHETIC_TYPE = "user_agent.synthetic.type"
"""Whether a request is one of a bot or a test (in development)."""

METHODS = frozenset(("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT"))
DEFAULT_PORTS = {"http": 80, "https": 443}
_TESTS, _BOTS = ("alwayson",), ("googlebot", "bingbot")
_SENSITIVE_PARAMETERS = ("AWSAccessKeyId=", "Signature=", "sig=", "X-Goog-Signature=")

_MOST_KEPT, _LONGEST_KEPT = 256, 300
"""How many hosts and user agents are remembered, and of what length: no name has more than 253 characters."""
_LONGEST = 2**63 - 1
"""What sizes of bodies are believed up to."""
_BOUNDARIES = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_COUNTED = (ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, NETWORK_PROTOCOL_VERSION)

_Answer = TypeVar("_Answer")


def _remembered(function: Callable[[str], _Answer]) -> Callable[[str], _Answer]:
    """What `function` says of a text, worked out once; a very long text is forgotten."""
    kept = lru_cache(maxsize=_MOST_KEPT)(function)

    @wraps(function)
    def answer(said: str) -> _Answer:
        return kept(said) if len(said) <= _LONGEST_KEPT else function(said)

    return answer


def path_of(attributes: Mapping[str, AttributeValue]) -> str:
    """The path that a served request is for."""
    return str(attributes.get(URL_PATH, ""))


def address_of(attributes: Mapping[str, AttributeValue]) -> str:
    """The URL that a served request is for, without a query."""
    host, port = str(attributes.get(SERVER_ADDRESS, "")), attributes.get(SERVER_PORT)
    return f"{attributes.get(URL_SCHEME)}://{host}{'' if port is None else f':{port}'}{path_of(attributes)}"


def url_of(attributes: Mapping[str, AttributeValue]) -> str:
    """The URL that a served request is for."""
    query = attributes.get(URL_QUERY)
    return f"{address_of(attributes)}?{query}" if query else address_of(attributes)


def target_of(attributes: Mapping[str, AttributeValue]) -> str:
    """Path and query that a served request is for."""
    query = attributes.get(URL_QUERY)
    return f"{path_of(attributes)}?{query}" if query else path_of(attributes)


def _url_sent_to(attributes: Mapping[str, AttributeValue]) -> str:
    return str(attributes.get(URL_FULL, ""))


HTTP_SERVER_ACTIVE_REQUESTS = "http.server.active_requests"
"""How many requests are being served (in development)."""


def sizes(kind: SpanKind, request: Values, response: UserHook) -> tuple[Size, Size]:
    """The histograms of bodies (in development): one is known when the call has begun, the other at `response`."""
    side = kind.name.lower()
    began = when_started(request, kind)
    return (
        Size(f"http.{side}.request.body.size", f"Size of HTTP {side} request bodies.", kind, began),
        Size(f"http.{side}.response.body.size", f"Size of HTTP {side} response bodies.", kind, response),
    )


def length(text: object) -> int | None:
    """What a Content-Length header says, of text or bytes."""
    return numbers.natural(text.decode("latin-1") if isinstance(text, bytes) else str(text), _LONGEST)


SERVER = Convention(
    url_of,
    Duration(
        HTTP_SERVER_REQUEST_DURATION,
        "Duration of HTTP server requests.",
        frozenset((*_COUNTED, HTTP_ROUTE, URL_SCHEME)),
        _BOUNDARIES,
    ),
    active=Active(
        HTTP_SERVER_ACTIVE_REQUESTS,
        "{request}",
        "Number of active HTTP server requests.",
        frozenset((HTTP_REQUEST_METHOD, URL_SCHEME)),
    ),
)
"""What can be asked of requests that are served. Frameworks differ in what `excluded_urls` is looked for in."""

CLIENT = Convention(
    _url_sent_to,
    Duration(
        HTTP_CLIENT_REQUEST_DURATION,
        "Duration of HTTP client requests.",
        frozenset((*_COUNTED, SERVER_ADDRESS, SERVER_PORT)),
        _BOUNDARIES,
    ),
)
"""What can be asked of requests that are sent."""


def server_request(
    method: str,
    *,
    scheme: str,
    path: str,
    query: str = "",
    address: str | None = None,
    port: int | None = None,
    client: str | None = None,
    user_agent: str | bytes | None = None,
    referrer: str | None = None,
    protocol_version: str | None = None,
    attributes: dict[str, AttributeValue] | None = None,
) -> SpanSpec:
    """The span of a request that is served; its route is usually known later (`routed`).

    `port` is left out where it is the scheme's own. `query` comes without the question mark. `attributes` is what the
    framework adds, completed in place.
    """
    attributes = {} if attributes is None else attributes
    name = _named(method, attributes)
    attributes[URL_SCHEME] = scheme
    attributes[URL_PATH] = path
    if query:
        attributes[URL_QUERY] = redacted_query(query)
    if address:
        attributes[SERVER_ADDRESS] = address
        if port is not None and port != DEFAULT_PORTS.get(scheme):
            attributes[SERVER_PORT] = port
    if client:
        attributes[CLIENT_ADDRESS] = client
    if user_agent:
        _tell_agent(user_agent, attributes)
    if referrer:
        host = referrer_host(referrer)
        if host:
            attributes[HTTP_REQUEST_REFERRER_HOST] = host
    if protocol_version:
        attributes[NETWORK_PROTOCOL_VERSION] = protocol_version
    return SpanSpec(name, SpanKind.SERVER, attributes)


def _tell_agent(user_agent: str | bytes, attributes: dict[str, AttributeValue]) -> None:
    """Applications may give a header as bytes."""
    agent = attributes[USER_AGENT_ORIGINAL] = user_agent if isinstance(user_agent, str) else text(user_agent)
    synthetic = _synthetic(agent)
    if synthetic:
        attributes[USER_AGENT_SYNTHETIC_TYPE] = synthetic


@_remembered
def _synthetic(user_agent: str) -> str | None:
    """What the conventions call a user agent that is no person's: the agents that OpenTelemetry's own know."""
    lower = user_agent.lower()
    if any(name in lower for name in _TESTS):
        return "test"
    return "bot" if any(name in lower for name in _BOTS) else None


@_remembered
def host_and_port(host: str) -> tuple[str, int | None]:
    """The parts of a Host header, which has no userinfo; where somebody sends one, it is nothing to show."""
    host = host.rpartition("@")[2]
    name, colon, port = host.rpartition(":")
    if colon and port.isdecimal() and not name.endswith(":"):
        return name, numbers.port(port)
    return host, None


def referrer_host(url: str) -> str:
    """The host of a Referer header, lower case, without port and credentials; "" where there is none."""
    authority = url.partition("://")[2]
    for end in "/?#":
        authority = authority.partition(end)[0]
    host = authority.rpartition("@")[2].lower()
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def routed(method: str, route: str, attributes: dict[str, AttributeValue] | None = None) -> Outcome:
    """A served request of which the route template is known now; `attributes` is completed in place."""
    known = {} if attributes is None else attributes
    known[HTTP_ROUTE] = route
    return Outcome(known, name=named(method, route))


def named(method: str, target: str) -> str:
    """The span's name of a request for `target`, which has to be of low cardinality."""
    return f"{method if method in METHODS else 'HTTP'} {target}"


def server_response(status: int, headers: dict[str, AttributeValue] | None = None) -> Outcome:
    """The answer of a server, with those of its headers that are captured. Only 5xx is its failure."""
    attributes: dict[str, AttributeValue] = {HTTP_RESPONSE_STATUS_CODE: status}
    if headers:
        attributes.update(headers)
    return Outcome(attributes, error=str(status) if status >= 500 else None)


def client_request(
    method: str,
    url: str,
    carrier: MutableMapping[str, str] | None = None,
    user_agent: str | bytes | None = None,
    headers: Iterable[tuple[str, str]] | None = None,
) -> SpanSpec:
    """The span of a request that is sent to `url`; its context is injected into the headers `carrier`.

    Those of the headers that are captured are on the span; `headers` says which there are where the carrier does not.
    """
    attributes: dict[str, AttributeValue] = {}
    name = _named(method, attributes)
    attributes[URL_FULL] = redacted_url(url)
    host, port = _server(url)
    if host:
        attributes[SERVER_ADDRESS] = host
        if port is not None:
            attributes[SERVER_PORT] = port
    if user_agent:
        _tell_agent(user_agent, attributes)
    wanted = captured().client_request
    if wanted is not None and headers is None and carrier is not None:
        headers = carrier.items()
    if wanted is not None and headers is not None:
        attributes.update(wanted.of(headers))
    return SpanSpec(name, SpanKind.CLIENT, attributes, carrier)


def _server(url: str) -> tuple[str | None, int | None]:
    """Host and port of a URL. One that cannot be taken apart has none: the library is about to refuse it."""
    scheme, found, rest = url.partition("://")
    origin = f"{scheme}://{rest.partition('/')[0]}" if found else url
    return _server_of(origin)


@_remembered
def _server_of(origin: str) -> tuple[str | None, int | None]:
    try:
        parts = urlsplit(origin)
        return parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None, None


def client_response(status: int, reason: str | None = None, headers: Mapping[str, str] | None = None) -> Outcome:
    """The answer that a client received, with those of its headers that are captured. 4xx is a failure, too."""
    attributes: dict[str, AttributeValue] = {HTTP_RESPONSE_STATUS_CODE: status}
    if reason:
        attributes[HTTP_RESPONSE_REASON_PHRASE] = reason
    wanted = captured().client_response
    if wanted is not None and headers is not None:
        attributes.update(wanted.of(headers.items()))
    return Outcome(attributes, error=str(status) if status >= 400 else None)


def _named(method: str, attributes: dict[str, AttributeValue]) -> str:
    """The span's name while no route is known; the method's attributes are set."""
    known = method if method in METHODS else method.upper()
    if known != method or known not in METHODS:
        attributes[HTTP_REQUEST_METHOD_ORIGINAL] = method
    attributes[HTTP_REQUEST_METHOD] = known if known in METHODS else "_OTHER"
    return known if known in METHODS else "HTTP"


def redacted_url(url: str) -> str:
    """The URL without credentials: user and password, and the signature parameters that the conventions list."""
    scheme, found, rest = url.partition("://")
    if found:
        authority, slash, path = rest.partition("/")
        userinfo, at, host = authority.rpartition("@")
        if at:
            url = f"{scheme}://{'REDACTED:REDACTED' if ':' in userinfo else 'REDACTED'}@{host}{slash}{path}"
    head, mark, query = url.partition("?")
    return f"{head}?{redacted_query(query)}" if mark else url


def redacted_query(query: str) -> str:
    """The query with the values of the signature parameters that the conventions list replaced by `REDACTED`."""
    for parameter in _SENSITIVE_PARAMETERS:
        if parameter in query:
            return "&".join(
                f"{pair.partition('=')[0]}=REDACTED" if pair.startswith(_SENSITIVE_PARAMETERS) else pair
                for pair in query.split("&")
            )
    return query
