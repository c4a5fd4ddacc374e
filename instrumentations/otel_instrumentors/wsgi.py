"""WSGI: a span for each request to any WSGI application, until its body is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, TracerProvider

from .families import wsgi
from .kernel.call import Call, SpanSpec
from .kernel.hook import Target
from .kernel.middleware import scope_of

Application = Callable[[Any, Any], Iterable[bytes]]


class OpenTelemetryMiddleware:
    """Makes a span for each request to a WSGI application: `app = OpenTelemetryMiddleware(app)`.

    A request has one span. A traced framework inside makes none of its own and adds its route to this one; inside of a
    traced framework, this middleware makes none. The span ends when the body is sent.

    The arguments are those of the class of this name in `opentelemetry.instrumentation.wsgi`, and `excluded_urls`:

    - `request_hook(span, environ)`: called when the span has begun.
    - `response_hook(span, environ, status, headers)`: called when the application starts its response; `status` is text
      such as `200 OK`, `headers` a list of pairs.
    - `tracer_provider`, `meter_provider`: instead of the global ones.
    - `excluded_urls`: requests whose URL a pattern matches have no span; a text of patterns separated by commas, or a
      list of them.

    A hook that raises is logged; the request goes on.
    """

    def __init__(
        self,
        wsgi: Application,
        request_hook: Callable[[Span, dict[str, Any]], object] | None = None,
        response_hook: Callable[[Span, dict[str, Any], str, list[tuple[str, str]]], object] | None = None,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        excluded_urls: str | Iterable[str] | None = None,
    ) -> None:
        self.wsgi = wsgi
        asked = {
            "request_hook": request_hook,
            "response_hook": response_hook,
            "tracer_provider": tracer_provider,
            "meter_provider": meter_provider,
            "excluded_urls": excluded_urls,
        }
        self._traced = _traced.wrap(_pass_on_of, scope_of(__name__, _OPTIONS, asked))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._traced(self, environ, start_response)


def request(call: Call) -> SpanSpec:
    return wsgi.request(call.args[0])


def _pass_on(middleware: OpenTelemetryMiddleware, environ: dict[str, Any], start_response: Any) -> Any:
    return middleware.wsgi(environ, start_response)


_OPTIONS = wsgi.MIDDLEWARE_OPTIONS
_pass_on_of = Target(_pass_on, OpenTelemetryMiddleware, is_method=True)
_traced = wsgi.middleware(request)
