"""What instrumentations are asked for."""

from __future__ import annotations

import pytest

from otel_dd_distro import capture
from otel_dd_distro.settings import read


def asked(**environ: str) -> dict[str, str]:
    before = dict(environ)
    capture.ask(read(environ, argv=(), exists=lambda path: False), environ)
    return {name: value for name, value in environ.items() if before.get(name) != value}


def test_unasked_django_shows_its_middleware_and_by_which_name_users_are_logged_in() -> None:
    assert asked() == {
        "OTEL_INSTRUMENTATION_DJANGO_MIDDLEWARE": "true",
        "OTEL_INSTRUMENTATION_DJANGO_USER_NAME": "true",
    }


def test_what_is_switched_off_is_not_asked_for_and_a_variable_of_datadogs_goes_before_its_twin() -> None:
    off = {"DD_DJANGO_INSTRUMENT_MIDDLEWARE": "false", "DD_DJANGO_INCLUDE_USER_NAME": "false"}
    assert asked(**off) == {}
    assert asked(**off, OTEL_INSTRUMENTATION_DJANGO_MIDDLEWARE="true") == {
        "OTEL_INSTRUMENTATION_DJANGO_MIDDLEWARE": "false"
    }
    assert asked(**off, DD_DJANGO_TRACING_MINIMAL="false") == {
        f"OTEL_INSTRUMENTATION_DJANGO_{name}": "true" for name in ("CACHES", "DATABASES", "TEMPLATES")
    }


def test_commands_of_redis_are_cut_where_datadogs_variable_says() -> None:
    assert "OTEL_INSTRUMENTATION_REDIS_COMMAND_LENGTH" not in asked()
    assert asked(DD_REDIS_CMD_MAX_LENGTH="10")["OTEL_INSTRUMENTATION_REDIS_COMMAND_LENGTH"] == "10"
    twins = {"OTEL_INSTRUMENTATION_REDIS_COMMAND_LENGTH": "5", "DD_REDIS_CMD_MAX_LENGTH": "10"}
    assert asked(**twins)["OTEL_INSTRUMENTATION_REDIS_COMMAND_LENGTH"] == "10"


def test_keys_of_memcached_are_asked_for_where_datadogs_variable_says() -> None:
    assert "OTEL_INSTRUMENTATION_MEMCACHED_KEYS" not in asked()
    assert asked(DD_TRACE_MEMCACHED_COMMAND_ENABLED="true")["OTEL_INSTRUMENTATION_MEMCACHED_KEYS"] == "true"


def test_spans_of_fetches_and_connections_are_asked_for_where_datadogs_variables_say() -> None:
    wanted = {
        "DD_PSYCOPG_TRACE_CONNECT": "PSYCOPG_CONNECT",
        "DD_PSYCOPG2_TRACE_CONNECT": "PSYCOPG_CONNECT",
        "DD_MYSQLDB_TRACE_CONNECT": "MYSQLDB_CONNECT",
        "DD_PSYCOPG_TRACE_FETCH_METHODS": "PSYCOPG_FETCHES",
        "DD_MYSQLDB_TRACE_FETCH_METHODS": "MYSQLDB_FETCHES",
        "DD_MYSQL_TRACE_FETCH_METHODS": "MYSQL_CONNECTOR_FETCHES",
        "DD_PYMYSQL_TRACE_FETCH_METHODS": "PYMYSQL_FETCHES",
        "DD_SQLITE_TRACE_FETCH_METHODS": "SQLITE3_FETCHES",
    }
    for variable, switch in wanted.items():
        before, after = asked(), asked(**{variable: "true"})
        assert after == {**before, f"OTEL_INSTRUMENTATION_{switch}": "true"}


KEYS = '{"cups": ["kind"]}'


@pytest.mark.parametrize(
    ("variable", "value", "switch", "told"),
    [
        ("DD_BOTOCORE_ADD_SPAN_POINTERS", "false", "AWS_DIGESTS", "false"),
        ("DD_BOTOCORE_DYNAMODB_TABLE_PRIMARY_KEYS", KEYS, "AWS_TABLE_KEYS", KEYS),
        ("DD_BOTOCORE_INVOKE_WITH_LEGACY_CONTEXT", "true", "AWS_NESTED_CONTEXT", "true"),
        ("DD_BOTOCORE_INSTRUMENT_INTERNALS", "true", "BOTOCORE_PARSING", "true"),
    ],
)
def test_what_calls_of_aws_tell_is_asked_for_where_datadogs_variables_say(
    variable: str, value: str, switch: str, told: str
) -> None:
    assert asked(**{variable: value}) == {**asked(), f"OTEL_INSTRUMENTATION_{switch}": told}
