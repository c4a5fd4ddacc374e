from __future__ import annotations

import ormsgpack
import pytest

from otel_dd_distro.export.packing import array_header, pack


@pytest.mark.parametrize("length", [0, 1, 15, 16, 255, 65_535, 65_536, 70_000])
def test_the_array_header_is_the_one_msgpack_writes(length: int) -> None:
    assert array_header(length) + b"\xc0" * length == ormsgpack.packb([None] * length)


def test_half_a_surrogate_pair_costs_one_character_not_the_trace() -> None:
    trace = [
        {"name": "caf\udce9", "meta": {"k\ud800": "ok", "list": "é"}, "metrics": {"n": 1.5}, "events": [("\ud800",)]}
    ]
    assert ormsgpack.unpackb(pack(trace)) == [
        {"name": "caf?", "meta": {"k?": "ok", "list": "é"}, "metrics": {"n": 1.5}, "events": [["?"]]}
    ]


def test_a_value_that_msgpack_does_not_know_is_an_error() -> None:
    with pytest.raises(TypeError):
        pack([{"meta": {"a": object()}}])
