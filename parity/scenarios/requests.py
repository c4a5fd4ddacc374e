"""Requests: calls, redirects, errors, headers that go out, secrets in URLs; DD_SERVICE and its like set."""

from __future__ import annotations

import requests
from backend import HOST, URL, sent, server
from steps import saw, step

SETTINGS = {"DD_SERVICE": "Teahouse", "DD_ENV": "Prod", "DD_VERSION": "1.2.3", "DD_TAGS": "team:tea,region:eu"}
BESIDE = ("parity/backend.py",)

with step("a call, and the headers that tell the next service"):
    requests.get(f"{URL}/tea/200")
    saw("headers", dict(sent(server.headers)))

with step("data is sent"):
    requests.post(f"{URL}/tea/201", json={"kind": "green"}, headers={"User-Agent": "shop/1"})

with step("a session, its parameters and its query"), requests.Session() as session:
    session.params = {"page": "1"}
    session.get(f"{URL}/tea", params={"sort": "price"})
    session.put(f"{URL}/tea/204")

with step("streamed"), requests.get(f"{URL}/tea/200", stream=True) as answer:
    assert b"".join(answer.iter_content(2)) == b"kettle"

with step("redirected"):
    requests.get(f"{URL}/tea/302")

with step("not followed"):
    requests.head(f"{URL}/tea/302")
    requests.get(f"{URL}/tea/302", allow_redirects=False)

with step("too slow", requests.Timeout):
    requests.get(f"{URL}/slow", timeout=0.05)

with step("not found"):
    requests.get(f"{URL}/tea/404")

with step("the other side fails", requests.HTTPError):
    requests.get(f"{URL}/tea/503").raise_for_status()

with step("nobody listens", requests.ConnectionError):
    requests.get("http://127.0.0.1:1/tea")

with step("no URL", requests.exceptions.MissingSchema):
    requests.get("teahouse/tea")

with step("secrets in the query"):
    requests.get(f"{URL}/tea/200?token=abc&kind=green&api_key=k1&password=hunter2")

with step("a user and a password"):
    requests.get(f"http://user:hunter2@{HOST}/tea/200?kind=green")

with step("an odd URL"):
    requests.get(f"{URL}/thé;v=1/b;c=2?q=é e#fünf")

with step("more kinds of secrets"):
    requests.get(f"{URL}/tea/200?q=bearer%20abcdef&jwt=eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl&kind=green")
    requests.get(f"{URL}/tea/200", auth=("user", "hunter2"), params={"Passwd": "hunter2"})

with step("a host in capitals"):
    requests.get(f"http://LOCALHOST:{server.server_port}/Tea/200")

with step("no path"):
    requests.get(URL)

with step("odd methods"):
    requests.request("geT", f"{URL}/tea/200")
    requests.request("BREW", f"{URL}/tea/200")
