"""What is written is read back by protobuf, and with Datadog's own package."""

from __future__ import annotations

import hashlib
import math
import random
import struct

import pytest
from ddsketch.ddsketch import BaseDDSketch
from ddsketch.mapping import LogarithmicMapping
from ddsketch.pb.proto import DDSketchProto
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_dd_distro.stats.sketch import GAMMA, MOST_BINS, OFFSET, ZERO, bin_of, encode
from tests.otel_dd_distro.stats.made import bins, sketch

DAY = 86_400 * 10**9


def filled(values: list[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        counts[bin_of(value)] = counts.get(bin_of(value), 0) + 1
    return counts


def test_the_parameters_are_those_of_every_tracer() -> None:
    message = sketch(encode({}))
    assert (message.mapping.gamma, message.mapping.indexOffset, message.mapping.interpolation) == (1.015625, 1338.5, 0)
    assert pytest.approx(1 / 129, rel=1e-12) == (GAMMA - 1) / (GAMMA + 1)
    assert 1 - math.floor(math.log(1e-9) / math.log(GAMMA)) + 0.5 == OFFSET


def test_the_bytes_are_these() -> None:
    mapping = b"\x0a\x12\x09" + struct.pack("<d", 1.015625) + b"\x11" + struct.pack("<d", 1338.5)
    assert encode({}) == mapping + b"\x12\x00\x1a\x00"
    # Offset 1338 zigzag is 2676, a varint of two bytes.
    store = b"\x12\x10" + struct.pack("<2d", 3, 1) + b"\x18\xf4\x14"
    assert encode({1338: 3, 1339: 1, ZERO: 2}) == (
        mapping + b"\x12" + bytes([len(store)]) + store + b"\x1a\x00" + b"\x21" + struct.pack("<d", 2)
    )


def test_an_empty_sketch_is_still_one() -> None:
    message = sketch(encode({}))
    assert message.HasField("mapping")
    assert message.HasField("positiveValues")
    assert message.HasField("negativeValues")
    assert (list(message.positiveValues.contiguousBinCounts), message.zeroCount) == ([], 0)
    assert DDSketchProto.from_proto(message).count == 0


def test_ddtrace_writes_the_same_bytes() -> None:
    # Recorded from ddtrace 4.16.0 with DD_TRACE_STATS_COMPUTATION_ENABLED=true: OkSummary of spans that took so long.
    durations = [61, 65, 1029, 1118, 1060, 123_359, 2_000_003, 2_000_124, 5_000_000_061]
    written = encode(filled(durations))
    assert len(written) == 9439
    assert hashlib.sha256(written).hexdigest() == "0886d683be65ac87e852e5e29045e89c25c38e3387a99499f45b5b7276061fbb"
    assert encode({}).hex() == "0a1209000000000040f03f110000000000ea944012001a00"


def test_durations_of_zero_have_their_own_count() -> None:
    message = sketch(encode(filled([0, 0, 0, 5])))
    assert message.zeroCount == 3
    assert bins(encode(filled([0, 0, 0, 5]))) == {bin_of(5): 1}
    assert bins(encode(filled([0]))) == {}


def test_a_duration_below_zero_counts_as_zero() -> None:
    assert bin_of(-5) == ZERO


def test_too_wide_a_spread_merges_the_lowest_bins_and_loses_no_count() -> None:
    values = [2**exponent for exponent in range(63)] * 2
    counts = filled(values)
    assert max(counts) - min(counts) >= MOST_BINS
    merged = bins(encode(counts))
    assert sum(merged.values()) == len(values)
    assert max(merged) - min(merged) < MOST_BINS
    assert max(merged) == bin_of(2**62)
    assert merged[min(merged)] > 2, "the lowest of them hold what lay below"


def read(data: bytes) -> BaseDDSketch:
    """As the Agent reads it: a bin begins at gamma ** (index - offset), where the Python package lets it end."""
    theirs = DDSketchProto.from_proto(sketch(data))
    theirs._mapping = LogarithmicMapping.from_gamma_offset(theirs._mapping.gamma, theirs._mapping._offset - 1)
    return theirs


@settings(max_examples=200, deadline=None)
@given(
    # Below 100 ns such a spread has more than 2048 bins.
    st.lists(st.integers(100, 10 * DAY), min_size=1, max_size=400)
    | st.lists(st.integers(10**6, 2 * 10**6), min_size=1, max_size=400),
    st.sampled_from([0.0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0]),
)
def test_a_quantile_is_within_one_percent_of_the_true_value(values: list[int], quantile: float) -> None:
    found = read(encode(filled(values))).get_quantile_value(quantile)
    true = sorted(values)[int(quantile * (len(values) - 1))]
    assert found is not None
    assert abs(found - true) <= 0.01 * true


def test_quantiles_of_many_durations_as_they_are_in_life() -> None:
    chance = random.Random(5)
    values = [int(chance.lognormvariate(15, 2)) for _ in range(50_000)]
    found = read(encode(filled(values)))
    assert found.count == 50_000
    for quantile in (0.5, 0.9, 0.99, 0.999):
        true = sorted(values)[int(quantile * (len(values) - 1))]
        assert found.get_quantile_value(quantile) == pytest.approx(true, rel=0.01)
