"""The values of peer tags; IP addresses are replaced by one value, because there are too many to tell them apart.

Source: the Agent's client stats, peer tags.
"""

from __future__ import annotations

import re
import socket

BLOCKED = "blocked-ip-address"

_KEPT = frozenset({"127.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254", "169.254.170.2"})
"""This machine, and the metadata servers of clouds: they are the same everywhere."""
_PREFIX = re.compile(r"ip-|(?:dnspoll|ftp|file|https?):/{2,3}")
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}([._-]){_OCTET}\1{_OCTET}\1{_OCTET}(?![0-9])")


def quantised(value: str) -> str:
    """The value with each address in its comma separated items blocked, and items that became equal said once."""
    if not any(sign in value for sign in ".:-_,"):
        return value
    return ",".join(dict.fromkeys(_quantised(item) for item in value.split(",")))


def _quantised(item: str) -> str:
    found = _PREFIX.match(item)
    start = found.end() if found else 0
    if found := _IPV4.match(item, start):
        address, end = found[0], found.end()
    else:
        rest = item[start:]
        address, end = rest, len(item)
        if rest.startswith("["):
            address, bracket, _ = rest[1:].partition("]")
            end = start + len(address) + 2
            address = address if bracket else ""
        if not _is_ipv6(address):
            return item
    return item if address in _KEPT else item[:start] + BLOCKED + item[end:]


def _is_ipv6(text: str) -> bool:
    if ":" not in text or not text.isascii() or "\0" in text:
        return False
    try:
        socket.inet_pton(socket.AF_INET6, text)
    except OSError:
        return False
    return True
