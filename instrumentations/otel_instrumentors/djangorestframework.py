"""Django REST framework: a span for what it does around a view; a handled exception is shown where it is a failure."""

from __future__ import annotations

from typing import Any

from opentelemetry.semconv.attributes.code_attributes import CODE_FUNCTION_NAME
from opentelemetry.semconv.attributes.http_attributes import HTTP_RESPONSE_STATUS_CODE

from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hooks.annotate_entry_span import annotate_entry_span
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor


def dispatch(call: Call) -> SpanSpec:
    return SpanSpec("APIView.dispatch", attributes={CODE_FUNCTION_NAME: "rest_framework.views.APIView.dispatch"})


def dispatched(_call: Call, response: Any) -> Outcome | None:
    """`exception` says whether the response was made of one."""
    status = response.status_code
    failed = status >= 500 and getattr(response, "exception", False)
    return Outcome({HTTP_RESPONSE_STATUS_CODE: status}, error=str(status)) if failed else None


def handled(call: Call, response: Any) -> Outcome | None:
    """An exception that the framework made a response of; one that it raises again is Django's to handle."""
    return Outcome(error=call.arg(0, "exc")) if response is not None and response.status_code >= 500 else None


class DjangorestframeworkInstrumentor(Instrumentor):
    hooks = {
        "rest_framework.views": {
            "APIView.dispatch": traced(dispatch, dispatched),
            "APIView.handle_exception": annotate_entry_span(handled, when="left"),
        },
    }
