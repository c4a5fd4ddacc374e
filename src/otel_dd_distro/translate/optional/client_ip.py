"""Addresses of the clients that requests came from, behind the proxies that passed them on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from ...capture import CLIENT_ADDRESS_HEADERS
from ...settings import Settings
from ..every_span.attributes import Meta, Metrics, as_text, header_tag, joined, text_of
from .header_tags import REQUEST

_MOST_ADDRESSES = 100
_LONGEST_VALUE = 8_000
_LONGEST_ADDRESS = 64


class Clients:
    """Finds `http.client_ip` in the headers that are believed, else it is the peer of the connection."""

    def __init__(self, settings: Settings) -> None:
        self._only = settings.client_ip_header
        believed = (self._only,) if self._only else CLIENT_ADDRESS_HEADERS
        # Other instrumentations write `_` for `-` in the attributes of headers.
        spelled = [(header, header.replace("-", "_")) for header in believed]
        self._keys = [tuple(dict.fromkeys(f"http.request.header.{name}" for name in names)) for names in spelled]
        self._unasked = [
            REQUEST + header_tag(name) for names in spelled if names[0] not in settings.header_tags for name in names
        ]

    def add(self, kind: str, type_: str, attributes: Mapping[str, Any], meta: Meta, metrics: Metrics) -> None:
        """Tag a request that was received; headers that were captured for this alone are no tags."""
        if kind != "server":
            return
        peer = text_of(attributes, "network.peer.address") or text_of(attributes, "client.address")
        client = self._named(attributes) if self._only else self._forwarded(attributes, peer)
        if (client or peer) and "http.client_ip" not in attributes:
            meta["http.client_ip"] = client or peer
        if peer:
            meta["network.client.ip"] = peer
        for tag in self._unasked:
            meta.pop(tag, None)

    def _named(self, attributes: Mapping[str, Any]) -> str:
        """What the one header says, if that is an address and nothing else."""
        value = self._value(attributes).strip()
        return value if _is_public(value) is not None else ""

    def _forwarded(self, attributes: Mapping[str, Any], peer: str) -> str:
        """The first public address in the first header that is there, else the peer's if that is public.

        Else it is the first private address of the header.
        """
        private = ""
        for item in self._value(attributes)[:_LONGEST_VALUE].split(",", _MOST_ADDRESSES)[:_MOST_ADDRESSES]:
            told = forwarded(item)
            is_public = _is_public(told)
            if is_public:
                return told
            if is_public is not None:
                private = private or told
        return private if private and not _is_public(peer) else peer

    def _value(self, attributes: Mapping[str, Any]) -> str:
        for keys in self._keys:
            for key in keys:
                value = attributes.get(key)
                if value:
                    return joined(value) if isinstance(value, (list, tuple)) else as_text(value)
        return ""


def forwarded(item: str) -> str:
    """The address in one item of such a header: bare, or behind `for=` (RFC 7239); without quotes, brackets, port."""
    for pair in item.split(";"):
        key, is_pair, value = pair.partition("=")
        if is_pair and key.strip().lower() == "for":
            item = value
            break
    item = item.strip().strip('"')
    if item.startswith("["):
        return item[1:].partition("]")[0]
    return item.partition(":")[0] if item.count(":") == 1 else item


def _is_public(address: str) -> bool | None:
    """Whether an address belongs to the internet at large; None for what is no address."""
    return _belongs(address) if len(address) <= _LONGEST_ADDRESS else None


@lru_cache(1_024)
def _belongs(address: str) -> bool | None:
    try:
        return ip_address(address).is_global
    except ValueError:
        return None
