"""Templates that are loaded, compiled and rendered."""

from __future__ import annotations

from typing import Any

from .attributes import Meta, Targets
from .operations import MEASURED, Operation, Operations
from .urls import Urls

_FROM_TEXT = "<memory>"


def engine(name: str) -> Operations:
    """A template engine: `<name>.render`, `<name>.compile` and `<name>.load`."""
    named = f"{name}.template_name"
    targets = Targets(
        {
            "template.name": named,
            "template.path": f"{name}.template_path",
            "template.engine": "",
            "template.operation": "",
            "error.type": "",
        }
    )

    def describe(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
        return meta.get(named) or meta.setdefault(named, _FROM_TEXT)

    def operation(verb: str, component: str = name, measured: bool = False) -> Operation:
        return Operation(
            f"{name}.{verb}",
            type="template",
            component=component,
            metrics=MEASURED if measured else {},
            targets=targets,
            describe=describe,
        )

    return Operations(
        operation("render", measured=True),
        # ddtrace gives loading no component.
        {"compile": operation("compile"), "load": operation("load", component="")},
        key="template.operation",
    )
