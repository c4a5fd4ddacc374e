"""A row of the table of names: Datadog's names for a plugin, its services and its operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..settings import Settings
from .conventions import http_client
from .conventions.operation import Operations
from .conventions.urls import Urls


class Belongs(Enum):
    """Whose service the spans of a library bear by default (`DD_<COMPONENT>_SERVICE` goes before all of them)."""

    APPLICATION = "the user's DD_SERVICE, else the library's name"
    PROCESS = "the user's DD_SERVICE, else the one that was inferred"
    LIBRARY = "the library's name, whatever DD_SERVICE says"
    CALLER = "the service of the span around it"


# Compared by identity, like the operations.
@dataclass(frozen=True, slots=True, eq=False)
class Plugin:
    component: str
    """Datadog's name of the library: its tag, its default service, the middle of its variables."""
    service: Belongs
    operations: Operations
    renaming_told: bool = False
    """Whether `_dd.svc_src` tells of a service that DD_SERVICE_MAPPING renamed."""
    named_late: bool = False
    """Whether ddtrace names the service of a span that has started already as one of the application's."""
    told_late: bool = False
    """The same, as far as `_dd.svc_src` goes alone: our spans do not bear the version of the application for that."""
    default: str = ""
    """The default service where that is not the component's name."""
    part: str = ""
    """The attribute that tells a part of the service, whose name follows after a dot."""
    inherited_told: bool = False
    """Whether `_dd.svc_src` of a service that was inherited names this component."""
    domain: Callable[[dict[str, Any], Urls], str] = http_client.domain
    """The service of a request where it is split by domain."""
    variable: str = ""
    """The middle of the variable that names its service, where that is not the component's name."""
    client: Plugin | None = None
    """What its spans of kind client and producer are by, where their service or name is another than the server's."""
    server: Plugin | None = None
    """What its spans of kind server are by, where it is the client that bears the library's name."""
    asynchronous: Plugin | None = None
    """What the spans of its asynchronous API are by, where Datadog has another name for that."""
    own: Callable[[dict[str, Any], Settings], str | None] | None = None
    """The service of one span where that is not the plugin's; "" where it is, None for that of the span around it."""
