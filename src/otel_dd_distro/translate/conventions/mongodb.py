"""Commands for MongoDB, and the connections that they are sent on."""

from __future__ import annotations

from typing import Any

from ..every_span.attributes import Meta, Targets, text_of
from .operation import MEASURED, Operation, Operations
from .urls import Urls

_TARGETS = Targets(
    {
        "db.collection.name": "mongodb.collection",
        "db.namespace": "mongodb.db",
        "db.query.text": "mongodb.query",
        "db.system.name": "db.system",
        "mongodb.command.argument": "mongodb.collection",
        "mongodb.message.size": "net.out.bytes",
        "server.port": "network.destination.port",
        # The resource, the operation and `mongodb.ordered`
        "db.driver.call": "",
        "db.operation.name": "",
        "error.type": "",
        "mongodb.command.ordered": "",
    },
    made=("mongodb.ordered", "out.host"),
)
_CHECKOUTS = ("checkout", "get_socket")


def driver(component: str) -> Operations:
    """`pymongo.cmd` for commands; the use of a connection bears the name of the driver's method."""
    command = Operation(
        f"{component}.cmd",
        v1="mongodb.query",
        type="mongodb",
        kind="client",
        component=component,
        metrics=MEASURED,
        targets=_TARGETS,
        describe=_command,
    )
    checkouts = {
        name: Operation(
            f"{component}.{name}",
            type="mongodb",
            kind="client",
            component=component,
            metrics=MEASURED,
            targets=_TARGETS,
            describe=_checkout,
        )
        for name in _CHECKOUTS
    }
    return Operations(command, checkouts, key="db.driver.call")


def _command(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    _checkout(attributes, meta, urls)
    ordered = attributes.get("mongodb.command.ordered")
    if ordered is not None:
        meta["mongodb.ordered"] = str(ordered)
    about = text_of(attributes, "db.collection.name") or text_of(attributes, "mongodb.command.argument")
    words = text_of(attributes, "db.operation.name"), about, text_of(attributes, "db.query.text")
    return " ".join(word for word in words if word)


def _checkout(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    address = meta.get("server.address")
    if address:
        meta["out.host"] = address
    return ""
