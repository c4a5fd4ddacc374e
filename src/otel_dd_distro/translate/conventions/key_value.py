"""Commands for key-value stores."""

from __future__ import annotations

import operator
from typing import Any

from ..every_span.attributes import Meta, Targets, as_text, text_of
from .operation import MEASURED, Operation, Operations
from .urls import Urls

_TARGETS = {
    "db.system.name": "db.system",
    "server.port": "network.destination.port",
    # The resource and the operation
    "db.driver.call": "",
    "db.operation.name": "",
    "db.query.summary": "",
    "error.type": "",
}


def redis(component: str, system: str = "redis", *, shortens_batches: bool = True) -> Operations:
    """Redis, or a system that came of it: `<system>.command`, for a pipeline as well.

    `shortens_batches`: where a command is its name alone, so is each command of a pipeline.
    """
    database = f"out.{system}_db"
    targets = Targets(
        {
            **_TARGETS,
            "db.client.name": f"{system}.client_name",
            "db.command.length": f"{system}.args_length",
            "db.operation.batch.size": f"{system}.pipeline_length",
            "db.query.text": f"{system}.raw_command",
            "db.namespace": "",
        },
        made=("out.host", database),
    )
    names_alone = operator.attrgetter(f"{system}_names_alone")

    def named(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
        name = _named(attributes, meta, urls)
        return name if names_alone(urls) else text_of(attributes, "db.query.text")

    def batched(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
        _named(attributes, meta, urls)
        if shortens_batches and names_alone(urls):
            return text_of(attributes, "db.query.summary").replace(" ", "\n")
        return text_of(attributes, "db.query.text")

    def command(describe: Any, **metrics: int) -> Operation:
        return Operation(
            f"{system}.command",
            type=system,
            kind="client",
            component=component,
            metrics={**MEASURED, **metrics},
            numbers={"db.namespace": database},
            targets=targets,
            describe=describe,
        )

    # A batch of one bears no size.
    batch = command(batched, **{f"{system}.pipeline_length": 1})
    return Operations(command(named), {"execute": batch}, key="db.driver.call")


def memcached(component: str, name: str = "memcached.command") -> Operations:
    """memcached: one operation, whose resource is the client's method; in schema v1 it has one name for all clients."""
    return Operations(
        Operation(
            name,
            v1="memcached.command",
            type="cache",
            kind="client",
            component=component,
            metrics=MEASURED,
            targets=Targets({**_TARGETS, "db.query.text": "memcached.query"}, made=("out.host",)),
            describe=_named,
        )
    )


def flask_cache(component: str) -> Operations:
    """Caches of Flask: `flask_cache.cmd`, whose resource is the operation."""
    targets = {"server.port": "network.destination.port", "error.type": "", "db.namespace": ""}
    own = {"flask_cache.key": "", "flask_cache.operation": ""}
    return Operations(
        Operation(
            "flask_cache.cmd",
            v1="flask_cache.command",
            type="cache",
            component=component,
            metrics=MEASURED,
            numbers={"db.namespace": "out.redis_db"},
            targets=Targets({**targets, **own}, made=("out.host", "out.redis_db")),
            describe=_cached,
        )
    )


def _cached(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    if address := meta.get("server.address"):
        meta["out.host"] = address
    key = attributes.get("flask_cache.key")
    if key is not None:
        # Several keys are shown as a list of Python's.
        meta["flask_cache.key"] = str(list(key)) if isinstance(key, (list, tuple)) else as_text(key)
    return text_of(attributes, "flask_cache.operation")


def _named(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    address = meta.get("server.address")
    if address:
        meta["out.host"] = address
    return text_of(attributes, "db.operation.name")
