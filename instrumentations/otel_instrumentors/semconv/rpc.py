"""Remote procedure calls.

Source: OpenTelemetry semantic conventions for RPC and gRPC spans (in development; the newest keys).
"""

from __future__ import annotations

from typing import Any

from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.util.types import AttributeValue

from ..kernel.call import Outcome
from ..kernel.options import Convention

RPC_SYSTEM_NAME = "rpc.system.name"
RPC_METHOD = "rpc.method"
RPC_RESPONSE_STATUS_CODE = "rpc.response.status_code"

CALL = Convention(
    lambda attributes: str(attributes.get(RPC_METHOD, "")).rpartition("/")[0], variable="EXCLUDED_SERVICES"
)
"""What can be asked of calls: services, by their whole names, of which there are to be no spans."""

OK = "OK"
_STATUSES = (
    OK,
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
_SERVER_FAULTS = frozenset(("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"))


def call(system: str, path: str, attributes: dict[str, AttributeValue]) -> tuple[str, dict[str, AttributeValue]]:
    """Name and attributes of a call's span, on either side; `path` is `/package.Service/Method`.

    `attributes` is completed in place.
    """
    method = path.lstrip("/")
    attributes[RPC_SYSTEM_NAME] = system
    attributes[RPC_METHOD] = method
    return method, attributes


def server(address: str | None, port: int | None) -> dict[str, AttributeValue]:
    """Where a call goes to, as far as it is known."""
    attributes: dict[str, AttributeValue] = {}
    if address:
        attributes[SERVER_ADDRESS] = address
        if port is not None:
            attributes[SERVER_PORT] = port
    return attributes


def status(code: Any) -> str:
    """The name of a gRPC status: of a number, or of an enumeration's member; OK where none was set."""
    name = getattr(code, "name", None)
    if isinstance(name, str):
        return name
    if not code:
        return OK
    return _STATUSES[code] if isinstance(code, int) and code < len(_STATUSES) else str(code)


def called(status: str, attributes: dict[str, AttributeValue]) -> Outcome:
    """How a call ended for the client: everything but OK is a failure. `attributes` is completed in place."""
    attributes[RPC_RESPONSE_STATUS_CODE] = status
    return Outcome(attributes, error=None if status == OK else status)


def served(status: str, attributes: dict[str, AttributeValue]) -> Outcome:
    """How a call ended for the server: what the client did wrong is no failure of its own."""
    attributes[RPC_RESPONSE_STATUS_CODE] = status
    return Outcome(attributes, error=status if status in _SERVER_FAULTS else None)
