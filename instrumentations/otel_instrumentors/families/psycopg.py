"""psycopg and libraries built on it: statements composed of parts, and the attributes of a connection."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..semconv import db
from ..semconv.db import Comments
from .dbapi import Attributes, Driver, Known, as_text, never, once, prefixed, suffixed


def text(query: Any) -> Any:
    """The statement as text.

    Literals that are composed into one are `?`: to render them is what the driver will do, at their cost, and they are
    the secrets in it.
    """
    if isinstance(query, (str, bytes)):
        return as_text(query)
    kinds = {kind.__name__ for kind in type(query).__mro__}
    if "Composed" in kinds:
        return "".join(map(str, map(text, query)))
    if "Literal" in kinds:
        return "?"
    if "Identifier" in kinds:
        # The drivers ask the connection how to quote, which may be closed.
        names = getattr(query, "strings", None) or query._obj
        return ".".join('"' + name.replace('"', '""') + '"' for name in names)
    return query.as_string(None) if "Composable" in kinds else query


def commented(comment: str, query: Any) -> Any:
    for kind in type(query).__mro__:
        if kind.__name__ == "Composable":
            return sys.modules[kind.__module__].SQL(comment) + query
    return prefixed(comment, query)


def commented_behind(query: Any, comment: str) -> Any:
    for kind in type(query).__mro__:
        if kind.__name__ == "Composable":
            return query + sys.modules[kind.__module__].SQL(comment)
    return suffixed(query, comment)


def known(connection: Any) -> Attributes:
    """What a connection of the driver's knows, with what the application calls itself."""
    if connection.closed:
        return {}
    info = connection.info
    attributes = db.connection(info.dbname, info.host, info.port, info.user)
    name = info.parameter_status("application_name")
    return {**attributes, db.DB_CLIENT_NAME: name} if name else attributes


def driver(
    *,
    argument: str = "query",
    known: Known = known,
    recognises: Callable[[Any], bool] = never,
    silences: str | None = None,
    fetches: str = "",
) -> Driver:
    """As `Driver`, which says what the arguments are."""
    return Driver(
        "postgresql",
        argument=argument,
        text=text,
        prefixed=commented,
        suffixed=commented_behind,
        comments=Comments.DOUBLED,
        known=once(known),
        recognises=recognises,
        silences=silences,
        fetches=fetches,
    )
