"""pymemcache: commands of plain, pooled and hash clients, misses, errors; keys are shown."""

from __future__ import annotations

import os

import pymemcache
from pymemcache.client.base import Client, PooledClient
from pymemcache.client.hash import HashClient
from steps import step

SETTINGS = {"DD_TRACE_MEMCACHED_COMMAND_ENABLED": "true"}
SERVERS = ("memcached",)

host, _, port = os.environ["TEST_MEMCACHED_URL"].partition("://")[2].partition(":")
address = (host, int(port))
cache = Client(address, default_noreply=False)

with step("the server is emptied"):
    cache.flush_all()

with step("a value is set, and read"):
    cache.set("tea", "green", expire=60)
    assert cache.get("tea") == b"green"

with step("a value that is not there"):
    assert cache.get("coffee") is None
    assert cache.get("coffee", "none") == "none"

with step("several at once"):
    assert cache.set_many({"a": "1", "b": "2"}) == []
    assert cache.get_many(["a", "none", "b"]) == {"a": b"1", "b": b"2"}
    assert cache.get_many(["none"]) == {}

with step("by their other names"):
    cache.set_multi({"c": "3"})
    assert cache.get_multi(["c"]) == {"c": b"3"}

with step("added, replaced, lengthened"):
    assert cache.add("cup", "blue")
    assert not cache.add("cup", "red")
    cache.replace("cup", "green")
    cache.append("cup", "!")
    cache.prepend("cup", "?")

with step("unless it was changed meanwhile"):
    value, version = cache.gets("cup")
    assert cache.cas("cup", "white", version)
    assert cache.gets("none") == (None, None)
    assert [*cache.gets_many(["cup", "none"])] == ["cup"]

with step("counted"):
    cache.set("count", "1")
    assert cache.incr("count", 2) == 3
    assert cache.decr("count", 1) == 2
    assert cache.incr("none", 1) is None

with step("touched and deleted"):
    cache.touch("cup", 30)
    assert cache.delete("cup")
    assert not cache.delete("cup")
    cache.delete_many(["a", "none"])

with step("the server itself"):
    cache.version()
    cache.stats()

with step("a key that is none", pymemcache.exceptions.MemcacheIllegalInputError):
    cache.get("two words")

with step("a text that is no number", pymemcache.exceptions.MemcacheClientError):
    cache.incr("tea", 1)

with step("a value that is too large", pymemcache.exceptions.MemcacheServerError):
    cache.set("large", "x" * 2_000_000)

with step("without an answer"):
    cache.set("quick", "1", noreply=True)
    assert cache.get("quick") == b"1"

with step("goodbye"):
    cache.quit()

with step("nobody there", ConnectionRefusedError):
    Client(("127.0.0.1", 1)).get("tea")

with step("nobody there, and nobody told"):
    assert Client(("127.0.0.1", 1), ignore_exc=True).get("tea") is None

with step("an address as text"):
    assert Client(f"{host}:{port}").get("tea") == b"green"

with step("a hash client"):
    many = HashClient([address])
    many.set("tea", "black", noreply=False)
    assert many.get("tea") == b"black"
    assert many.get_many(["tea", "none"]) == {"tea": b"black"}

with step("a hash client with pools, one key"):
    pools = HashClient([address], use_pooling=True)
    assert pools.get("tea") == b"black"
    pools.delete("none", noreply=False)

with step("a hash client with pools, many keys"):
    assert pools.get_many(["tea", "none"]) == {"tea": b"black"}

with step("a pooled client"):
    assert PooledClient(address).get("tea") == b"black"
