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
"""Is given the details of a call, with `method` as in `CallDetails`; whether it gets a span."""


def all_of(*conditions: Condition) -> Condition:
    """Calls for which all conditions are true."""
    return lambda details: all(condition(details) for condition in conditions)


def any_of(*conditions: Condition) -> Condition:
    """Calls for which one of the conditions is true."""
    return lambda details: any(condition(details) for condition in conditions)


def negate(condition: Condition) -> Condition:
    """Calls for which the condition is false."""
    return lambda details: not condition(details)


def method_name(name: str) -> Condition:
    """Calls of methods of this name, without package and service, such as `SayHello`."""
    return lambda details: _names(details)[1] == name


def method_prefix(prefix: str) -> Condition:
    """Calls of methods whose name, without package and service, begins so."""
    return lambda details: _names(details)[1].startswith(prefix)


def full_method_name(name: str) -> Condition:
    """Calls of one method by its full name, such as `/helloworld.Greeter/SayHello`."""
    return lambda details: bool(details.method == name)


def service_name(name: str) -> Condition:
    """Calls of the methods of one service, such as `helloworld.Greeter`."""
    return lambda details: _names(details)[0] == name


def service_prefix(prefix: str) -> Condition:
    """Calls of services whose name, with its package, begins so."""
    return lambda details: _names(details)[0].startswith(prefix)


def health_check() -> Condition:
    """Calls of the service of gRPC's health checking protocol."""
    return service_prefix("grpc.health.v1.Health")


def _names(details: Any) -> tuple[str, str]:
    """Service and method."""
    service, _, method = details.method.lstrip("/").rpartition("/")
    return service, method
