"""Instruments single DB-API connections, by the method names of OpenTelemetry's instrumentors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ..kernel.hook import Hook, Target, standing_for
from ..kernel.hooks.hook_products import hook_products, hooked, product_of
from ..kernel.instrumentor import Instrumentor
from ..kernel.scope import Scope
from .dbapi import STATEMENTS, TRANSACTIONS, Driver
from .driver_classes import is_traced


class ForConnections(Instrumentor):
    """Instrumentors of DB-API drivers: one connection alone."""

    in_c: ClassVar[Mapping[str, Driver]] = {}
    """The drivers that are written in C, by the module of their connections."""

    @classmethod
    def instrument_connection(cls, connection: Any, **options: Any) -> Any:
        """Make spans for the statements of `connection`, with options as for `instrument()`.

        Returns what to use from now on: the connection itself, or, for drivers written in C (sqlite3, psycopg2), an
        object that stands for it.
        """
        module = type(connection).__module__.partition(".")[0]
        driver = cls.in_c.get(module)
        if driver is None:
            cls()._instrument_object(connection, options)
            return connection
        if product_of(connection) is not connection or is_traced(type(connection)):
            return connection
        return hooked(connection, cls()._scopes(options)(module), _of_connection(driver))

    @classmethod
    def uninstrument_connection(cls, connection: Any) -> Any:
        """Make no more spans for `connection`, which is what `instrument_connection` returned.

        Returns the connection to use from now on.
        """
        found = product_of(connection)
        if found is connection:
            cls()._uninstrument_object(connection)
        return found


def _of_connection(driver: Driver) -> dict[str, Hook]:
    cursor = hook_products(**{name: driver.statement(name) for name in STATEMENTS}, **driver.fetches())
    return {
        **{name: driver.transaction(name) for name in TRANSACTIONS},
        **{name: _Shortcut(name, cursor) for name in STATEMENTS},
        "cursor": cursor,
    }


class _Shortcut:
    """`connection.execute()` and its like: the driver's own would make a cursor that nobody watches."""

    __slots__ = ("cursor", "name")

    def __init__(self, name: str, cursor: Hook) -> None:
        self.name = name
        self.cursor = cursor

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, name = target.function, self.name

        def cursor(connection: Any) -> Any:
            return connection.cursor()

        watched = self.cursor.wrap(Target(cursor, target.owner, is_method=True), scope)

        def shortcut(connection: Any, *args: Any, **kwargs: Any) -> Any:
            return getattr(watched(connection), name)(*args, **kwargs)

        return standing_for(function, shortcut)
