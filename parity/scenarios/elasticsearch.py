"""Elasticsearch: indices, documents, searches, writes in bulk, errors, of the client and of the asynchronous one."""

from __future__ import annotations

import asyncio
import os

from elasticsearch import (
    AsyncElasticsearch,
    BadRequestError,
    ConflictError,
    ConnectionError,
    Elasticsearch,
    NotFoundError,
)
from elasticsearch.helpers import async_bulk, bulk, scan
from steps import step

SERVERS = ("elasticsearch_server",)

url = os.environ["TEST_ELASTICSEARCH_URL"]
client = Elasticsearch(url)

with step("the server itself"):
    assert client.info()["version"]
    assert client.ping()
    assert client.cluster.health()["status"]

with step("an index"):
    client.options(ignore_status=404).indices.delete(index="teas-2026.11")
    client.indices.create(index="teas-2026.11", settings={"number_of_replicas": 0})
    assert client.indices.exists(index="teas-2026.11")
    assert not client.indices.exists(index="coffees")

with step("documents"):
    client.index(index="teas-2026.11", id="1", document={"name": "green", "cups": 3})
    client.create(index="teas-2026.11", id="2", document={"name": "black", "cups": 2})
    client.update(index="teas-2026.11", id="1", doc={"cups": 4}, refresh=True)
    assert client.get(index="teas-2026.11", id="1")["_source"]["cups"] == 4
    assert client.mget(index="teas-2026.11", ids=["1", "2"])["docs"]
    assert client.exists(index="teas-2026.11", id="1")

with step("an id of letters, one to be quoted"):
    client.index(index="teas-2026.11", id="a/b c", document={"name": "odd"}, routing="x y")

with step("without an id"):
    client.index(index="teas-2026.11", document={"name": "white"}, refresh="wait_for")

with step("searched"):
    query = {"bool": {"must": [{"match": {"name": "green"}}], "filter": {"range": {"cups": {"gte": 1}}}}}
    assert client.search(index="teas-2026.11", query=query, size=3, sort=[{"cups": "desc"}])["hits"]["hits"]
    assert client.search(index="teas-*", q="name:black")["hits"]["hits"]
    assert client.count(index="teas-2026.11")["count"] == 4
    client.msearch(index="teas-2026.11", searches=[{}, {"query": {"match_all": {}}}])

with step("in bulk"):
    assert (
        bulk(client, ({"_index": "teas-2026.11", "_id": str(n), "cups": n} for n in range(10, 15)), refresh=True)[0]
        == 5
    )
    assert len(list(scan(client, index="teas-2026.11", size=5))) == 9

with step("what is not there", NotFoundError):
    client.get(index="teas-2026.11", id="99")

with step("an index that is not there", NotFoundError):
    client.search(index="coffees")

with step("one that is there already", ConflictError):
    client.create(index="teas-2026.11", id="2", document={"name": "black"})

with step("a query that is none", BadRequestError):
    client.search(index="teas-2026.11", query={"nope": {}})

with step("nobody there", ConnectionError):
    Elasticsearch("http://127.0.0.1:1", max_retries=1).info()

with step("deleted"):
    client.delete(index="teas-2026.11", id="2")
    client.indices.delete(index="teas-2026.11")

client.close()


async def visit() -> None:
    client = AsyncElasticsearch(url)
    with step("asynchronous: documents"):
        await client.index(index="cups", id="1", document={"for": "tea"}, refresh=True)
        assert (await client.get(index="cups", id="1"))["found"]
    with step("asynchronous: searched"):
        assert (await client.search(index="cups", query={"match": {"for": "tea"}}))["hits"]["hits"]
    with step("asynchronous: in bulk"):
        await async_bulk(client, [{"_index": "cups", "_id": "2", "for": "coffee"}])
    with step("asynchronous: what is not there", NotFoundError):
        await client.get(index="cups", id="99")
    with step("asynchronous: nobody there", ConnectionError):
        async with AsyncElasticsearch("http://127.0.0.1:1", max_retries=0) as nobody:
            await nobody.info()
    with step("asynchronous: deleted"):
        await client.indices.delete(index="cups")
    await client.close()


asyncio.run(visit())
