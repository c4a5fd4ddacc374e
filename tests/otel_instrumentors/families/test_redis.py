"""Redis's commands as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from otel_instrumentors.families import redis


class Odd(str):
    def __str__(self) -> str:
        raise AssertionError("never asked")


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    redis._wanted_length.cache_clear()
    yield
    redis._wanted_length.cache_clear()


def text(*words: Any) -> str:
    return redis.as_text(words, redis.name_of(words))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ((), ""),
        (("",), ""),
        (("GET", "tea"), "GET tea"),
        (("GET", b"t\xc3\xa9\xff"), "GET té\\xff"),
        (("SET", None, True, 1, 1.5), "SET None True 1 1.5"),
        (("SET", object(), Odd("odd"), bytearray(b"b"), memoryview(b"b"), ["b"]), "SET ? odd ? ? ?"),
        (("SET", "a" * 100, "b" * 101), f"SET {'a' * 100} {'b' * 100}..."),
        (("SET", "é".encode() * 100, "€".encode() * 101), f"SET {'é' * 100} {'€' * 100}..."),
    ],
)
def test_words_are_shown_as_one_would_type_them(words: tuple[Any, ...], shown: str) -> None:
    assert text(*words) == shown


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("7", "GET tea g..."),
        ("0", "..."),
        ("11", "GET tea green"),
        ("many", "GET tea green"),
        ("", "GET tea green"),
    ],
)
def test_a_command_is_cut_where_the_variable_says(wanted: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(redis.VARIABLE, wanted)
    assert text("GET", "tea", "green") == shown


@pytest.mark.parametrize(
    ("words", "name"),
    [((), ""), (("",), ""), (("GET",), "GET"), (("config set", "a"), "config"), ((b" get\ta",), "get"), ((7,), "7")],
)
def test_a_command_is_named_by_its_first_word(words: tuple[Any, ...], name: str) -> None:
    assert redis.name_of(words) == name


@pytest.mark.parametrize(
    "words",
    [
        ("AUTH", "hunter2"),
        ("AUTH", "alice", b"hunter2"),
        (b"auth", "hunter2"),
        ("\tAuth hunter2",),
        ("AUTH\nhunter2", "hunter2"),
        ("HELLO", 3, "AUTH", "alice", "hunter2"),
        ("hello 3 auth alice hunter2",),
        ("ACL", "SETUSER", "alice", ">hunter2"),
        ("ACL SETUSER", "alice", ">hunter2"),
        ("CONFIG SET", "requirepass", "hunter2"),
        ("CONFIG", b"SET", b"masterauth", b"hunter2", "port", 1),
        ("CONFIG", "SET", "tls-key-file-pass", "hunter2"),
        ("MIGRATE", "host", 1, "key", 0, 5, "AUTH", "hunter2"),
        ("MIGRATE", "host", 1, "", 0, 5, "COPY", "AUTH2", "alice", "hunter2", "KEYS", "key"),
        ("SENTINEL", "SET", "main", "auth-pass", "hunter2"),
        ("SENTINEL CONFIG SET", "sentinel-pass", "hunter2"),
    ],
)
def test_no_secret_is_shown_however_it_is_written(words: tuple[Any, ...]) -> None:
    assert "hunter2" not in text(*words)
    assert redis.name_of(words).upper() in redis._TRUSTED_WITH_SECRETS
