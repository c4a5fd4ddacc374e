"""What spans say only where the settings ask for it: header tags, addresses of clients, simplified paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...settings import Settings
from ..every_span.attributes import Meta, Metrics
from .client_ip import Clients
from .endpoint import add_endpoint
from .header_tags import HeaderTags

Step = Callable[[str, str, Mapping[str, Any], Meta, Metrics], None]
"""Completes the tags of a translated span, given its kind, its type and its attributes."""


def steps(settings: Settings) -> tuple[Step, ...]:
    """The steps that the settings ask for, in the order in which they are taken; by default none."""
    asked: list[Step] = []
    if settings.client_ip:
        asked.append(Clients(settings).add)
    if settings.header_tags:
        asked.append(HeaderTags(settings.header_tags).rename)
    if settings.resource_renaming:
        asked.append(add_endpoint)
    return tuple(asked)
