"""The line at start-up."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from otel_dd_distro import settings, startup


def in_use(**variables: str) -> dict[str, Any]:
    """As a reader of the line gets it."""
    told: dict[str, Any] = json.loads(json.dumps(startup.in_use(settings.read(variables, argv=["-"]))))
    return told


def test_it_has_ddtraces_fields() -> None:
    told = in_use(DD_SERVICE="shop", DD_ENV="prod", DD_VERSION="7", DD_TAGS="team:tea", DD_AGENT_HOST="agent")
    assert (
        told.items()
        >= {
            "service": "shop",
            "env": "prod",
            "dd_version": "7",
            "agent_url": "http://agent:8126",
            "global_tags": {"team": "tea"},
            "ddtrace_enabled": True,
            "debug": False,
            "partial_flush_enabled": True,
            "partial_flush_min_spans": 300,
            "lang": "python",
        }.items()
    )
    assert told.keys() >= {"date", "os_name", "os_version", "architecture", "vm", "lang_version", "version"}


def test_it_has_every_setting_in_use() -> None:
    shown = in_use(DD_TRACE_HTTP_SERVER_ERROR_STATUSES="500-599,404", DD_TRACE_PROPAGATION_STYLE="b3")["settings"]
    assert set(shown) == set(settings.Settings._fields)
    assert shown["server_error_statuses"] == "404,500-599"
    assert shown["extract_styles"] == ["b3"]


def test_rules_read_as_the_explanations_of_decisions_do() -> None:
    rules = in_use(DD_TRACE_SAMPLING_RULES='[{"service": "shop*", "sample_rate": 0.5}]')["sampling_rules"]
    assert rules == ["rule 1 shop* rate 0.5"]


def test_it_says_which_instrumentors_are_wanted() -> None:
    told = in_use(DD_TRACE_FLASK_ENABLED="false")["integrations"]
    assert (told["flask"], told["requests"]) == (False, True)


@pytest.mark.parametrize(
    "variables",
    [
        {"DD_TAGS": "db_password:hunter2,api-key:hunter2,dsn:postgres://me:hunter2@db/x"},
        {"_DD_TRACE_WRITER_ADDITIONAL_HEADERS": "DD-Api-Key:hunter2,x:hunter2"},
        {"DD_TRACE_AGENT_URL": "http://me:hunter2@agent:8126"},
        {"DD_GIT_REPOSITORY_URL": "https://me:hunter2@git.example/x"},
        {"OTEL_RESOURCE_ATTRIBUTES": "auth.token=hunter2"},
        {"DD_API_KEY": "hunter2"},
    ],
)
def test_secrets_are_not_in_it(variables: dict[str, str]) -> None:
    assert "hunter2" not in json.dumps(in_use(**variables))


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for cached in (settings.current, startup.tell):
        cached.cache_clear()
    yield monkeypatch
    for cached in (settings.current, startup.tell):
        cached.cache_clear()


def test_it_is_one_line_of_json_at_level_info_told_once(
    process: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "otel_dd_distro"):
        startup.tell()
        startup.tell()
    [record] = caplog.records
    assert (record.name, record.levelname) == ("otel_dd_distro", "INFO")
    assert json.loads(record.getMessage().removeprefix(startup.PREFIX))["lang"] == "python"


def test_it_goes_to_stderr_where_logging_is_not_set_up(
    process: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "otel_dd_distro"):  # as where nobody has set it
        startup.tell()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(startup.PREFIX)
    assert err.count("\n") == 1
