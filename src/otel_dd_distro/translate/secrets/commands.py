"""The values of Redis commands."""

from __future__ import annotations

from .statements import LITERAL

# fmt: off
_WITH_ONE_KEY = frozenset((
    "APPEND", "BITCOUNT", "BITFIELD", "BITPOS", "DECR", "DECRBY", "DUMP", "EXPIRE", "EXPIREAT", "EXPIRETIME", "GEOADD",
    "GEODIST", "GEOHASH", "GEOPOS", "GEOSEARCH", "GET", "GETBIT", "GETDEL", "GETEX", "GETRANGE", "GETSET", "HDEL",
    "HEXISTS", "HGET", "HGETALL", "HINCRBY", "HINCRBYFLOAT", "HKEYS", "HLEN", "HMGET", "HMSET", "HRANDFIELD", "HSCAN",
    "HSET", "HSETNX", "HSTRLEN", "HVALS", "INCR", "INCRBY", "INCRBYFLOAT", "LINDEX", "LINSERT", "LLEN", "LPOP", "LPOS",
    "LPUSH", "LPUSHX", "LRANGE", "LREM", "LSET", "LTRIM", "PERSIST", "PEXPIRE", "PEXPIREAT", "PEXPIRETIME", "PFADD",
    "PSETEX", "PTTL", "RESTORE", "RPOP", "RPUSH", "RPUSHX", "SADD", "SCARD", "SET", "SETBIT", "SETEX", "SETNX",
    "SETRANGE", "SISMEMBER", "SMEMBERS", "SMISMEMBER", "SORT", "SPOP", "SRANDMEMBER", "SREM", "SSCAN", "STRLEN", "TTL",
    "TYPE", "XACK", "XADD", "XDEL", "XLEN", "XRANGE", "XREVRANGE", "XTRIM", "ZADD", "ZCARD", "ZCOUNT", "ZINCRBY",
    "ZLEXCOUNT", "ZPOPMAX", "ZPOPMIN", "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZRANK", "ZREM", "ZREMRANGEBYLEX",
    "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE", "ZREVRANGE", "ZREVRANGEBYSCORE", "ZREVRANK", "ZSCAN", "ZSCORE",
))
# fmt: on
"""Commands whose first argument is a key and never a value. Source: redis.io/docs/latest/commands."""


def without_values(command: str, summary: str = "") -> str:
    """A command as its name, its key and one `?` for all that follows; the key only where the command is known.

    Of several commands only the names are shown, those of `summary` (`db.query.summary`): a value may hold what looks
    like another command.
    """
    names = summary.split()
    if len(names) > 1 or (names and "\n" in command):
        return "\n".join(f"{name} {LITERAL}" for name in names)
    words = command.split(None, 2)
    shown = words[:2] if words and words[0].upper() in _WITH_ONE_KEY else words[:1]
    return " ".join(shown if len(shown) == len(words) else [*shown, LITERAL])
