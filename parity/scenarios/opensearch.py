"""OpenSearch: indices, documents, searches, writes in bulk, errors, of the client and of the asynchronous one."""

from __future__ import annotations

import asyncio
import os

from opensearchpy import AsyncOpenSearch, ConflictError, ConnectionError, NotFoundError, OpenSearch, RequestError
from opensearchpy.helpers import async_bulk, bulk, scan
from steps import step

SERVERS = ("opensearch_server",)

url = os.environ["TEST_OPENSEARCH_URL"]
client = OpenSearch(url)

with step("the server itself"):
    assert client.info()["version"]
    assert client.ping()

with step("an index"):
    client.indices.delete(index="teas-2026.11", ignore=[404])
    client.indices.create(index="teas-2026.11", body={"settings": {"number_of_replicas": 0}})
    assert client.indices.exists(index="teas-2026.11")
    assert not client.indices.exists(index="coffees")

with step("documents"):
    client.index(index="teas-2026.11", id="1", body={"name": "green", "cups": 3})
    client.create(index="teas-2026.11", id="2", body={"name": "black", "cups": 2})
    client.update(index="teas-2026.11", id="1", body={"doc": {"cups": 4}}, refresh=True)
    assert client.get(index="teas-2026.11", id="1")["_source"]["cups"] == 4
    assert client.mget(index="teas-2026.11", body={"ids": ["1", "2"]})["docs"]

with step("searched"):
    query = {"query": {"bool": {"must": [{"match": {"name": "green"}}]}}, "size": 3}
    assert client.search(index="teas-2026.11", body=query)["hits"]["hits"]
    assert client.count(index="teas-2026.11")["count"] == 2
    client.search(index="teas-*", q="name:black", request_timeout=20)

with step("searched by lines of text"):
    client.msearch(index="teas-2026.11", body=[{}, {"query": {"match_all": {}}}])

with step("in bulk"):
    assert (
        bulk(client, ({"_index": "teas-2026.11", "_id": str(n), "cups": n} for n in range(10, 15)), refresh=True)[0]
        == 5
    )
    assert len(list(scan(client, index="teas-2026.11", size=5))) == 7

with step("what is not there", NotFoundError):
    client.get(index="teas-2026.11", id="99")

with step("one that is there already", ConflictError):
    client.create(index="teas-2026.11", id="2", body={"name": "black"})

with step("a query that is none", RequestError):
    client.search(index="teas-2026.11", body={"query": {"nope": {}}})

with step("nobody there", ConnectionError):
    OpenSearch("http://127.0.0.1:1", max_retries=1).info()

with step("deleted"):
    client.indices.delete(index="teas-2026.11")


async def visit() -> None:
    client = AsyncOpenSearch(url)
    with step("asynchronous: documents"):
        await client.index(index="cups", id="1", body={"for": "tea"}, refresh=True)
        assert (await client.get(index="cups", id="1"))["found"]
    with step("asynchronous: searched"):
        assert (await client.search(index="cups", body={"query": {"match": {"for": "tea"}}}))["hits"]["hits"]
    with step("asynchronous: in bulk"):
        await async_bulk(client, [{"_index": "cups", "_id": "2", "for": "coffee"}])
    with step("asynchronous: what is not there", NotFoundError):
        await client.get(index="cups", id="99")
    with step("asynchronous: deleted"):
        await client.indices.delete(index="cups")
    await client.close()


asyncio.run(visit())
