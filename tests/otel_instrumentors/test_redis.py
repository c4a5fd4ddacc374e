"""redis-py, on a real server and a real cluster."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from opentelemetry import trace

from otel_instrumentors.families.redis_py import connection
from otel_instrumentors.redis import RedisInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

CAN_CLUSTER = hasattr(redis, "RedisCluster")
CAN_ASYNC = find_spec("redis.asyncio") is not None
if CAN_ASYNC:
    import redis.asyncio
CAN_CLUSTER_ASYNC = CAN_ASYNC and hasattr(redis.asyncio, "RedisCluster")


class TestRedisContract(Contract):
    instrumentor = RedisInstrumentor
    servers = ("redis_server", "redis_cluster") if CAN_CLUSTER else ("redis_server",)

    @staticmethod
    def use() -> Any:
        client = redis.StrictRedis.from_url(os.environ["TEST_REDIS_URL"])
        client.set("contract", "1")
        seen = [client.get("contract"), client.pipeline().incr("contract").get("contract").execute()]
        client.transaction(lambda pipeline: seen.append(pipeline.get("contract")), "contract")
        client.connection_pool.disconnect()
        if CAN_CLUSTER:
            client = redis.RedisCluster.from_url(os.environ["TEST_REDIS_CLUSTER_URL"])
            client.set("contract", "1")
            seen.append(client.get("contract"))
            client.disconnect_connection_pools()
        if CAN_ASYNC:
            seen.append(asyncio.run(_used()))
        return seen


async def _used() -> Any:
    async with redis.asyncio.Redis.from_url(os.environ["TEST_REDIS_URL"]) as client:
        return [await client.get("contract"), await client.pipeline().get("contract").execute()]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(RedisInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def client(redis_server: str, recorder: Recorder) -> Iterator[Any]:
    """A client of an empty server."""
    client = redis.StrictRedis.from_url(redis_server)
    client.flushall()
    recorder.take()
    yield client
    client.connection_pool.disconnect()


@pytest.fixture
def cluster(redis_cluster: str, recorder: Recorder) -> Iterator[Any]:
    client = redis.RedisCluster.from_url(redis_cluster)
    client.flushall(target_nodes="primaries")
    recorder.take()
    yield client
    client.close()


def shown(recorder: Recorder) -> list[dict[str, Any]]:
    return [
        {"name": span.name, **{key: value for key, value in (span.attributes or {}).items() if key not in COMMON}}
        for span in recorder.take()
    ]


COMMON = ("db.system.name", "db.namespace", "server.address", "server.port", "db.driver.call")


def texts(recorder: Recorder) -> list[Any]:
    return [(span.attributes or {}).get("db.query.text") for span in recorder.take()]


def test_a_command_is_a_client_span_named_by_its_first_word(client: Any, redis_server: str, recorder: Recorder) -> None:
    client.set("tea", "green")
    assert client.get("tea") == b"green"
    setting, getting = recorder.take()
    common = {
        "db.system.name": "redis",
        "db.driver.call": "execute_command",
        "db.namespace": "0",
        "server.address": "127.0.0.1",
        "server.port": int(redis_server.rpartition(":")[2]),
    }
    assert (setting.name, setting.kind.name) == ("SET", "CLIENT")
    assert dict(setting.attributes or {}) == {
        **common,
        "db.operation.name": "SET",
        "db.query.text": "SET tea green",
        "db.command.length": 3,
    }
    assert dict(getting.attributes or {}) == {
        **common,
        "db.operation.name": "GET",
        "db.query.text": "GET tea",
        "db.command.length": 2,
        "db.row_count": 1,
    }


def test_an_error_is_recorded_and_raised(client: Any, recorder: Recorder) -> None:
    client.set("tea", "green")
    recorder.take()
    with pytest.raises(redis.ResponseError):
        client.lpop("tea")
    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    attributes = dict(span.attributes or {})
    assert (attributes["error.type"], attributes["db.row_count"]) == ("redis.exceptions.ResponseError", 0)
    (event,) = span.events
    assert "wrong kind of value" in str(dict(event.attributes or {})["exception.message"])


def test_a_server_that_is_not_there_is_an_error(recorder: Recorder) -> None:
    with pytest.raises(redis.ConnectionError):
        redis.StrictRedis(port=1).get("tea")
    (span,) = recorder.take()
    assert span.name == "GET"
    assert span.status.status_code.name == "ERROR"


@pytest.mark.parametrize(
    ("command", "count"),
    [
        (("GET", "no"), 0),
        (("GET", "text"), 1),
        (("MGET", "text", "no", "text"), 2),
        (("HMGET", "hash", "a", "no", "b"), 1),
        (("HMGET", "hash", "no"), 0),
        (("HGETALL", "hash"), 1),
        (("HGETALL", "no"), 0),
        (("LRANGE", "list", "0", "-1"), 1),
        (("LRANGE", "no", "0", "-1"), 0),
        (("LLEN", "list"), None),
        (("EXISTS", "text"), None),
    ],
)
def test_what_returns_values_says_whether_it_found_any(
    client: Any, recorder: Recorder, command: tuple[str, ...], count: int | None
) -> None:
    client.set("text", "t")
    client.execute_command("HSET", "hash", "a", "1")
    client.execute_command("HSET", "hash", "b", "2")
    client.rpush("list", "1", "2")
    recorder.take()
    client.execute_command(*command)
    (span,) = recorder.take()
    assert (span.attributes or {}).get("db.row_count") == count


def test_a_pipeline_is_one_span(client: Any, recorder: Recorder) -> None:
    pipeline = client.pipeline(transaction=False)
    pipeline.set("tea", "green").rpush("cups", "1", "2").execute_command("HGETALL", "no")
    assert recorder.take() == []
    assert pipeline.execute()[:2] == [True, 2]
    assert shown(recorder) == [
        {
            "name": "PIPELINE",
            "db.operation.name": "PIPELINE",
            "db.operation.batch.size": 3,
            "db.query.summary": "SET RPUSH HGETALL",
            "db.query.text": "SET tea green\nRPUSH cups 1 2\nHGETALL no",
        }
    ]


def test_a_transaction_is_one_span_named_by_the_command_that_it_repeats(client: Any, recorder: Recorder) -> None:
    client.pipeline().incr("a").incr("b").execute()
    assert shown(recorder) == [
        {
            "name": "MULTI INCRBY",
            "db.operation.name": "MULTI INCRBY",
            "db.operation.batch.size": 2,
            "db.query.summary": "INCRBY INCRBY",
            "db.query.text": "INCRBY a 1\nINCRBY b 1",
        }
    ]


def test_what_is_asked_while_watching_is_sent_at_once_and_so_are_its_spans(client: Any, recorder: Recorder) -> None:
    def doubled(pipeline: Any) -> None:
        cups = int(pipeline.get("cups"))
        pipeline.multi()
        pipeline.set("cups", 2 * cups)

    client.set("cups", 2)
    client.transaction(doubled, "cups")
    assert client.get("cups") == b"4"
    assert [span.name for span in recorder.take()] == ["SET", "WATCH", "GET", "MULTI SET", "GET"]


def test_a_transaction_that_lost_a_race_is_an_error(client: Any, recorder: Recorder) -> None:
    with client.pipeline() as pipeline:
        pipeline.watch("cups")
        client.set("cups", 1)
        pipeline.multi()
        pipeline.set("cups", 2)
        with pytest.raises(redis.WatchError):
            pipeline.execute()
    watch, _, failed, *_ = recorder.take()
    assert (watch.status.status_code.name, failed.status.status_code.name) == ("UNSET", "ERROR")


def test_a_script_is_a_command(client: Any, recorder: Recorder) -> None:
    assert client.execute_command("EVAL", "return ARGV[1]", "0", "7") == b"7"
    assert texts(recorder) == ["EVAL return ARGV[1] 0 7"]


def test_subscribing_and_listening_make_no_span(client: Any, recorder: Recorder) -> None:
    listener = client.pubsub()
    listener.subscribe("news")
    client.publish("news", "tea is ready")
    heard = listener.listen()
    assert [next(heard)["type"], next(heard)["type"]] == ["subscribe", "message"]
    heard.close()
    listener.connection_pool.disconnect()
    assert [span.name for span in recorder.take()] == ["PUBLISH"]


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (("AUTH", "hunter2"), "AUTH ?"),
        (("AUTH", "alice", "hunter2"), "AUTH ? ?"),
        (("auth hunter2",), "auth ?"),
        ((b"AUTH", b"hunter2"), "AUTH ?"),
        (("HELLO", "2", "AUTH", "alice", "hunter2", "SETNAME", "x"), "HELLO 2 AUTH ? ? ? ?"),
        (("ACL SETUSER", "alice", "on", ">hunter2", "wrong"), "ACL SETUSER ? ? ? ?"),
        (("ACL", "SETUSER", "alice", ">hunter2", "wrong"), "ACL SETUSER ? ? ?"),
        (("CONFIG SET", "masterauth", "hunter2", "no-such"), "CONFIG SET masterauth ? ?"),
        (("CONFIG", "SET", "no-such", "1", "requirepass", "hunter2"), "CONFIG SET no-such 1 requirepass ?"),
        (("MIGRATE", "127.0.0.1", "1", "", "0", "10", "AUTH", "hunter2", "KEYS", "a"), None),
        (("MIGRATE", "127.0.0.1", "1", "", "0", "10", "AUTH2", "alice", "hunter2", "KEYS", "a"), None),
        (("SENTINEL", "SET", "main", "auth-pass", "hunter2"), "SENTINEL SET main auth-pass ?"),
    ],
)
def test_secrets_are_never_recorded(
    client: Any, recorder: Recorder, command: tuple[Any, ...], text: str | None
) -> None:
    client.set("a", 1)
    recorder.take()
    with pytest.raises(redis.RedisError):
        client.execute_command(*command)
    (span,) = recorder.take()
    assert span.name.upper() in ("AUTH", "HELLO", "ACL", "CONFIG", "MIGRATE", "SENTINEL")
    if text is not None:
        assert dict(span.attributes or {})["db.query.text"] == text
    assert "hunter2" not in str(dict(span.attributes or {}))


def test_long_arguments_and_long_commands_are_cut(client: Any, recorder: Recorder) -> None:
    client.execute_command("SET", "a" * 101, "é" * 100)
    client.execute_command("SET", "b", b"\xff" + b"x" * 10_000_000)
    client.execute_command("MGET", *("c" * 90 for _ in range(20)))
    cut, binary, long = texts(recorder)
    assert cut == f"SET {'a' * 100}... {'é' * 100}"
    assert binary == "SET b \\xff" + "x" * 96 + "..."
    assert long == "MGET " + " ".join(["c" * 90] * 11) + " " + "c" * 6 + "..."


def test_a_huge_pipeline_is_told_of_as_far_as_anyone_would_read_it(client: Any, recorder: Recorder) -> None:
    pipeline = client.pipeline(transaction=False)
    for number in range(10_000):
        pipeline.set(f"key:{number}", number)
    pipeline.execute()
    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert attributes["db.operation.batch.size"] == 10_000
    assert len(str(attributes["db.query.text"])) < 30_000


def test_the_connection_tells_its_database_and_its_name(redis_server: str, recorder: Recorder) -> None:
    client = redis.StrictRedis.from_url(redis_server + "/3")
    client.ping()
    client.connection_pool.connection_kwargs["client_name"] = "teahouse"
    client.ping()
    client.connection_pool.disconnect()
    plain, named = recorder.take()
    assert dict(plain.attributes or {})["db.namespace"] == "3"
    assert dict(named.attributes or {})["db.client.name"] == "teahouse"


@pytest.mark.parametrize(
    ("pool", "told"),
    [
        ({"connection_kwargs": {"host": "h", "port": 1, "db": 2}}, ("2", "h", 1)),
        ({"connection_kwargs": {"host": "h"}}, ("0", "h", 6379)),
        ({"connection_kwargs": {"path": "/run/redis.socket", "db": None}}, ("0", None, None)),
        ({"connection_kwargs": {}, "master_address": None}, ("0", None, None)),
        ({"connection_kwargs": {}, "master_address": ("10.0.0.7", 6380)}, ("0", "10.0.0.7", 6380)),
    ],
)
def test_the_server_is_told_as_far_as_it_is_known(pool: dict[str, Any], told: tuple[object, ...]) -> None:
    known = connection(SimpleNamespace(connection_pool=SimpleNamespace(**pool)))
    assert (known["db.namespace"], known.get("server.address"), known.get("server.port")) == told


def test_a_client_made_before_instrumenting_is_traced(redis_server: str) -> None:
    recorder, client = Recorder(), redis.StrictRedis.from_url(redis_server)
    pipeline = client.pipeline().get("tea")
    with instrumented(RedisInstrumentor, recorder.provider):
        client.ping()
        pipeline.execute()
    client.connection_pool.disconnect()
    assert [span.name for span in recorder.take()] == ["PING", "MULTI GET"]


def test_commands_are_children_of_the_span_around_them(client: Any, recorder: Recorder) -> None:
    tracer = recorder.provider.get_tracer("application")
    with tracer.start_as_current_span("visit") as visit:
        client.ping()
        client.pipeline().ping().execute()
        assert trace.get_current_span() is visit
    *children, _ = recorder.take()
    assert [span.parent and span.parent.span_id for span in children] == [visit.get_span_context().span_id] * 2


if CAN_ASYNC:

    def test_asynchronous_commands_pipelines_and_transactions_are_spans(redis_server: str, recorder: Recorder) -> None:
        async def visit() -> None:
            client = redis.asyncio.Redis.from_url(redis_server)
            await client.set("tea", "green")
            recorder.take()
            assert await asyncio.gather(client.get("tea"), client.get("no")) == [b"green", None]
            await client.pipeline(transaction=False).get("tea").set("tea", "black").execute()
            async with client.pipeline() as pipeline:
                await pipeline.watch("tea")
                assert await pipeline.get("tea") == b"black"
                pipeline.multi()
                await pipeline.delete("tea").execute()
            with pytest.raises(redis.ResponseError):
                await client.execute_command("NOSUCH")
            await client.connection_pool.disconnect()

        asyncio.run(visit())
        spans = recorder.take()
        named = ["GET", "GET", "PIPELINE", "WATCH", "GET", "MULTI DEL", "NOSUCH"]
        assert [span.name for span in spans] == named
        assert {dict(span.attributes or {})["server.address"] for span in spans} == {"127.0.0.1"}
        assert [span.status.status_code.name for span in spans] == ["UNSET"] * 6 + ["ERROR"]
        assert sorted(str(dict(span.attributes or {})["db.row_count"]) for span in spans[:2]) == ["0", "1"]

    def test_an_asynchronous_command_that_is_cancelled_ends_its_span(redis_server: str, recorder: Recorder) -> None:
        async def visit() -> None:
            client = redis.asyncio.Redis.from_url(redis_server)
            await client.delete("queue")
            recorder.take()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.blpop("queue"), 0.05)
            await client.connection_pool.disconnect()

        asyncio.run(visit())
        (span,) = recorder.take()
        assert (span.name, span.end_time is not None) == ("BLPOP", True)


if CAN_CLUSTER:

    def test_commands_for_a_cluster_are_spans(cluster: Any, redis_cluster: str, recorder: Recorder) -> None:
        for number in range(10):
            cluster.set(f"cup:{number}", number)
        assert cluster.get("cup:1") == b"1"
        *_, getting = spans = recorder.take()
        assert [span.name for span in spans] == ["SET"] * 10 + ["GET"]
        attributes = dict(getting.attributes or {})
        assert isinstance(attributes.pop("server.port"), int)
        assert attributes == {
            "db.system.name": "redis",
            "db.driver.call": "execute_command",
            "db.namespace": "0",
            "server.address": "127.0.0.1",
            "db.operation.name": "GET",
            "db.query.text": "GET cup:1",
            "db.command.length": 2,
            "db.row_count": 1,
        }

    def test_a_pipeline_over_a_cluster_is_one_span(cluster: Any, recorder: Recorder) -> None:
        pipeline = cluster.pipeline()
        recorder.take()
        pipeline.set("a", 1)
        pipeline.set("b", 2)
        pipeline.get("a")
        assert pipeline.execute() == [True, True, b"1"]
        assert shown(recorder) == [
            {
                "name": "PIPELINE",
                "db.operation.name": "PIPELINE",
                "db.operation.batch.size": 3,
                "db.query.summary": "SET SET GET",
                "db.query.text": "SET a 1\nSET b 2\nGET a",
            }
        ]

    def test_a_pipeline_over_a_cluster_that_is_redirected_is_one_span(cluster: Any, recorder: Recorder) -> None:
        cluster.set("a", 1)
        slots, slot = cluster.nodes_manager.slots_cache, cluster.keyslot("a")
        right = slots[slot]
        # As if the slot had moved since the client asked where it is.
        slots[slot] = next(nodes for nodes in slots.values() if nodes[0].name != right[0].name)
        pipeline = cluster.pipeline()
        recorder.take()
        assert pipeline.get("a").execute() == [b"1"]
        assert [span.name for span in recorder.take()] == ["PIPELINE GET"]


if CAN_CLUSTER_ASYNC:

    def test_asynchronous_commands_and_pipelines_over_a_cluster_are_spans(
        redis_cluster: str, recorder: Recorder
    ) -> None:
        async def visit() -> None:
            async with redis.asyncio.RedisCluster.from_url(redis_cluster) as client:
                recorder.take()
                await client.set("a", 1)
                assert await client.pipeline().get("a").set("b", 2).execute() == [b"1", True]
                with pytest.raises(redis.ResponseError):
                    await client.execute_command("LPOP", "a")

        asyncio.run(visit())
        assert [{key: told[key] for key in ("name", "db.query.text")} for told in shown(recorder)] == [
            {"name": "SET", "db.query.text": "SET a 1"},
            {"name": "PIPELINE", "db.query.text": "GET a\nSET b 2"},
            {"name": "LPOP", "db.query.text": "LPOP a"},
        ]
