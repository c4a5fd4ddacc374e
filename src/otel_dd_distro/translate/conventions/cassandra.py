"""Statements for Cassandra."""

from __future__ import annotations

from typing import Any

from ..every_span.attributes import Meta, Targets, text_of
from .operation import MEASURED, Operation, Operations
from .urls import Urls


def statements(component: str) -> Operations:
    """`cassandra.query`; a batch is named as such, its statements are in a tag."""

    def query(describe: Any, text: str) -> Operation:
        return Operation(
            f"{component}.query",
            type="cassandra",
            kind="client",
            component=component,
            metrics=MEASURED,
            targets=Targets(
                {
                    "cassandra.cluster.name": "cassandra.cluster",
                    "cassandra.page.number": "cassandra.page_number",
                    "db.operation.batch.size": "cassandra.batch_size",
                    "db.query.text": text,
                    "db.system.name": "db.system",
                    "server.port": "network.destination.port",
                    # Written otherwise, the resource and the operation
                    "cassandra.result.paginated": "",
                    "db.driver.call": "",
                    "db.namespace": "",
                    "error.type": "",
                },
                made=("cassandra.keyspace", "cassandra.paginated", "out.host"),
            ),
            describe=describe,
        )

    return Operations(query(_statement, ""), {"batch": query(_batch, "cassandra.query")}, key="db.driver.call")


def _statement(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    _common(attributes, meta)
    return text_of(attributes, "db.query.text") or "unknown-query-type"


def _batch(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    _common(attributes, meta)
    return "BatchStatement"


def _common(attributes: dict[str, Any], meta: Meta) -> None:
    keyspace = text_of(attributes, "db.namespace")
    if keyspace:
        meta["cassandra.keyspace"] = keyspace.lower()
    address = meta.get("server.address")
    if address:
        meta["out.host"] = address
    paginated = attributes.get("cassandra.result.paginated")
    if paginated is not None:
        meta["cassandra.paginated"] = str(paginated)
