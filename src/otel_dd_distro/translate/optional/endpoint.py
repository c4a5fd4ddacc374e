"""`http.endpoint`: what a path without a route stands for, its parameters replaced by what they look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..every_span.attributes import Meta, Metrics, text_of

_MOST_SEGMENTS = 8
_LONGEST_PATH = 4_000
_SIGNS = re.compile(r"[%&'()*+,:=@]")
_KINDS = (
    ("int", re.compile(r"[1-9][0-9]+")),
    ("int_id", re.compile(r"(?=.*[0-9])[0-9._-]{3,}")),
    ("hex", re.compile(r"(?=.*[0-9])[A-Fa-f0-9]{6,}")),
    ("hex_id", re.compile(r"(?=.*[0-9])[A-Fa-f0-9._-]{6,}")),
)


def add_endpoint(kind: str, type_: str, attributes: Mapping[str, Any], meta: Meta, metrics: Metrics) -> None:
    """Tag a service's entry with the simplified path of its URL, unless it has a route or found nothing (404)."""
    if type_ not in ("web", "http") or "_dd.top_level" not in metrics:
        return
    if meta.get("http.status_code") == "404" or meta.get("http.route"):
        return
    url = meta.get("http.url") or text_of(attributes, "url.path")
    meta.setdefault("http.endpoint", endpoint(url))


def endpoint(url: str) -> str:
    """The path of a URL, or a path: at most 8 segments, each as it is or `{param:int}`, `{param:hex_id}` and so on."""
    _, found, rest = url[:_LONGEST_PATH].partition("://")
    path = rest.partition("/")[2] if found else url[:_LONGEST_PATH]
    path = path.partition("#")[0].partition("?")[0]
    above, slash, last = path.rpartition("/")
    # Parameters belong to the last segment alone (RFC 2396).
    path = above + slash + last.partition(";")[0]
    segments = [segment for segment in path.split("/") if segment][:_MOST_SEGMENTS]
    return "/" + "/".join(map(_simplified, segments))


def _simplified(segment: str) -> str:
    for kind, pattern in _KINDS:
        if pattern.fullmatch(segment):
            return f"{{param:{kind}}}"
    return "{param:str}" if len(segment) >= 20 or _SIGNS.search(segment) else segment
