"""Django REST framework, alone and with Django's own spans."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_instrumentors.django import DjangoInstrumentor
from otel_instrumentors.djangorestframework import DjangorestframeworkInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented, names

MODULE = "tests.otel_instrumentors.rest_site"

if __name__ == "exam":
    # The framework cannot be imported before Django has its settings.
    import tests.otel_instrumentors.django_site  # noqa: F401


class TestDjangorestframeworkContract(Contract):
    instrumentor = DjangorestframeworkInstrumentor

    @staticmethod
    def use() -> Any:
        from tests.otel_instrumentors.rest_site import RequestFactory, Teas, failing

        response = Teas.as_view()(RequestFactory().get("/"), cups=2)
        failing(RequestFactory().get("/"))
        return response.status_code, response.data


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with (
        instrumented(DjangoInstrumentor, recorder.provider),
        instrumented(DjangorestframeworkInstrumentor, recorder.provider),
    ):
        yield recorder


def asked(url: str, method: str = "GET", data: Any = None) -> int:
    from django.test import override_settings

    import tests.otel_instrumentors.rest_site  # noqa: F401
    from tests.otel_instrumentors.django_site import ask

    with override_settings(ROOT_URLCONF=MODULE):
        how = {} if data is None else {"data": json.dumps(data), "content_type": "application/json"}
        return ask(url, method=method, **how).status


def test_with_django_a_request_is_three_spans(recorder: Recorder) -> None:
    assert asked("/teas/2/") == 200

    dispatch, view, request = recorder.take()
    assert (request.name, request.kind) == ("GET teas/<int:cups>/", SpanKind.SERVER)
    assert view.name == f"view {MODULE}.Teas"
    assert (dispatch.name, dict(dispatch.attributes)) == (
        "APIView.dispatch",
        {"code.function.name": "rest_framework.views.APIView.dispatch"},
    )
    assert dispatch.parent.span_id == view.context.span_id
    assert view.parent.span_id == request.context.span_id


@pytest.mark.parametrize(
    ("url", "method", "data", "status", "error"),
    [
        ("/teas/2/", "POST", {"name": "green"}, 201, None),
        ("/teas/2/", "POST", {"name": "a very long name"}, 400, None),
        ("/teas/2/", "PATCH", {}, 405, None),
        ("/missing/", "GET", None, 404, None),
        ("/sold-out/", "GET", None, 503, f"{MODULE}.SoldOut"),
        ("/boom/", "GET", None, 500, "ValueError"),
        ("/answered/", "GET", None, 500, "500"),
    ],
)
def test_only_a_5xx_is_an_error_and_its_exception_is_on_the_request(
    recorder: Recorder, url: str, method: str, data: Any, status: int, error: str | None
) -> None:
    assert asked(url, method, data) == status

    dispatch, _view, request = recorder.take()
    assert request.attributes.get("error.type") == error
    assert request.status.is_unset is (error is None)
    assert dispatch.status.is_unset is (error is None or url == "/answered/")


def test_views_of_other_kinds_are_traced(recorder: Recorder) -> None:
    assert asked("/front/") == 200
    assert names(recorder.take()) == ["APIView.dispatch", "GET front/", f"view {MODULE}.front"]
    assert asked("/shelves/7/") == 200
    served = [span for span in recorder.take() if span.kind is SpanKind.SERVER]
    assert [span.attributes["code.function.name"] for span in served] == [f"{MODULE}.Shelf"]


def test_a_view_made_before_instrumenting_is_traced() -> None:
    from tests.otel_instrumentors.rest_site import RequestFactory, Teas

    view = Teas.as_view()
    recorder = Recorder()
    with instrumented(DjangorestframeworkInstrumentor, recorder.provider):
        view(RequestFactory().get("/"), cups=2)
    assert names(recorder.take()) == ["APIView.dispatch"]
