"""Where something is: ports, hosts, URLs, files."""

from __future__ import annotations

import os

from ..complaints import Unusable

_STATSD_PORT = 8125


def repository(text: str) -> str:
    """The URL of a repository without user and password; `git@host:path` has no secret, and stays."""
    scheme, found, rest = text.rpartition("://")
    authority, slash, path = rest.partition("/")
    userinfo, at, host = authority.rpartition("@")
    return f"{scheme}{found}{host}{slash}{path}" if at and (found or ":" in userinfo) else text


def port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 5 or not 0 < int(text) < 65536:
        raise Unusable("not a port")
    return int(text)


def host(text: str) -> str:
    """A host name, an IPv4 address, or an IPv6 address with or without brackets; in brackets then."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if bare.count(":") >= 2 and all(sign in "0123456789abcdefABCDEF:." for sign in bare.partition("%")[0]):
        return f"[{bare}]"
    if not bare or bare != text or not bare.isprintable() or any(sign in bare for sign in ":/@?#[]\\ "):
        raise Unusable("not a host")
    return bare


def url(text: str) -> str:
    """Of `http`, `https` or `unix`; also as people write it: `unix:/path`, `/path`, `host:port`, `host:port/prefix`."""
    scheme, mark, rest = text.partition("://")
    scheme = scheme.lower()
    if not mark:
        scheme, rest = _without_scheme(text)
    if not rest.isprintable() or " " in rest:
        raise Unusable("not a URL")
    if scheme == "unix":
        if not rest.startswith("/"):
            raise Unusable("a URL of unix needs the path of a socket")
        return "unix://" + rest
    if scheme not in ("http", "https"):
        raise Unusable("neither http, https nor unix")
    authority, _, path = rest.partition("/")
    _, at, place = authority.rpartition("@")
    if "?" in rest or "#" in rest:
        raise Unusable("it must not have a query or a fragment")
    # The colon of a port stands after the bracket of an IPv6 address.
    cut = place.rfind(":") if place.rfind(":") > place.rfind("]") else len(place)
    digits = place[cut + 1 :]
    address = f"{scheme}://{host(place[:cut])}" + (f":{port(digits)}" if digits else "")
    address = f"{address}/{path}".rstrip("/")
    if at:
        raise Unusable("credentials are not sent", instead=address)
    return address


def statsd_url(text: str) -> str:
    """Of `udp` or `unix`; `unix:/path` and a path alone are a socket's, a host with or without a port is UDP's."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = _without_scheme(text)
        scheme = scheme if scheme == "unix" else "udp"
    if scheme.lower() == "unix" and rest.startswith("/"):
        return f"unix://{rest}"
    if scheme.lower() != "udp":
        raise Unusable("neither udp nor unix")
    name, colon, digits = rest.rstrip("/").rpartition(":")
    if not colon or (name.count(":") and not name.endswith("]")):
        return f"udp://{host(rest.rstrip('/'))}:{_STATSD_PORT}"
    return f"udp://{host(name)}:{port(digits)}"


def _without_scheme(text: str) -> tuple[str, str]:
    """Scheme and rest of an address whose scheme goes without saying."""
    if text[:5].lower() == "unix:":
        return "unix", text[5:]
    if text.startswith("/"):
        return "unix", text
    # A name alone is as likely a slip of the pen, and its port would be 80.
    return ("http", text) if text.partition("/")[0].rpartition(":")[2].isdecimal() else ("", text)


def endpoint(text: str) -> str:
    """As the exporter `otlp` takes it: a URL, or for gRPC `host:port`."""
    from urllib.parse import urlsplit  # costs start-up, and is seldom needed

    try:
        parts = urlsplit(text)
        _ = parts.port if "://" in text else None
    except ValueError:
        raise Unusable("not a URL") from None
    if "://" in text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise Unusable("not a URL of http or https")
    return text


def file(text: str) -> str:
    if not os.path.isfile(text):
        raise Unusable("no such file")
    return text
