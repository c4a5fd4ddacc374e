"""Statements and transactions of database drivers."""

from __future__ import annotations

from typing import Any

from .attributes import Meta, Targets, text_of
from .operations import MEASURED, Operation, Operations
from .urls import Urls

TARGETS = Targets(
    {
        "db.system.name": "db.system",
        # The resource and the operation
        "db.driver.call": "",
        "db.query.text": "",
        "error.type": "",
    }
)


def driver(prefix: str, connection: str) -> Operations:
    """A DB-API driver: `<prefix>.query` for statements, `<connection>.commit` and `.rollback`."""

    def query(**tags: str) -> Operation:
        return Operation(
            f"{prefix}.query",
            type="sql",
            kind="client",
            component=prefix,
            tags=tags,
            # What drivers say where they do not know; ours leave it out.
            metrics={**MEASURED, "db.row_count": -1},
            targets=TARGETS,
            describe=statement,
        )

    def transaction(call: str) -> Operation:
        return Operation(f"{connection}.{call}", kind="client", component=prefix, targets=TARGETS)

    return Operations(
        query(),
        {
            "executemany": query(**{"sql.executemany": "true"}),
            "commit": transaction("commit"),
            "rollback": transaction("rollback"),
        },
        key="db.driver.call",
    )


def statement(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    return text_of(attributes, "db.query.text")
