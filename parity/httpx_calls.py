"""What the scenarios of HTTPX and of HTTPX2 do: calls by clients of both kinds, redirects, errors, headers, secrets.

Stands beside the program when it runs: `from httpx_calls import calls`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from backend import HOST, URL, sent, server
from steps import saw, step


def calls(library: ModuleType) -> None:
    of: Any = library

    class Token(of.Auth):
        """Asks for what proves who asks."""

        def auth_flow(self, request: Any) -> Iterator[Any]:
            answer = yield of.Request("GET", f"{URL}/tea/200")
            request.headers["X-Token"] = str(answer.status_code)
            yield request

    class Never(of.AsyncBaseTransport):
        async def handle_async_request(self, request: Any) -> Any:
            await asyncio.Event().wait()
            raise AssertionError

    client = of.Client(trust_env=False, follow_redirects=True)
    synchronous(of, client, Token())
    asyncio.run(asynchronous(of, Token(), Never()))
    client.close()


def synchronous(of: Any, client: Any, token: Any) -> None:
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
        client.get(f"{URL}/tea/200", auth=token)

    with step("a hook of the client's that raises", of.HTTPStatusError):
        hooks = {"response": [of.Response.raise_for_status]}
        with of.Client(trust_env=False, event_hooks=hooks) as raising:
            raising.get(f"{URL}/tea/404")

    mocked = of.MockTransport(lambda _request: of.Response(203))
    with step("by a transport of its own"), of.Client(transport=mocked) as other:
        other.get("http://tea.example/tea")

    with step("one request, sent twice"):
        request = client.build_request("GET", f"{URL}/tea/200")
        client.send(request)
        client.send(request)

    with step("redirected"):
        client.get(f"{URL}/tea/302")

    with step("not followed"):
        client.get(f"{URL}/tea/302", follow_redirects=False)

    with step("too slow", of.TimeoutException):
        client.get(f"{URL}/slow", timeout=0.05)

    with step("not found"):
        client.get(f"{URL}/tea/404")

    with step("the other side fails", of.HTTPStatusError):
        client.get(f"{URL}/tea/503").raise_for_status()

    with step("nobody listens", of.ConnectError):
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


async def asynchronous(of: Any, token: Any, never: Any) -> None:
    async with of.AsyncClient(trust_env=False) as other:
        with step("asynchronous"):
            await other.get(f"{URL}/tea/200")
        with step("asynchronous: not found"):
            await other.get(f"{URL}/tea/404")
        with step("asynchronous: nobody listens", of.ConnectError):
            await other.get("http://127.0.0.1:1/tea")
        with step("asynchronous: who asks is proved first"):
            await other.get(f"{URL}/tea/200", auth=token)
        with step("asynchronous: given up"):
            async with of.AsyncClient(transport=never) as slow:
                task = asyncio.create_task(slow.get("http://tea.example/tea"))
                await asyncio.sleep(0.01)
                task.cancel()
                await asyncio.wait([task])
        with step("asynchronous: several at once"):
            await asyncio.gather(*(other.get(f"{URL}/tea/{status}") for status in (200, 201)))
