"""Template engines. The OpenTelemetry conventions have none for them yet: these are ours."""

from __future__ import annotations

from opentelemetry.util.types import AttributeValue

from ..kernel.call import Outcome, SpanSpec

TEMPLATE_ENGINE = "template.engine"
TEMPLATE_OPERATION = "template.operation"
TEMPLATE_NAME = "template.name"
TEMPLATE_PATH = "template.path"


def span(engine: str, operation: str, name: object, path: object = None) -> SpanSpec:
    """The span of an operation (`render`, `load`, `compile`) on a template; one made from a string has no name.

    `path` is the file that it came from, where that is known by now.
    """
    attributes: dict[str, AttributeValue] = {TEMPLATE_ENGINE: engine, TEMPLATE_OPERATION: operation}
    if path is not None:
        attributes[TEMPLATE_PATH] = str(path)
    if name is None:
        return SpanSpec(operation, attributes=attributes)
    text = attributes[TEMPLATE_NAME] = name if isinstance(name, str) else str(name)
    return SpanSpec(f"{operation} {text}", attributes=attributes)


def loaded(path: object) -> Outcome | None:
    """Where a template came from."""
    return Outcome({TEMPLATE_PATH: str(path)}) if path else None
