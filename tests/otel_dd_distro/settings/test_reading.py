"""Any environment can be read."""

from __future__ import annotations

import random

import pytest

from otel_dd_distro.settings import PER_INSTRUMENTOR, VARIABLES, Settings, read
from tests.otel_dd_distro.settings.environment import settings, warnings

NAMES = sorted({name for variable in VARIABLES for name in variable.names}) + [
    f"{family.prefix}{middle}{family.suffix}" for family in PER_INSTRUMENTOR for middle in ("FLASK", "", "X_Y")
]
VALUES = [
    "",
    " ",
    "true",
    "0",
    "-1",
    "1e400",
    "nan",
    "\x00",
    "\n",
    "\udcff",
    "\U0001f600",
    "://",
    "http://[",
    "http://]:1",
]
VALUES += ["@", ",", ":", "=", "%", "a=%zz", "9" * 10_000, "a:b,c:d", "none", "datadog,none", "unix://", "[]", "1-2-3"]


def test_no_environment_raises_and_every_warning_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(7)
    for _ in range(2000):
        environ = {name: chance.choice(VALUES) for name in chance.sample(NAMES, 12)}
        caplog.clear()
        assert isinstance(read(environ, argv=(), exists=lambda path: False), Settings)
        named = [warning.partition("=")[0] for warning in warnings(caplog)]
        assert len(named) == len(set(named))
        assert all(warning.isprintable() for warning in warnings(caplog))


def test_bytes_that_are_no_text_do_not_reach_the_settings() -> None:
    assert settings(DD_SERVICE="caf\udce9", DD_TAGS="a:\udcff").service == "caf?"


def test_variables_of_one_instrumentor_are_kept_by_its_name() -> None:
    environ = {
        "DD_TRACE_FLASK_ENABLED": "false",
        "DD_TRACE_AIOHTTP_CLIENT_ENABLED": "true",
        "DD_FLASK_SERVICE": "front",
        "DD_REQUESTS_DISTRIBUTED_TRACING": "0",
        "DD_REQUESTS_SPLIT_BY_DOMAIN": "1",
        "DD_TRACE_ENABLED": "true",
        "DD_TRACE_PARTIAL_FLUSH_ENABLED": "false",
        "DD_SERVICE": "shop",
        "DD_TRACE_JINJA2_ENABLED": "",
    }
    read_settings = settings(**environ)
    assert read_settings.instrumentor_enabled == {"flask": False, "aiohttp_client": True}
    assert read_settings.instrumentor_service == {"flask": "front"}
    assert read_settings.instrumentor_distributed_tracing == {"requests": False}
    assert read_settings.instrumentor_split_by_domain == {"requests": True}


@pytest.mark.parametrize(
    ("environ", "service"),
    [
        ({"DD_FLASK_SERVICE_NAME": "old"}, "old"),
        ({"DD_FLASK_SERVICE_NAME": "old", "DD_FLASK_SERVICE": "new"}, "new"),
        ({"DD_FLASK_SERVICE": " ", "DD_FLASK_SERVICE_NAME": "old"}, "old"),
    ],
)
def test_another_name_of_a_variable_counts_where_its_own_is_not_set(environ: dict[str, str], service: str) -> None:
    assert settings(**environ).instrumentor_service == {"flask": service}


def test_rq_has_a_name_of_its_own_for_propagation() -> None:
    assert settings(DD_RQ_DISTRIBUTED_TRACING_ENABLED="false").instrumentor_distributed_tracing == {"rq": False}
