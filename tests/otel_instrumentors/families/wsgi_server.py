"""Calls WSGI applications as a server does."""

from __future__ import annotations

import io
from typing import Any
from wsgiref.util import setup_testing_defaults


def environment(path: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    """The environment of a request; `more` are further keys of it."""
    environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": method, "SERVER_PROTOCOL": "HTTP/1.1", **more}
    environ.setdefault("wsgi.errors", io.StringIO())
    setup_testing_defaults(environ)
    return environ


def asked(application: Any, path: str, method: str = "GET", **more: Any) -> tuple[str, bytes]:
    """The status line and the body."""
    statuses: list[str] = []
    body = application(environment(path, method, **more), lambda status, *_rest: statuses.append(status))
    content = b"".join(body)
    if hasattr(body, "close"):
        body.close()
    return statuses[-1], content
