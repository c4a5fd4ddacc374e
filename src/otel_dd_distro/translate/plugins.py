"""Our plugins by Datadog's names: the table. A plugin that is added there is a row here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from . import http_client, sql, templates, web
from .operations import Operations

SCOPE = "otel_instrumentors."
"""What the names of our plugins' instrumentation scopes begin with; the rest is the plugin's name."""


class Belongs(Enum):
    """Whose service the spans of a library bear by default (`DD_<COMPONENT>_SERVICE` goes before all of them)."""

    APPLICATION = "the user's DD_SERVICE, else the library's name"
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


# fmt: off
PLUGINS: dict[str, Plugin] = {
    "flask":    Plugin("flask",    Belongs.APPLICATION, web.requests("flask"), renaming_told=True),
    "jinja2":   Plugin("jinja2",   Belongs.CALLER,      templates.engine("jinja2")),
    "mako":     Plugin("mako",     Belongs.APPLICATION, templates.files("mako")),
    "requests": Plugin("requests", Belongs.LIBRARY,     http_client.requests("requests"), renaming_told=True),
    "sqlite3":  Plugin("sqlite",   Belongs.LIBRARY,     sql.driver("sqlite", connection="sqlite.connection")),
}
# fmt: on

BY_SCOPE: dict[str, Plugin] = {SCOPE + name: plugin for name, plugin in PLUGINS.items()}
