"""HTTPX: calls by clients of both kinds, redirects, errors, headers that go out, secrets; with DD_SERVICE."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
from backend import HOST, URL, sent, server
from steps import saw, step

SETTINGS = {"DD_SERVICE": "Teahouse", "DD_ENV": "Prod", "DD_VERSION": "1.2.3", "DD_TAGS": "team:tea,region:eu"}
BESIDE = ("parity/backend.py",)


client = httpx.Client(trust_env=False, follow_redirects=True)


class Token(httpx.Auth):
    """Asks for what proves who asks."""

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:
        answer = yield httpx.Request("GET", f"{URL}/tea/200")
        request.headers["X-Token"] = str(answer.status_code)
        yield request


class Never(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError


async def asynchronous() -> None:
    async with httpx.AsyncClient(trust_env=False) as other:
        with step("asynchronous"):
            await other.get(f"{URL}/tea/200")
        with step("asynchronous: not found"):
            await other.get(f"{URL}/tea/404")
        with step("asynchronous: nobody listens", httpx.ConnectError):
            await other.get("http://127.0.0.1:1/tea")
        with step("asynchronous: who asks is proved first"):
            await other.get(f"{URL}/tea/200", auth=Token())
        with step("asynchronous: given up"):
            async with httpx.AsyncClient(transport=Never()) as slow:
                task = asyncio.create_task(slow.get("http://tea.example/tea"))
                await asyncio.sleep(0.01)
                task.cancel()
                await asyncio.wait([task])
        with step("asynchronous: several at once"):
            await asyncio.gather(*(other.get(f"{URL}/tea/{status}") for status in (200, 201)))


with step("a call, and the headers that tell the next service"):
    client.get(f"{URL}/tea/200")
    saw("headers", dict(sent(server.headers)))

with step("data is sent"):
    client.post(f"{URL}/tea/201", json={"kind": "green"}, headers={"User-Agent": "shop/1"})

with step("parameters and a query"):
    client.get(f"{URL}/tea", params={"sort": "price"})

with step("streamed"), client.stream("GET", f"{URL}/tea/200") as answer:
    assert b"".join(answer.iter_bytes()) == b"kettle"

with step("streamed, and left"), client.stream("GET", f"{URL}/tea/200") as answer:
    assert next(answer.iter_bytes(1)) == b"k"

with step("who asks is proved first"):
    client.get(f"{URL}/tea/200", auth=Token())

with step("a hook of the client's that raises", httpx.HTTPStatusError):
    hooks = {"response": [httpx.Response.raise_for_status]}
    with httpx.Client(trust_env=False, event_hooks=hooks) as raising:
        raising.get(f"{URL}/tea/404")

mocked = httpx.MockTransport(lambda _request: httpx.Response(203))
with step("by a transport of its own"), httpx.Client(transport=mocked) as other:
    other.get("http://tea.example/tea")

with step("one request, sent twice"):
    request = client.build_request("GET", f"{URL}/tea/200")
    client.send(request)
    client.send(request)

with step("redirected"):
    client.get(f"{URL}/tea/302")

with step("not followed"):
    client.get(f"{URL}/tea/302", follow_redirects=False)

with step("too slow", httpx.TimeoutException):
    client.get(f"{URL}/slow", timeout=0.05)

with step("not found"):
    client.get(f"{URL}/tea/404")

with step("the other side fails", httpx.HTTPStatusError):
    client.get(f"{URL}/tea/503").raise_for_status()

with step("nobody listens", httpx.ConnectError):
    client.get("http://127.0.0.1:1/tea")

with step("secrets in the query"):
    client.get(f"{URL}/tea/200?token=abc&kind=green&api_key=k1&password=hunter2")

with step("a user and a password"):
    client.get(f"http://user:hunter2@{HOST}/tea/200?kind=green")

with step("an odd URL"):
    client.get(f"{URL}/thé;v=1/b;c=2?q=é#fünf")

with step("no path"):
    client.get(URL)

with step("odd methods"):
    client.request("geT", f"{URL}/tea/200")
    client.request("BREW", f"{URL}/tea/200")

asyncio.run(asynchronous())
client.close()
