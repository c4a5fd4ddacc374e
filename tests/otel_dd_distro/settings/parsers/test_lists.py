"""Lists and maps as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.otel_dd_distro.settings.environment import settings


def test_header_tags_are_known_by_the_headers_name_in_lower_case() -> None:
    assert settings(DD_TRACE_HEADER_TAGS="X-Tea:Tea.Kind, x-cup ,X-Pot:").header_tags == {
        "x-tea": "Tea.Kind",
        "x-cup": "",
        "x-pot": "",
    }
    assert settings(DD_TRACE_HEADER_TAGS="X-Tea x-cup:c").header_tags == {"x-tea": "", "x-cup": "c"}
    assert settings(DD_TRACE_CLIENT_IP_HEADER=" X-From ").client_ip_header == "x-from"


@pytest.mark.parametrize(
    ("environ", "extract", "inject"),
    [
        ({"DD_TRACE_PROPAGATION_STYLE": "B3, datadog,b3"}, ("b3", "datadog"), ("b3", "datadog")),
        ({"DD_TRACE_PROPAGATION_STYLE": "b3 single header"}, ("b3",), ("b3",)),
        ({"DD_TRACE_PROPAGATION_STYLE": "none"}, (), ()),
        ({"DD_TRACE_PROPAGATION_STYLE": "none,b3"}, ("b3",), ("b3",)),
        ({"OTEL_PROPAGATORS": "tracecontext,baggage"}, ("tracecontext", "baggage"), ("tracecontext", "baggage")),
        ({"OTEL_PROPAGATORS": "b3", "DD_TRACE_PROPAGATION_STYLE": "b3multi"}, ("b3multi",), ("b3multi",)),
        (
            {"DD_TRACE_PROPAGATION_STYLE": "b3", "DD_TRACE_PROPAGATION_STYLE_EXTRACT": "datadog"},
            ("datadog",),
            ("b3",),
        ),
        ({"OTEL_PROPAGATORS": "b3", "DD_TRACE_PROPAGATION_STYLE_INJECT": "none"}, ("b3",), ()),
    ],
)
def test_the_styles_of_both_directions(environ: dict[str, str], extract: Any, inject: Any) -> None:
    read_settings = settings(**environ)
    assert (read_settings.extract_styles, read_settings.inject_styles) == (extract, inject)
