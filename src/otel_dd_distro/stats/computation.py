"""Counts translated spans into buckets of ten seconds, and makes the payloads for the Agent.

Source: the Agent's client stats (`/v0.6/stats`).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from math import floor, log2
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from ..export.info import STATS_PATH
from ..export.loading import own_version
from ..translate.every_span import process
from .bucket import Bucket, Cell
from .dropping import kept
from .filters import Filters, readable
from .keys import KIND, MEASURED, OTHER_TOP_LEVEL, PARTIAL, RARE_METRICS, TOP_LEVEL, Reader
from .sketch import LOG2_GAMMA, OFFSET, ZERO

if TYPE_CHECKING:
    from ..export.info import AgentInfo
    from ..settings import Settings

SpanMap = dict[str, Any]
Read = Callable[[dict[str, str]], Any]

BUCKET_NS = 10_000_000_000
OPEN_BUCKETS = 2
"""The newest, the current one included, wait for spans that come late."""
MOST_BUCKETS = 6
"""If nobody takes the payloads, no more of them are held: later spans are counted in the newest."""
MOST_GROUPS = 4_000
"""Of one payload."""
_MOST_SHAPES = 1_024

_DEFAULT_KINDS = frozenset({"client", "server", "producer", "consumer"})


class Stats:
    """May be called from several threads. `clock` tells nanoseconds since the epoch.

    The cost that counts is that of `count`. It recognises a span by its fields and by the tags that matter, of which
    the names of all its tags tell which there are; only the first such span of a bucket has its key worked out.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._settings = settings
        self._env = settings.env
        self._version = settings.version
        self._hostname = (settings.hostname or socket.gethostname()) if settings.report_hostname else ""
        self._additional = settings.stats_additional_tags
        self._clock = clock
        self._refused = False
        self._info: AgentInfo | None = None
        self._is_wanted = False
        self._filters: Filters | None = None
        self._kinds = _DEFAULT_KINDS
        self._reader = Reader((), self._additional)
        self.after_fork()

    def after_fork(self) -> None:
        """A forked child starts with nothing: what was counted is its parent's."""
        # Reentrant, because a signal handler may bring spans while its thread is inside.
        self._lock = threading.RLock()
        self._buckets: dict[int, Bucket] = {}
        self._oldest = self._looked = self._clock() // BUCKET_NS
        self._sequence = 0
        # What was learnt of shapes belongs to the reader in use, which an interrupted call may not have finished.
        self._shapes: dict[tuple[str, ...], Read] = {}
        self._readers: dict[tuple[str, ...], Read] = {}
        self._info = None

    # -- what the Agent lets us do

    def is_active(self, info: AgentInfo) -> bool:
        """Whether this Agent leaves counting, and dropping what is not sampled, to us."""
        if info is not self._info:
            with self._lock:
                self._learn(info)
        return self._is_wanted and not self._refused

    def refuse(self) -> None:
        """The Agent does not take stats after all: it counts by itself from now on, in this process for ever."""
        with self._lock:
            self._refused = True
            self._buckets = {}

    @property
    def is_refused(self) -> bool:
        return self._refused

    def _learn(self, info: AgentInfo) -> None:
        self._filters = readable(info.ignored)
        self._is_wanted = info.client_drop_p0s and STATS_PATH in info.endpoints and self._filters is not None
        self._kinds = frozenset(info.span_kinds) or _DEFAULT_KINDS
        self._reader = Reader(info.peer_tags, self._additional)
        self._shapes = {}
        self._readers = {}
        for bucket in self._buckets.values():
            bucket.learnt.clear()
        self._info = info

    # -- counting

    def take(self, trace: list[SpanMap], is_whole: bool | None = None) -> list[SpanMap] | None:
        """Count the spans of a chunk; those of them that are to be sent, the same list if all are.

        None where the Agent ignores the trace. `is_whole` is told where they were counted before: whether all were to
        be sent then.
        """
        if is_whole is None and not self.count(trace):
            return None
        return trace if is_whole else kept(trace)

    def count(self, trace: Sequence[SpanMap]) -> bool:
        """Count the spans of a chunk, root first if it is among them; all of them, whatever their priority.

        False where the Agent ignores the trace: then none of them counts.
        """
        if not trace:
            return True
        with self._lock:
            filters = self._filters
            if filters is not None and not filters.are_none and _is_local_root(trace[0]) and filters.ignore(trace[0]):
                return False
            if not self._env:
                self._env = trace[0]["meta"].get("env", "")
            if not self._version:
                self._version = trace[0]["meta"].get("version", "")
            shapes, kinds = self._shapes, self._kinds
            # Most spans of a chunk end within the same ten seconds.
            begin = end = 0
            for span in trace:
                meta = span["meta"]
                metrics = span.get("metrics")
                is_top = False
                if metrics:
                    if not RARE_METRICS.isdisjoint(metrics):
                        self._count_rare(span)
                        continue
                    is_top = metrics.get(TOP_LEVEL) == 1
                if not is_top and not (metrics and metrics.get(MEASURED) == 1):
                    kind = meta.get(KIND)
                    if kind is None or kind.lower() not in kinds:
                        continue
                duration = span["duration"]
                if not begin <= span["start"] + duration < end:
                    number = (span["start"] + duration) // BUCKET_NS
                    begin, end = number * BUCKET_NS, (number + 1) * BUCKET_NS
                    bucket = self._bucket(number)
                    learnt = bucket.learnt
                shape = tuple(meta)
                try:
                    read = shapes[shape]
                except KeyError:
                    read = self._read(shape)
                mark = (
                    span["service"],
                    span["name"],
                    span["resource"],
                    span.get("type"),
                    "parent_id" in span,
                    "error" in span,
                    is_top,
                    read,
                    read(meta),
                )
                try:
                    cell = learnt[mark]
                except KeyError:
                    cell = bucket.cell(self._reader.key(span), bool(span.get("error")), is_top)
                    bucket.learn(mark, cell)
                cell.duration += duration
                cell.bins[floor(log2(duration) / LOG2_GAMMA + OFFSET) if duration > 0 else ZERO] += 1
        return True

    def _count_rare(self, span: SpanMap) -> None:
        """Count a span some number of which has a say, if it counts."""
        metrics = span["metrics"]
        is_top = metrics.get(TOP_LEVEL) == 1 or metrics.get(OTHER_TOP_LEVEL) == 1
        is_eligible = is_top or metrics.get(MEASURED) == 1 or span["meta"].get(KIND, "").lower() in self._kinds
        if not is_eligible or metrics.get(PARTIAL, -1) >= 0:
            return
        duration = span["duration"]
        bucket = self._bucket((span["start"] + duration) // BUCKET_NS)
        cell: Cell = bucket.cell(self._reader.key(span), bool(span.get("error")), is_top)
        cell.duration += duration
        cell.bins[floor(log2(duration) / LOG2_GAMMA + OFFSET) if duration > 0 else ZERO] += 1

    def _read(self, shape: tuple[str, ...]) -> Read:
        """What reads the tags that matter from a span with these tags; one object for the same tags."""
        tags = tuple(key for key in shape if key in self._reader.tags)
        if tags not in self._readers:
            if len(self._readers) >= _MOST_SHAPES:
                self._readers.clear()
            self._readers[tags] = itemgetter(*tags) if tags else _nothing
        if len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
        read = self._shapes[shape] = self._readers[tags]
        return read

    def _bucket(self, number: int) -> Bucket:
        """The bucket of spans that ended in those ten seconds; the nearest that is open if that is not."""
        number = min(max(number, self._oldest), max(self._clock() // BUCKET_NS, self._oldest))
        if number not in self._buckets:
            if len(self._buckets) >= MOST_BUCKETS:
                number = max(self._buckets)
            else:
                self._buckets[number] = Bucket()
        return self._buckets[number]

    # -- payloads

    @property
    def holds_any(self) -> bool:
        """Whether a span was counted that no payload has."""
        return bool(self._buckets)

    def payloads(self, everything: bool = False) -> list[bytes]:
        """The payloads that are due now, most often none: of the buckets that are closed, or of all."""
        now = self._clock() // BUCKET_NS
        if not everything and now == self._looked:
            return []
        with self._lock:
            self._looked = now
            oldest = now if everything else now - OPEN_BUCKETS + 1
            done = {number: bucket for number, bucket in self._buckets.items() if everything or number < oldest}
            for number in done:
                del self._buckets[number]
            # Not the greater of both: somebody may set the clock back.
            self._oldest = oldest
        return [self._payload(number, groups) for number in sorted(done) for groups in _parts(done[number])]

    def _process_tags(self) -> str:
        settings = self._settings
        if not settings.process_tags:
            return ""
        return process.tags(settings.service, settings.service_is_explicit).get("_dd.tags.process", "")

    def _payload(self, number: int, groups: list[dict[str, Any]]) -> bytes:
        import ormsgpack

        self._sequence += 1
        return ormsgpack.packb(
            {
                "Hostname": self._hostname,
                # Left empty rather than "unknown-env": the Agent then puts its own, as it does for the spans.
                "Env": self._env,
                "Version": self._version,
                "Service": self._settings.service,
                "RuntimeID": process.current().runtime_id,
                "Sequence": self._sequence,
                "Lang": "python",
                "TracerVersion": own_version(),
                "GitCommitSha": self._settings.git_commit_sha,
                "ProcessTags": self._process_tags(),
                "Stats": [
                    {"Start": number * BUCKET_NS, "Duration": BUCKET_NS, "Stats": groups, "AgentTimeShift": 0},
                ],
            }
        )


def _nothing(meta: dict[str, str]) -> None:
    """Of a span that bears no tag that matters."""


def _is_local_root(span: SpanMap) -> bool:
    # What only the spans without a parent in this process bear.
    return "runtime-id" in span["meta"]


def _parts(bucket: Bucket) -> Iterator[list[dict[str, Any]]]:
    groups = list(bucket.groups.items())
    for start in range(0, len(groups), MOST_GROUPS):
        yield [group.payload(key) for key, group in groups[start : start + MOST_GROUPS]]
