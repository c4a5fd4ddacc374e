"""Raw spans to compare: what the test agent gives, with as little in it as a test is about."""

from __future__ import annotations

from typing import Any

from parity.recorded import Node, Places, Told, trees

STEPS = Told([("first", 0, 999), ("second", 1000, 1999)])


def raw(number: int, name: str, parent: int = 0, start: int | None = None, **more: Any) -> dict[str, Any]:
    """A span whose id is its number; it starts at that moment of the epoch unless it is told another."""
    span = {"trace_id": 7, "span_id": number, "start": number if start is None else start, "duration": 1}
    fields = {"name": name, "service": "shop", "resource": name, "meta": {}, "metrics": {}}
    return {**span, **fields, **({"parent_id": parent} if parent else {}), **more}


def recorded(*spans: dict[str, Any]) -> dict[str, list[Node]]:
    return trees(spans, STEPS, Places())
