"""ASGI: a span for each request to any ASGI 3 application, until its body is sent, and each WebSocket handshake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, Tracer, TracerProvider

from .families import asgi
from .kernel.call import Call, SpanSpec
from .kernel.hook import Target
from .kernel.middleware import scope_of

Application = Callable[[Any, Any, Any], Awaitable[Any]]


class OpenTelemetryMiddleware:
    """Makes a span for each request to an ASGI 3 application: `app = OpenTelemetryMiddleware(app)`.

    A request has one span. A traced framework inside makes none of its own and adds its route to this one; inside of a
    traced framework, this middleware makes none. The span of a WebSocket is that of its handshake.

    The arguments are those of the class of this name in `opentelemetry.instrumentation.asgi`:

    - `excluded_urls`: requests whose URL a pattern matches have no span; a text of patterns separated by commas, or a
      list of them.
    - `default_span_details(scope)`: returns the name of the span and a mapping of more attributes.
    - `server_request_hook(span, scope)`: called when the span has begun.
    - `client_request_hook(span, scope, message)`: called for each message that the application receives.
    - `client_response_hook(span, scope, message)`: called for each message that the application sends.
    - `tracer_provider`, `meter_provider`: instead of the global ones. `tracer` goes before `tracer_provider`.
    - `http_capture_headers_server_request`, `http_capture_headers_server_response`: patterns of names of headers that
      become attributes. `http_capture_headers_sanitize_fields`: patterns of those whose value becomes `[REDACTED]`.
    - `meter` and `exclude_spans` are accepted and ignored.

    A hook that raises is logged; the request goes on.
    """

    def __init__(
        self,
        app: Application,
        excluded_urls: str | Iterable[str] | None = None,
        default_span_details: Callable[[asgi.AsgiScope], tuple[str, asgi.Attributes]] | None = None,
        server_request_hook: Callable[[Span, asgi.AsgiScope], object] | None = None,
        client_request_hook: Callable[[Span, asgi.AsgiScope, Any], object] | None = None,
        client_response_hook: Callable[[Span, asgi.AsgiScope, Any], object] | None = None,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        tracer: Tracer | None = None,
        meter: object = None,
        http_capture_headers_server_request: Iterable[str] | None = None,
        http_capture_headers_server_response: Iterable[str] | None = None,
        http_capture_headers_sanitize_fields: Iterable[str] | None = None,
        exclude_spans: object = None,
    ) -> None:
        self.app = app
        asked = {
            # The patterns of an `ExcludeList`, which is what OpenTelemetry's own middleware takes beside a text.
            "excluded_urls": getattr(excluded_urls, "_excluded_urls", excluded_urls),
            "default_span_details": asgi.detailing(default_span_details),
            "server_request_hook": server_request_hook,
            "client_request_hook": client_request_hook,
            "client_response_hook": client_response_hook,
            "tracer_provider": tracer_provider,
            "meter_provider": meter_provider,
            "meter": meter,
            **asgi.capturing(
                http_capture_headers_server_request,
                http_capture_headers_server_response,
                http_capture_headers_sanitize_fields,
            ),
        }
        scope = scope_of(__name__, asgi.MIDDLEWARE_OPTIONS, asked, tracer)
        self._traced = _traced.wrap(_pass_on_of, scope)

    async def __call__(self, scope: asgi.AsgiScope, receive: Any, send: Any) -> Any:
        return await self._traced(self, scope, receive, send)


def request(call: Call) -> SpanSpec:
    return asgi.request(call.args[0])


async def _pass_on(middleware: OpenTelemetryMiddleware, scope: asgi.AsgiScope, receive: Any, send: Any) -> Any:
    return await middleware.app(scope, receive, send)


_pass_on_of = Target(_pass_on, OpenTelemetryMiddleware, is_method=True)
_traced = asgi.application(request)
