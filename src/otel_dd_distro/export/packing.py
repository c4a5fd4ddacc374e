"""Encodes span maps as msgpack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def pack(trace: Sequence[Mapping[str, Any]]) -> bytes:
    """One trace, an array of span maps, as msgpack. Raises TypeError for values that msgpack has no form for."""
    import ormsgpack

    try:
        return ormsgpack.packb(trace)
    except TypeError:
        # Most often half of a surrogate pair in a string that some library decoded badly: not worth losing a trace.
        return ormsgpack.packb(_scrubbed(trace))


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_scrubbed(item) for item in value]
    return value


def array_header(length: int) -> bytes:
    """What opens a msgpack array of that many elements."""
    if length < 16:
        return bytes((0x90 | length,))
    if length < 1 << 16:
        return b"\xdc" + length.to_bytes(2, "big")
    return b"\xdd" + length.to_bytes(4, "big")
