"""Datadog's operations of a library: what their spans have in common, known before any span is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.trace import StatusCode

from ..every_span import errors
from ..every_span.attributes import Meta, Metrics, Targets
from .urls import Urls

Describe = Callable[[dict[str, Any], Meta, Urls], str]
"""Completes `meta` from the attributes, and says the resource; "" for the operation's name."""

Failed = Callable[[StatusCode, dict[str, Any], bool, frozenset[int]], bool]


def unnamed(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    """The operation has no resource of its own."""
    return ""


# Compared by identity: there is one object for each operation, and dictionaries are keyed by it.
@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    name: str
    v1: str = ""
    """Its name in schema v1; "" where that is the same."""
    title: Callable[[dict[str, Any], bool], str] | None = None
    """Its name where that is made of attributes; given whether names are those of schema v1."""
    type: str = ""
    kind: str = ""
    """The tag `span.kind`; "" for none."""
    component: str = ""
    """The tag `component`; "" for none."""
    api: str = "datadog"
    """What `_dd.svc_src` names where there is no component."""
    source: str = ""
    """What `_dd.svc_src` names in the component's place, unless the service was inferred."""
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    """Attributes that are numbers in words, and the metrics that they are."""
    targets: Targets = field(default_factory=lambda: Targets({}))
    describe: Describe = unnamed
    failed: Failed = errors.failed_call
    forgives: bool = False
    """Whether an exception is not told of where it is no failure."""
    links: Callable[[dict[str, Any]], list[dict[str, Any]]] | None = None
    """Links that are made of attributes, in the form of the Agent's v0.4 intake."""

    def titled(self, attributes: dict[str, Any], is_v1: bool) -> str:
        """The name of a span."""
        if self.title is not None:
            return self.title(attributes, is_v1)
        return (self.v1 if is_v1 else "") or self.name


MEASURED: Metrics = {"_dd.measured": 1}


@dataclass(frozen=True, slots=True)
class Operations:
    """The operations of a library, told apart by the value of one attribute."""

    otherwise: Operation
    by_value: Mapping[Any, Operation] = field(default_factory=dict)
    key: str = ""
