"""Conditions for gRPC's option `filter_`: which calls get spans.

Source: opentelemetry-python-contrib, `opentelemetry.instrumentation.grpc.filters`, whose conditions work here as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class CallDetails(NamedTuple):
    """What a condition is asked about, with the names that gRPC's servers and clients have for it."""

    method: str
    """The full name: `/package.Service/Method`."""
    full_method: str
    timeout: float | None
    metadata: Any
    invocation_metadata: Any


Condition = Callable[[Any], bool]


def all_of(*conditions: Condition) -> Condition:
    return lambda details: all(condition(details) for condition in conditions)


def any_of(*conditions: Condition) -> Condition:
    return lambda details: any(condition(details) for condition in conditions)


def negate(condition: Condition) -> Condition:
    return lambda details: not condition(details)


def method_name(name: str) -> Condition:
    return lambda details: _names(details)[1] == name


def method_prefix(prefix: str) -> Condition:
    return lambda details: _names(details)[1].startswith(prefix)


def full_method_name(name: str) -> Condition:
    return lambda details: bool(details.method == name)


def service_name(name: str) -> Condition:
    return lambda details: _names(details)[0] == name


def service_prefix(prefix: str) -> Condition:
    return lambda details: _names(details)[0].startswith(prefix)


def health_check() -> Condition:
    """The service of gRPC's health checking protocol."""
    return service_prefix("grpc.health.v1.Health")


def _names(details: Any) -> tuple[str, str]:
    """Service and method."""
    service, _, method = details.method.lstrip("/").rpartition("/")
    return service, method
