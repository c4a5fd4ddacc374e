"""pylibmc: commands, many keys at once, misses, errors, clones and pools."""

from __future__ import annotations

import os

import pylibmc
from steps import step

SERVERS = ("memcached",)

address = os.environ["TEST_MEMCACHED_URL"].partition("://")[2]
cache = pylibmc.Client([address], behaviors={"cas": True})
cache.flush_all()

with step("a value is set, and read"):
    cache.set("tea", "green", 60)
    assert cache.get("tea") == "green"

with step("a value that is not there"):
    assert cache.get("coffee") is None

with step("a value that is false"):
    cache.set("none-left", 0)
    assert cache.get("none-left") == 0

with step("several at once"):
    cache.set_multi({"a": "1", "b": "2"})
    assert cache.get_multi(["a", "none", "b"]) == {"a": "1", "b": "2"}
    assert cache.get_multi(["none"]) == {}

with step("several with a prefix"):
    cache.set_multi({"a": "1"}, key_prefix="cups:")
    assert cache.get_multi(["a"], key_prefix="cups:") == {"a": "1"}
    cache.delete_multi(["a"], key_prefix="cups:")

with step("added, lengthened, touched, deleted"):
    assert cache.add("cup", "blue")
    assert not cache.add("cup", "red")
    cache.append("cup", "!")
    cache.prepend("cup", "?")
    cache.touch("cup", 30)
    assert cache.delete("cup")
    assert not cache.delete("cup")

with step("unless it was changed meanwhile"):
    value, version = cache.gets("tea")
    assert cache.cas("tea", "white", version)
    assert cache.gets("none") == (None, None)

with step("counted"):
    cache.set("count", 1)
    assert cache.incr("count", 2) == 3
    assert cache.decr("count", 1) == 2

with step("counted where nothing is", pylibmc.NotFound):
    cache.incr("none")

with step("replaced"):
    cache.replace("tea", "black")

with step("many added and counted"):
    cache.add_multi({"x": 1, "y": 2})
    cache.incr_multi(["x", "y"])

with step("the server itself"):
    cache.get_stats()

with step("as a mapping"):
    cache["pot"] = "full"
    assert cache["pot"] == "full"
    assert "pot" in cache
    del cache["pot"]

with step("nobody there", pylibmc.Error):
    pylibmc.Client(["127.0.0.1:1"]).get("tea")

with step("a key that is none", ValueError, pylibmc.Error):
    cache.get("x" * 300)

with step("a clone"):
    assert cache.clone().get("tea") == "black"

with step("a pool"):
    pool = pylibmc.ClientPool(cache, 2)
    with pool.reserve() as reserved:
        assert reserved.get("tea") == "black"

with step("several servers"):
    assert pylibmc.Client([address, address]).get("tea") == "black"
