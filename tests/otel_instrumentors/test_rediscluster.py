"""redis-py-cluster, on a real cluster of three nodes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from otel_instrumentors.redis import RedisInstrumentor
from otel_instrumentors.rediscluster import RedisclusterInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented
from tests.otel_instrumentors.test_pairs import counted

with warnings.catch_warnings():
    # It was written when there was a distutils.
    warnings.simplefilter("ignore")
    import rediscluster
    from redis.exceptions import RedisError, ResponseError
    from rediscluster.exceptions import RedisClusterException

CLASSES = [name for name in ("RedisCluster", "StrictRedisCluster") if hasattr(rediscluster, name)]
"""Before 2.0 there was a strict one."""


def node() -> dict[str, Any]:
    host, _, port = os.environ["TEST_REDIS_CLUSTER_URL"].partition("://")[2].partition(":")
    return {"host": host, "port": int(port)}


def connected(cls: str = "RedisCluster") -> Any:
    return getattr(rediscluster, cls)(startup_nodes=[node()])


class TestRedisclusterContract(Contract):
    instrumentor = RedisclusterInstrumentor
    servers = ("redis_cluster",)

    @staticmethod
    def use() -> Any:
        client = connected()
        client.set("contract", "1")
        pipeline = client.pipeline(transaction=False)
        pipeline.get("contract")
        seen = [client.get("contract"), pipeline.execute()]
        client.connection_pool.disconnect()
        return seen


@pytest.fixture(autouse=True)
def _redis_cluster(redis_cluster: str) -> None:
    """All of these need it."""


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(RedisclusterInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture(params=CLASSES)
def client(request: pytest.FixtureRequest, recorder: Recorder) -> Iterator[Any]:
    client = connected(request.param)
    client.delete("tea")
    recorder.take()
    yield client
    client.connection_pool.disconnect()


def common() -> dict[str, Any]:
    return {"db.system.name": "redis", "server.address": node()["host"], "server.port": node()["port"]}


def test_a_command_is_a_client_span(client: Any, recorder: Recorder) -> None:
    client.set("tea", "green")
    assert client.get("tea") == b"green"
    setting, getting = recorder.take()
    assert dict(setting.attributes or {})["db.query.text"] == "SET tea green"
    assert (getting.name, getting.kind.name) == ("GET", "CLIENT")
    assert dict(getting.attributes or {}) == {
        **common(),
        "db.operation.name": "GET",
        "db.driver.call": "execute_command",
        "db.query.text": "GET tea",
        "db.command.length": 2,
        "db.row_count": 1,
    }


def test_a_pipeline_over_several_nodes_is_one_span(client: Any, recorder: Recorder) -> None:
    pipeline = client.pipeline(transaction=False)
    for number in range(2):
        pipeline.set(f"cup:{number}", number)
        pipeline.get(f"cup:{number}")
    assert pipeline.execute() == [True, b"0", True, b"1"]
    (span,) = recorder.take()
    assert span.name == "PIPELINE"
    assert dict(span.attributes or {}) == {
        **common(),
        "db.operation.name": "PIPELINE",
        "db.driver.call": "execute",
        "db.query.summary": "SET GET SET GET",
        "db.query.text": "SET cup:0 0\nGET cup:0\nSET cup:1 1\nGET cup:1",
        "db.operation.batch.size": 4,
    }


def test_commands_reach_every_node_and_are_one_span_each(client: Any, recorder: Recorder) -> None:
    for number in range(12):
        client.set(f"cup:{number}", number)
    assert [span.name for span in recorder.take()] == ["SET"] * 12


def test_a_command_that_is_redirected_is_one_span(client: Any, recorder: Recorder) -> None:
    client.set("tea", "green")
    recorder.take()
    nodes = client.connection_pool.nodes
    slot = nodes.keyslot("tea")
    right = nodes.slots[slot][0]["name"]
    wrong = next(known for known in nodes.slots.values() if known[0]["name"] != right)
    # As if the slot had moved since the client asked where it is.
    nodes.slots[slot] = list(wrong)
    assert client.get("tea") == b"green"
    assert nodes.slots[slot][0]["name"] == right, "it was redirected"
    (span,) = recorder.take()
    assert dict(span.attributes or {})["db.row_count"] == 1
    nodes.slots[slot] = list(wrong)
    pipeline = client.pipeline(transaction=False)
    pipeline.get("tea")
    assert pipeline.execute() == [b"green"]
    assert [span.name for span in recorder.take()] == ["PIPELINE GET"]


def test_an_error_is_recorded_and_raised_and_a_password_is_not(client: Any, recorder: Recorder) -> None:
    client.set("tea", "green")
    recorder.take()
    with pytest.raises(ResponseError):
        client.lpop("tea")
    with pytest.raises(ResponseError):
        client.pipeline(transaction=False).lpop("tea").execute()
    popping, piped = recorder.take()
    for span in (popping, piped):
        assert dict(span.attributes or {})["error.type"] == "redis.exceptions.ResponseError"
        assert not span.status.is_ok
    with pytest.raises((RedisClusterException, RedisError)):
        client.execute_command("AUTH", "hunter2")
    assert "hunter2" not in recorder.take()[0].to_json()


def test_with_redis_traced_as_well_a_command_is_one_span(client: Any, recorder: Recorder) -> None:
    with instrumented(RedisInstrumentor, recorder.provider):
        client.get("tea")
        counted(("rediscluster + redis", '`client.get("tea")`'), recorder)
        pipeline = client.pipeline(transaction=False)
        pipeline.get("tea")
        pipeline.execute()
    assert [span.name for span in recorder.take()] == ["PIPELINE GET"]


def test_spans_are_below_the_current_one(client: Any, recorder: Recorder) -> None:
    with recorder.provider.get_tracer("application").start_as_current_span("work"):
        client.get("tea")
    getting, work = recorder.take()
    assert getting.parent is not None
    assert getting.parent.span_id == work.context.span_id


def test_a_client_made_before_instrumenting_is_traced() -> None:
    recorder, client = Recorder(), connected()
    with instrumented(RedisclusterInstrumentor, recorder.provider):
        client.get("tea")
    client.connection_pool.disconnect()
    assert [span.name for span in recorder.take()] == ["GET"]
