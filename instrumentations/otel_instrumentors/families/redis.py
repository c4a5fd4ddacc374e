"""Redis: a span for each command, and one for each pipeline or transaction."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from opentelemetry.context import create_key
from opentelemetry.util.types import AttributeValue

from ..kernel.call import Call, Outcome, SpanSpec
from ..kernel.hook import Hook
from ..kernel.hooks.traced import traced
from ..kernel.numbers import natural
from ..kernel.options import Options, when_finished, when_started
from ..semconv import db, stores
from ..semconv.db import DB_ROW_COUNT

VARIABLE = "OTEL_INSTRUMENTATION_REDIS_COMMAND_LENGTH"
"""The most characters of a command that a span shows, blanks not counted: 1000 where it is not set."""

REDIS = "redis"
"""The `db.system.name`."""

_IN_PIPELINE = create_key("otel_instrumentors.redis.pipeline")

Known = Callable[[Any], Mapping[str, AttributeValue]]

_MORE = "..."
_HIDDEN = "?"
_MOST_OF_A_COMMAND = 1_000
_LONGEST_COMMAND = 1_000_000
_MOST_OF_AN_ARGUMENT = 100
_MOST_OF_A_BATCH = 25_000
_LONGEST_CHARACTER = 4  # bytes, in UTF-8

# In these commands all that follows a word with one of the telltales in it may be a secret: `HELLO 3 AUTH user secret`,
# `ACL SETUSER user >secret`, `CONFIG SET requirepass secret`, `MIGRATE ... AUTH2 user secret`.
_TRUSTED_WITH_SECRETS = frozenset(("AUTH", "HELLO", "ACL", "CONFIG", "MIGRATE", "SENTINEL"))
_TELLTALES = ("AUTH", "PASS", "SETUSER")

# What returns values, and whether it found any.
_GETTING = frozenset(
    (
        *("GET", "GETDEL", "GETEX", "GETRANGE", "GETSET", "MGET"),
        *("HGET", "HGETALL", "HKEYS", "HMGET", "HRANDFIELD", "HVALS"),
        *("LINDEX", "LPOP", "LRANGE", "RPOP"),
    )
)


def commands(name: str, known: Known, system: str = REDIS, *, of_cluster: bool = False) -> Hook:
    """A hook for the method `name` that sends the command given to it, word by word.

    `known` tells what is known of the connection of an instance, `system` is the `db.system.name`. With a method of a
    cluster's client a pipeline sends again what it was redirected with: that is no further command.
    """

    def described(call: Call) -> SpanSpec:
        args = call.args
        said = name_of(args)
        spec = stores.command(system, said, name, known(call.instance), text=as_text(args, said), length=len(args))
        if said.upper() in _GETTING:
            spec.attributes[DB_ROW_COUNT] = 0  # type: ignore[index]
        return spec

    return traced(described, got, suppressed_by=_IN_PIPELINE if of_cluster else None)


def pipelines(
    name: str,
    known: Known,
    queued: Callable[[Any], Sequence[Any]],
    is_transaction: Callable[[Any], object],
    system: str = REDIS,
    *,
    of_cluster: bool = False,
) -> Hook:
    """A hook for the method `name` that sends the commands of a pipeline at once.

    `queued` gives them, each by its words; `is_transaction` says whether the server carries them out as one.
    """

    def described(call: Call) -> SpanSpec:
        pipeline = call.instance
        waiting = queued(pipeline)
        names: list[str] = []
        lines: list[str] = []
        length = 0
        for words in waiting:
            said = name_of(words)
            line = as_text(words, said)
            names.append(said)
            lines.append(line)
            length += len(line)
            if length > _MOST_OF_A_BATCH:
                break
        spec = stores.batch(
            system,
            "MULTI" if is_transaction(pipeline) else "PIPELINE",
            name,
            known(pipeline),
            names=names,
            text="\n".join(lines),
            size=len(waiting),
        )
        spec.silences = _IN_PIPELINE if of_cluster else None
        return spec

    return traced(described)


def got(call: Call, result: Any) -> Outcome | None:
    """Of a command that returns values whether it found any, of MGET how many."""
    name = name_of(call.args).upper()
    if name not in _GETTING:
        return None
    found = 0 if _is_empty(result) else 1
    if found and name in ("MGET", "HMGET"):
        number = sum(not _is_empty(value) for value in result)
        found = number if name == "MGET" else min(number, 1)
    return Outcome({DB_ROW_COUNT: found})


def _command(call: Call) -> tuple[Any, ...]:
    return call.instance, call.args, call.kwargs


def _reply(call: Call, reply: Any) -> tuple[Any, ...]:
    return call.instance, reply


def _owners(call: Call) -> tuple[Any, ...]:
    """A client, or that which a pipeline was made by: they have the same connections."""
    client = call.instance
    return client, getattr(client, "connection_pool", None), getattr(client, "nodes_manager", None)


def _owner(client: Any) -> Any:
    return getattr(client, "connection_pool", None) or getattr(client, "nodes_manager", None) or client


OPTIONS = Options(
    client=db.CLIENT,
    hooks={"request_hook": when_started(_command), "response_hook": when_finished(_reply)},
    owners=_owners,
    owner=_owner,
)
"""What whoever instruments a client of Redis may ask for."""


def name_of(words: Sequence[Any]) -> str:
    """The command's first word: libraries send some by two, `CONFIG SET`, and take whole commands as one text."""
    parts = shown(words[0]).split(None, 1) if words else None
    return parts[0] if parts else ""


def as_text(words: Sequence[Any], name: str) -> str:
    """A command as one would type it, without secrets, cut to the length that is wanted; `name` is its first word."""
    longest = _wanted_length()
    parts = []
    length = 0
    for part in _harmless(words) if name.upper() in _TRUSTED_WITH_SECRETS else map(shown, words):
        if length + len(part) > longest:
            parts.append(part[: longest - length] + _MORE)
            break
        parts.append(part)
        length += len(part)
    return " ".join(parts)


def shown(word: Any) -> str:
    """A word of a command, cut; `?` for what is no text and no number."""
    kind = type(word)
    text: str
    if kind is str:
        text = word
    elif kind is bytes:
        # No more of a long value is decoded than is shown.
        text = word[: (_MOST_OF_AN_ARGUMENT + 1) * _LONGEST_CHARACTER].decode(errors="backslashreplace")
    elif kind is int or kind is float or kind is bool or word is None:
        text = str(word)
    elif isinstance(word, str):
        text = str.__str__(word)
    else:
        return _HIDDEN
    return text if len(text) <= _MOST_OF_AN_ARGUMENT else text[:_MOST_OF_AN_ARGUMENT] + _MORE


def _harmless(words: Sequence[Any]) -> Iterator[str]:
    hides = False
    for part in chain(shown(words[0]).split(), map(shown, words[1:])):
        yield _HIDDEN if hides else part
        hides = hides or any(telltale in part.upper() for telltale in _TELLTALES)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (bytes, str, list, dict)) and not value)


@functools.cache
def _wanted_length() -> int:
    """Read when the first command comes by."""
    wanted = natural(os.environ.get(VARIABLE, ""), _LONGEST_COMMAND)
    return _MOST_OF_A_COMMAND if wanted is None else wanted
