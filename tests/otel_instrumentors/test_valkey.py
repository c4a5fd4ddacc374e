"""valkey-py, on Redis, a server and a cluster: what is told of commands is tested with redis-py, which it came of."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest
import valkey
import valkey.asyncio

from otel_instrumentors.valkey import ValkeyInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


class TestValkeyContract(Contract):
    instrumentor = ValkeyInstrumentor
    servers = ("redis_server", "redis_cluster")

    @staticmethod
    def use() -> Any:
        client = valkey.Valkey.from_url(os.environ["TEST_REDIS_URL"])
        client.set("contract", "1")
        seen = [client.get("contract"), client.pipeline().incr("contract").get("contract").execute()]
        client.transaction(lambda pipeline: seen.append(pipeline.get("contract")), "contract")
        client.close()
        client = valkey.ValkeyCluster.from_url(os.environ["TEST_REDIS_CLUSTER_URL"])
        client.set("contract", "1")
        seen.append(client.get("contract"))
        client.close()
        return [*seen, asyncio.run(_used())]


async def _used() -> Any:
    async with valkey.asyncio.Valkey.from_url(os.environ["TEST_REDIS_URL"]) as client:
        return [await client.get("contract"), await client.pipeline().get("contract").execute()]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(ValkeyInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def client(redis_server: str, recorder: Recorder) -> Iterator[Any]:
    """A client of an empty server."""
    client = valkey.Valkey.from_url(redis_server)
    client.flushall()
    recorder.take()
    yield client
    client.close()


def common(url: str) -> dict[str, Any]:
    host, _, port = url.partition("://")[2].partition(":")
    return {"db.system.name": "valkey", "db.namespace": "0", "server.address": host, "server.port": int(port)}


def test_a_command_is_a_client_span(client: Any, recorder: Recorder, redis_server: str) -> None:
    client.set("tea", "green")
    assert client.get("tea") == b"green"
    setting, getting = recorder.take()
    assert (getting.name, getting.kind.name) == ("GET", "CLIENT")
    assert dict(getting.attributes or {}) == {
        **common(redis_server),
        "db.operation.name": "GET",
        "db.driver.call": "execute_command",
        "db.query.text": "GET tea",
        "db.command.length": 2,
        "db.row_count": 1,
    }
    assert dict(setting.attributes or {})["db.query.text"] == "SET tea green"


def test_a_pipeline_and_a_transaction_are_one_span_each(client: Any, recorder: Recorder, redis_server: str) -> None:
    assert client.pipeline(transaction=False).set("x", 1).get("x").execute() == [True, b"1"]
    client.pipeline().incr("x").execute()
    pipeline, transaction = recorder.take()
    assert (pipeline.name, transaction.name) == ("PIPELINE", "MULTI INCRBY")
    assert dict(pipeline.attributes or {}) == {
        **common(redis_server),
        "db.operation.name": "PIPELINE",
        "db.driver.call": "execute",
        "db.query.summary": "SET GET",
        "db.query.text": "SET x 1\nGET x",
        "db.operation.batch.size": 2,
    }


def test_an_error_is_recorded_and_raised_and_a_password_is_not(client: Any, recorder: Recorder) -> None:
    client.set("tea", "green")
    recorder.take()
    with pytest.raises(valkey.ResponseError):
        client.lpop("tea")
    with pytest.raises(valkey.AuthenticationError):
        client.execute_command("AUTH", "alice", "hunter2")
    popping, authenticating = recorder.take()
    assert dict(popping.attributes or {})["error.type"] == "valkey.exceptions.ResponseError"
    assert "hunter2" not in authenticating.to_json()


def test_commands_of_a_cluster(redis_cluster: str, recorder: Recorder) -> None:
    client = valkey.ValkeyCluster.from_url(redis_cluster)
    client.set("tea", "green")
    recorder.take()
    assert client.get("tea") == b"green"
    pipeline = client.pipeline()
    pipeline.get("tea")
    assert pipeline.execute() == [b"green"]
    client.close()
    getting, piped = recorder.take()
    assert (getting.name, piped.name) == ("GET", "PIPELINE GET")
    assert dict(getting.attributes or {})["db.system.name"] == "valkey"


def test_asynchronous_commands_are_children_of_the_span_around_them(client: Any, recorder: Recorder) -> None:
    tracer = recorder.provider.get_tracer("application")

    async def visit() -> None:
        async with valkey.asyncio.Valkey.from_url(os.environ["TEST_REDIS_URL"]) as store:
            with tracer.start_as_current_span("visit"):
                await store.set("tea", "green")
                assert await store.pipeline().get("tea").execute() == [b"green"]

    asyncio.run(visit())
    setting, piped, outer = recorder.take()
    assert [setting.name, piped.name] == ["SET", "MULTI GET"]
    assert outer.context is not None
    assert {span.parent.span_id for span in (setting, piped) if span.parent} == {outer.context.span_id}
