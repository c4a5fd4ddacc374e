"""HTTPX: calls by clients of both kinds, redirects, errors, headers that go out, secrets; with DD_SERVICE."""

from __future__ import annotations

import httpx
from httpx_calls import calls

SETTINGS = {"DD_SERVICE": "Teahouse", "DD_ENV": "Prod", "DD_VERSION": "1.2.3", "DD_TAGS": "team:tea,region:eu"}
BESIDE = ("parity/backend.py", "parity/httpx_calls.py")

calls(httpx)
