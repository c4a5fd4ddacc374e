"""Text as the Agent takes it: valid UTF-8, of bounded length."""

from __future__ import annotations

MOST_KEY = 200
MOST_VALUE = 25_000
MOST_RESOURCE = 5_000
"""Characters of a tag's key, a tag's value and a resource that are sent; the Agent counts bytes, and cuts once more."""
MOST_INHERITED = 1_024
"""Characters of what a request brought and all spans below it bear."""

_MORE = "..."
_STATEMENTS = frozenset(
    {"sql", "cassandra", "redis", "valkey", "memcached", "mongodb", "elasticsearch", "opensearch", "db"}
)


def utf8(text: str) -> str:
    """The text with `?` for each lone surrogate: no encoder takes those."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def value(text: str) -> str:
    """A tag's value, cut to `MOST_VALUE` characters with `...` at the end."""
    return utf8(text) if len(text) <= MOST_VALUE else utf8(text[: MOST_VALUE - len(_MORE)]) + _MORE


def inherited(text: str) -> str:
    """The value of a tag that all spans of a trace bear, cut to `MOST_INHERITED` characters."""
    return utf8(text[:MOST_INHERITED])


def key(text: str) -> str:
    """A tag's key, cut to `MOST_KEY` characters with `...` at the end."""
    return utf8(text) if len(text) <= MOST_KEY else utf8(text[: MOST_KEY - len(_MORE)]) + _MORE


def resource(text: str, type_: str) -> str:
    """A resource of a span of this type, cut to `MOST_RESOURCE` characters.

    A statement is left as long as a tag may be: the Agent replaces its literals first, and a literal that ends nowhere
    would cost the whole statement.
    """
    return utf8(text[: MOST_VALUE if type_ in _STATEMENTS else MOST_RESOURCE])


def ending(text: str) -> str:
    """The last `MOST_VALUE` characters with `...` before them: of a stack trace the newest frames say most."""
    return utf8(text) if len(text) <= MOST_VALUE else _MORE + utf8(text[len(_MORE) - MOST_VALUE :])
