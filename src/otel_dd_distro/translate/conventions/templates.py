"""Templates that are loaded, compiled and rendered."""

from __future__ import annotations

from typing import Any

from ..every_span.attributes import Meta, Targets, text_of
from .operation import MEASURED, Operation, Operations
from .urls import Urls

_FROM_TEXT = "<memory>"
_KEY = "template.operation"
_UNSENT = {"template.engine": "", _KEY: "", "error.type": ""}


def engine(name: str) -> Operations:
    """A template engine that names its templates: `<name>.render`, `<name>.compile` and `<name>.load`."""
    named = f"{name}.template_name"
    targets = Targets({"template.name": named, "template.path": f"{name}.template_path", **_UNSENT})

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
        key=_KEY,
    )


def files(name: str) -> Operations:
    """A template engine whose templates are their files: `<name>.template.render`, `.render_unicode` and so on."""
    named = f"{name}.template_name"
    targets = Targets({"template.name": "", "template.path": named, **_UNSENT}, made=(named,))

    def describe(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
        return meta.get(named) or meta.setdefault(named, text_of(attributes, "template.name") or _FROM_TEXT)

    def operation(verb: str) -> Operation:
        return Operation(
            f"{name}.template.{verb}",
            type="template",
            component=name,
            # ddtrace takes even the library's own name for a service that was given.
            source="m",
            metrics=MEASURED,
            targets=targets,
            describe=describe,
        )

    others = ("render_unicode", "render_context")
    return Operations(operation("render"), {verb: operation(verb) for verb in others}, key=_KEY)


def _in_folder(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    folder, name = text_of(attributes, "aiohttp_jinja2.package_path"), text_of(attributes, "template.name")
    meta["aiohttp.template"] = f"{folder}/{name}"
    return ""


OF_AIOHTTP = Operations(
    Operation(
        "aiohttp.template",
        type="template",
        component="aiohttp_jinja2",
        targets=Targets(
            {"template.name": "", "aiohttp_jinja2.package_path": "", **_UNSENT}, made=("aiohttp.template",)
        ),
        describe=_in_folder,
    )
)
"""Templates that handlers of aiohttp render."""
