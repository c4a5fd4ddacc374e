"""Statements and transactions of database drivers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ...settings import Settings
from ..every_span.attributes import Meta, Targets, text_of
from .operation import MEASURED, Describe, Operation, Operations
from .urls import Urls

TARGETS = Targets(
    {
        "db.client.name": "db.application",
        "db.namespace": "db.name",
        "db.system.name": "db.system",
        "server.port": "network.destination.port",
        # The resource and the operation
        "db.driver.call": "",
        "db.query.text": "",
        "error.type": "",
    },
    made=("out.host",),
)
TOOLKIT_TARGETS = {
    "db.namespace": "sql.db",
    "server.port": "network.destination.port",
    # The resource, the operation and the service
    "db.driver.call": "",
    "db.query.text": "",
    "db.system.name": "",
    "error.type": "",
}


FETCHES = ("fetchone", "fetchmany", "fetchall")


def driver(
    prefix: str,
    connections: str | Mapping[str, str],
    *,
    component: str = "",
    v1: str = "",
    connecting: Mapping[str, str] | None = None,
    unsaid: tuple[str, ...] = (),
    metrics: Mapping[str, int] = MappingProxyType({}),
) -> Operations:
    """A DB-API driver: `<prefix>.query` for statements, `<connection>.commit` and `.rollback`, `<query>.fetchone`.

    Where a plugin watches several drivers, `connections` names those of each, by what stands before their calls.
    `connecting` names what connects, by its calls; `unsaid` are attributes that such a span does not tell. `metrics`
    are what each statement has.
    """
    component = component or prefix

    def query(**tags: str) -> Operation:
        return Operation(
            f"{prefix}.query",
            v1=f"{v1}.query" if v1 else "",
            type="sql",
            kind="client",
            component=component,
            tags=tags,
            # What drivers say where they do not know; ours leave it out.
            metrics={**MEASURED, "db.row_count": -1, **metrics},
            targets=TARGETS,
            describe=statement,
        )

    def transaction(name: str) -> Operation:
        return Operation(name, kind="client", component=component, targets=TARGETS, describe=transaction_end)

    ends = {
        before + call: transaction(f"{connection}.{call}")
        for before, connection in ({"": connections} if isinstance(connections, str) else connections).items()
        for call in ("commit", "rollback")
    }
    fetches = {
        call: Operation(
            f"{prefix}.query.{call}",
            v1=f"{v1}.query.{call}" if v1 else "",
            type="sql",
            kind="client",
            component=component,
            metrics={"db.row_count": -1},
            targets=TARGETS,
            describe=statement,
        )
        for call in FETCHES
    }
    made = {
        call: Operation(
            name,
            type="sql",
            kind="client",
            component=component,
            metrics=MEASURED,
            targets=Targets(
                {"db.system.name": "db.system", "db.driver.call": "", "error.type": "", **dict.fromkeys(unsaid, "")}
            ),
        )
        for call, name in (connecting or {}).items()
    }
    calls = {"executemany": query(**{"sql.executemany": "true"}), **ends, **fetches, **made}
    return Operations(query(), calls, key="db.driver.call")


def fetching_driver(component: str, *calls: str) -> Operations:
    """A driver whose fetches of rows are spans as well: `<component>.<call>` for each of these, `copy` among them."""

    def fetch(call: str) -> Operation:
        is_statement = call == "copy"
        return Operation(
            f"{component}.{call}",
            type="sql",
            kind="client",
            component=component,
            metrics={} if is_statement else {"db.row_count": -1},
            targets=TARGETS,
            describe=statement if is_statement else transaction_end,
        )

    statements = driver(component, f"{component}.connection")
    return Operations(statements.otherwise, {call: fetch(call) for call in calls}, key="db.driver.call")


def asyncpg() -> Operations:
    """asyncpg: a statement of which no driver's count of rows is known, and `postgres.connect`."""

    def operation(name: str, describe: Describe, **more: Any) -> Operation:
        return Operation(
            name, type="sql", kind="client", component="asyncpg", targets=TARGETS, describe=describe, **more
        )

    query = operation("postgres.query", statement, v1="postgresql.query", metrics=MEASURED)
    return Operations(query, {"connect": operation("postgres.connect", transaction_end)}, key="db.driver.call")


VENDORS = {"postgresql": "postgres", "microsoft.sql_server": "mssql", "oracle.db": "oracle"}
"""Databases by the names that SQLAlchemy's spans have for them, where those are others."""


def toolkit(component: str) -> Operations:
    """A layer above several databases: `<database>.query`, of a service of the database's name."""
    return Operations(
        Operation(
            component,
            title=_titled,
            type="sql",
            kind="client",
            component=component,
            metrics=MEASURED,
            targets=Targets(TOOLKIT_TARGETS, made=("out.host",)),
            describe=statement,
        )
    )


def vendor(attributes: dict[str, Any], settings: Settings) -> str:
    """The service of a statement: Datadog's name of the database."""
    system = text_of(attributes, "db.system.name")
    return VENDORS.get(system, system)


def _titled(attributes: dict[str, Any], is_v1: bool) -> str:
    system = text_of(attributes, "db.system.name")
    return f"{system if is_v1 else VENDORS.get(system, system)}.query"


def statement(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    _host(meta)
    return text_of(attributes, "db.query.text")


def transaction_end(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    _host(meta)
    return ""


def _host(meta: Meta) -> None:
    address = meta.get("server.address")
    if address:
        meta["out.host"] = address
