"""Ten seconds of spans, counted by their keys; what it holds is bounded, whatever the spans are like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from typing import Any, TypeVar

from . import sketch
from .keys import BLOCKED, OVERFLOW, Key

MOST_KEYS = 7_000
"""And one more, for the overflow."""
MOST_RESOURCES = 1_024
MOST_ENDPOINTS = 512
MOST_PEERS = 512
MOST_ADDITIONAL = 100
MOST_LEARNT = 4 * MOST_KEYS
"""Spans whose key was worked out once are recognised: that many kinds of them."""

Value = TypeVar("Value", bound=Hashable)


class Cell:
    """Spans of one key that are alike in being errors or not, top level or not."""

    __slots__ = ("bins", "duration")

    def __init__(self) -> None:
        self.duration = 0
        """Of all of them, in nanoseconds."""
        self.bins: defaultdict[int, int] = defaultdict(int)
        """How many there are, by the bin of their duration."""


class Group:
    """The spans of one key."""

    __slots__ = ("_cells",)

    def __init__(self) -> None:
        self._cells: dict[tuple[bool, bool], Cell] = {}

    def cell(self, is_error: bool, is_top_level: bool) -> Cell:
        return self._cells.setdefault((is_error, is_top_level), Cell())

    def payload(self, key: Key) -> dict[str, Any]:
        """As the Agent takes it (v0.6 client stats, grouped stats)."""
        bins: dict[bool, dict[int, int]] = {False: {}, True: {}}
        duration = top_level = 0
        for (is_error, is_top_level), cell in self._cells.items():
            duration += cell.duration
            together = bins[is_error]
            for index, count in cell.bins.items():
                together[index] = together.get(index, 0) + count
                if is_top_level:
                    top_level += count
        errors = sum(bins[True].values())
        return {
            "Service": key.service,
            "Name": key.name,
            "Resource": key.resource,
            "HTTPStatusCode": key.status,
            "Type": key.type,
            "DBType": "",
            "Hits": errors + sum(bins[False].values()),
            "Errors": errors,
            "Duration": duration,
            "OkSummary": sketch.encode(bins[False]),
            "ErrorSummary": sketch.encode(bins[True]),
            "Synthetics": key.synthetics,
            "TopLevelHits": top_level,
            "SpanKind": key.kind,
            "PeerTags": list(key.peers),
            "IsTraceRoot": key.root,
            "GRPCStatusCode": key.grpc,
            "HTTPMethod": key.method,
            "HTTPEndpoint": key.endpoint,
            "srv_src": key.source,
            "AdditionalMetricTags": list(key.additional),
        }


class Bucket:
    """Not thread-safe."""

    def __init__(self) -> None:
        self.groups: dict[Key, Group] = {}
        self.learnt: dict[Any, Cell] = {}
        """Cells by whatever the one who counts recognises its spans by."""
        self._resources: set[str] = set()
        self._endpoints: set[str] = set()
        self._peers: set[tuple[str, ...]] = set()
        self._additional: set[tuple[str, ...]] = set()

    def cell(self, key: Key, is_error: bool, is_top_level: bool) -> Cell:
        """Where such a span is counted. Where a limit is reached values become one, but no span is left out."""
        group = self.groups.get(key)
        if group is None:
            key = key._replace(
                resource=_one_of(self._resources, key.resource, MOST_RESOURCES, BLOCKED),
                endpoint=_one_of(self._endpoints, key.endpoint, MOST_ENDPOINTS, BLOCKED),
                peers=_one_of(self._peers, key.peers, MOST_PEERS, (BLOCKED,)),
                additional=_one_of(self._additional, key.additional, MOST_ADDITIONAL, (BLOCKED,)),
            )
            if len(self.groups) >= MOST_KEYS and key not in self.groups:
                key = OVERFLOW
            group = self.groups.setdefault(key, Group())
        return group.cell(is_error, is_top_level)

    def learn(self, mark: Hashable, cell: Cell) -> None:
        """Recognise spans with this mark from now on."""
        if len(self.learnt) >= MOST_LEARNT:
            self.learnt.clear()
        self.learnt[mark] = cell


def _one_of(known: set[Value], value: Value, most: int, otherwise: Value) -> Value:
    if value not in known:
        if len(known) >= most:
            return otherwise
        known.add(value)
    return value
