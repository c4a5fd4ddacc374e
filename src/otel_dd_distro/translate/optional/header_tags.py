"""Header tags: captured headers under the names that Datadog, or the user, has for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..every_span import text
from ..every_span.attributes import Meta, Metrics, header_tag

REQUEST, RESPONSE = "http.request.headers.", "http.response.headers."


class HeaderTags:
    """Renames the tags of captured headers as `asked`: header name in lower case -> tag, "" for the usual one."""

    def __init__(self, asked: Mapping[str, str]) -> None:
        self._renamed: dict[str, str] = {}
        for header, tag in asked.items():
            for direction in (REQUEST, RESPONSE):
                usual = direction + header_tag(header)
                # Other instrumentations write `_` for `-` in the attributes of headers.
                for captured in (usual, direction + header_tag(header).replace("-", "_")):
                    self._renamed[captured] = text.key(tag or usual)

    def rename(self, kind: str, type_: str, attributes: Mapping[str, Any], meta: Meta, metrics: Metrics) -> None:
        """Move the tags of the headers; a tag that the user has set stays."""
        for captured, tag in self._renamed.items():
            if captured in meta and captured != tag:
                meta.setdefault(tag, meta.pop(captured))
