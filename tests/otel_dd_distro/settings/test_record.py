"""What the record answers."""

from __future__ import annotations

import pytest

from tests.otel_dd_distro.settings.environment import settings


@pytest.mark.parametrize(
    ("environ", "name", "wanted"),
    [
        ({}, "flask", True),
        ({"DD_TRACE_FLASK_ENABLED": "false"}, "flask", False),
        ({"DD_TRACE_AIOHTTP_CLIENT_ENABLED": "false"}, "aiohttp-client", False),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis , flask"}, "flask", False),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis"}, "flask", True),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}, "flask", False),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*", "DD_TRACE_FLASK_ENABLED": "1"}, "flask", True),
        ({}, "kombu", False),
        ({}, "httplib", False),
        ({"DD_TRACE_KOMBU_ENABLED": "true"}, "kombu", True),
    ],
)
def test_an_instrumentor_is_wanted_unless_it_is_disabled(environ: dict[str, str], name: str, wanted: bool) -> None:
    assert settings(**environ).instruments(name) is wanted


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        settings().service = "x"  # type: ignore[misc]
