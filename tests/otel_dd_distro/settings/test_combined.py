"""What several variables decide together."""

from __future__ import annotations

import pytest

from otel_dd_distro.settings import read
from otel_dd_distro.settings.variables import AGENT_SOCKET
from tests.otel_dd_distro.settings.environment import settings


@pytest.mark.parametrize(
    ("environ", "service", "explicit"),
    [
        ({"DD_SERVICE": "a", "OTEL_SERVICE_NAME": "b"}, "a", True),
        ({"OTEL_SERVICE_NAME": "b", "DD_TAGS": "service:c"}, "b", True),
        ({"DD_TAGS": "service:c", "OTEL_RESOURCE_ATTRIBUTES": "service.name=d"}, "c", True),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=d"}, "d", True),
        ({"DD_SERVICE": "", "OTEL_SERVICE_NAME": "b"}, "b", True),
        ({}, "unnamed-python-service", False),
    ],
)
def test_the_service_is_the_first_that_is_named(environ: dict[str, str], service: str, explicit: bool) -> None:
    read_settings = settings(**environ)
    assert (read_settings.service, read_settings.service_is_explicit) == (service, explicit)


@pytest.mark.parametrize(
    ("environ", "env", "version", "tags"),
    [
        ({"DD_TAGS": "env:e,version:v,service:s,a:b"}, "e", "v", {"a": "b"}),
        ({"DD_TAGS": "env:e version:v a:b c"}, "e", "v", {"a": "b", "c": ""}),
        ({"DD_TAGS": "env:e,a:b", "DD_ENV": "f", "DD_VERSION": "w"}, "f", "w", {"a": "b"}),
        ({"DD_TAGS": "a:b c,d:e:f, :g,a:z"}, "", "", {"a": "z", "d": "e:f"}),
        ({"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=e,service.version=v,a=b"}, "e", "v", {"a": "b"}),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=e,deployment.environment.name=n,a=%20x"},
            "n",
            "",
            {"a": " x"},
        ),
        ({"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=e,a=b", "DD_TAGS": "c:d"}, "e", "", {"c": "d"}),
    ],
)
def test_tags_hold_what_is_neither_service_nor_env_nor_version(
    environ: dict[str, str], env: str, version: str, tags: dict[str, str]
) -> None:
    read_settings = settings(**environ)
    assert (read_settings.env, read_settings.version, read_settings.tags) == (env, version, tags)


@pytest.mark.parametrize(
    ("environ", "enabled", "exporters"),
    [
        ({"DD_TRACE_ENABLED": "false"}, False, ("datadog",)),
        ({"OTEL_SDK_DISABLED": "true"}, False, ("datadog",)),
        ({"OTEL_SDK_DISABLED": "true", "DD_TRACE_ENABLED": "true"}, False, ("datadog",)),
        ({"OTEL_SDK_DISABLED": "true", "DD_TRACE_OTEL_ENABLED": "true"}, True, ("datadog",)),
        ({"OTEL_SDK_DISABLED": "false", "DD_TRACE_OTEL_ENABLED": "false"}, False, ("datadog",)),
        ({"DD_TRACE_OTEL_ENABLED": "true", "DD_TRACE_ENABLED": "false"}, False, ("datadog",)),
        ({"OTEL_TRACES_EXPORTER": "none"}, False, ()),
        ({"OTEL_TRACES_EXPORTER": "none", "DD_TRACE_ENABLED": "true"}, True, ("datadog",)),
        ({"OTEL_TRACES_EXPORTER": "OTLP"}, True, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "datadog, otlp,datadog"}, True, ("datadog", "otlp")),
        ({"OTEL_TRACES_EXPORTER": "console,none,MyOwn"}, True, ("console", "MyOwn")),
        ({"OTEL_TRACES_EXPORTER": "otlp", "DD_TRACE_ENABLED": "false"}, False, ("otlp",)),
    ],
)
def test_what_is_exported_where(environ: dict[str, str], enabled: bool, exporters: tuple[str, ...]) -> None:
    read_settings = settings(**environ)
    assert (read_settings.enabled, read_settings.exporters) == (enabled, exporters)


@pytest.mark.parametrize(
    ("environ", "url", "sha"),
    [
        ({}, "", ""),
        (
            {"DD_GIT_REPOSITORY_URL": "https://git.example/a/b", "DD_GIT_COMMIT_SHA": "c0"},
            "https://git.example/a/b",
            "c0",
        ),
        ({"DD_GIT_REPOSITORY_URL": "https://me:pw@git.example/a@b"}, "https://git.example/a@b", ""),
        ({"DD_GIT_REPOSITORY_URL": "https://token@git.example"}, "https://git.example", ""),
        ({"DD_GIT_REPOSITORY_URL": "ssh://git@git.example:22/a"}, "ssh://git.example:22/a", ""),
        ({"DD_GIT_REPOSITORY_URL": "git@git.example:a/b.git"}, "git@git.example:a/b.git", ""),
        ({"DD_GIT_REPOSITORY_URL": "me:pw@git.example/a"}, "git.example/a", ""),
        ({"DD_GIT_REPOSITORY_URL": "/srv/a@b"}, "/srv/a@b", ""),
        (
            {"DD_TAGS": "git.repository_url:https://me:pw@git.example/a,git.commit.sha:c1"},
            "https://git.example/a",
            "c1",
        ),
        ({"DD_TAGS": "git.commit.sha:c1", "DD_GIT_COMMIT_SHA": "c0"}, "", "c0"),
        ({"DD_GIT_COMMIT_SHA": "c0", "DD_TRACE_GIT_METADATA_ENABLED": "false"}, "", ""),
    ],
)
def test_the_source_that_runs_is_told_without_credentials(environ: dict[str, str], url: str, sha: str) -> None:
    read_settings = settings(**environ)
    assert (read_settings.git_repository_url, read_settings.git_commit_sha) == (url, sha)
    assert read_settings.tags == {}


@pytest.mark.parametrize(
    ("environ", "socket", "url"),
    [
        ({}, False, "http://localhost:8126"),
        ({}, True, f"unix://{AGENT_SOCKET}"),
        ({"DD_AGENT_HOST": "agent"}, True, "http://agent:8126"),
        ({"DD_TRACE_AGENT_HOSTNAME": "agent"}, False, "http://agent:8126"),
        ({"DD_TRACE_AGENT_PORT": "9"}, True, "http://localhost:9"),
        ({"DD_AGENT_HOST": "10.0.0.1", "DD_TRACE_AGENT_PORT": "9"}, False, "http://10.0.0.1:9"),
        ({"DD_AGENT_HOST": "::1"}, False, "http://[::1]:8126"),
        ({"DD_AGENT_HOST": "[fe80::1%eth0]"}, False, "http://[fe80::1%eth0]:8126"),
        ({"DD_TRACE_AGENT_URL": "http://a:1", "DD_AGENT_HOST": "b"}, True, "http://a:1"),
        ({"DD_TRACE_AGENT_URL": "HTTPS://A.example/dd/agent/"}, False, "https://A.example/dd/agent"),
        ({"DD_TRACE_AGENT_URL": "http://[::1]:8126/"}, False, "http://[::1]:8126"),
        ({"DD_TRACE_AGENT_URL": "unix:///run/apm.socket"}, False, "unix:///run/apm.socket"),
        ({"DD_TRACE_AGENT_URL": "unix:/run/apm.socket"}, False, "unix:///run/apm.socket"),
        ({"DD_TRACE_AGENT_URL": "UNIX:/run/apm.socket"}, False, "unix:///run/apm.socket"),
        ({"DD_TRACE_AGENT_URL": "/run/apm.socket"}, False, "unix:///run/apm.socket"),
        ({"DD_TRACE_AGENT_URL": "agent:8126"}, False, "http://agent:8126"),
        ({"DD_TRACE_AGENT_URL": "[::1]:8126/apm"}, False, "http://[::1]:8126/apm"),
        ({"DD_TRACE_AGENT_URL": "http://u:p@a:1/x"}, False, "http://a:1/x"),
        ({"DD_TRACE_AGENT_URL": "nonsense", "DD_AGENT_HOST": "b"}, True, "http://b:8126"),
    ],
)
def test_the_agent_is_found_in_this_order(environ: dict[str, str], socket: bool, url: str) -> None:
    asked = []

    def exists(path: str) -> bool:
        asked.append(path)
        return socket

    assert read(environ, argv=(), exists=exists).agent_url == url
    assert set(asked) <= {AGENT_SOCKET}


def test_schema_v1_names_peers() -> None:
    assert settings(DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="V1").peer_service_defaults
    assert not settings(DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v0").peer_service_defaults


@pytest.mark.parametrize(
    ("environ", "on"),
    [
        ({"DD_DJANGO_TRACING_MINIMAL": "false"}, {"templates", "caches", "databases"}),
        ({"DD_DJANGO_TRACING_MINIMAL": "0", "DD_DJANGO_INSTRUMENT_CACHES": "0"}, {"templates", "databases"}),
        ({"DD_DJANGO_INSTRUMENT_TEMPLATES": "1"}, {"templates"}),
        ({"OTEL_INSTRUMENTATION_DJANGO_DATABASES": "true"}, {"databases"}),
        ({"DD_DJANGO_INSTRUMENT_DATABASES": "0", "OTEL_INSTRUMENTATION_DJANGO_DATABASES": "1"}, set()),
    ],
)
def test_django_is_traced_minimally_unless_told_otherwise(environ: dict[str, str], on: set[str]) -> None:
    read = settings(**environ)
    assert {name for name in ("templates", "caches", "databases") if getattr(read, f"django_{name}")} == on
