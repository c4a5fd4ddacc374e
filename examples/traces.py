"""What the demo reads out of spans: one trace as a tree, a table of operations, and what is missing.

A span is a dict as the view's `/api/traces` gives it, with the id of its trace as `trace`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Span = Mapping[str, Any]

SERVED = ("fastapi.request", "flask.request")
"""The operations that are requests of the shop's services."""


class Branch(NamedTuple):
    """A span and what happened below it, in the order in which it started."""

    span: Span
    children: list[Branch]


class Operation(NamedTuple):
    """All spans that share service, operation name and type. Latencies are in milliseconds, by nearest rank."""

    service: str
    name: str
    type: str
    count: int
    errors: int
    p50: float
    p95: float


def by_trace(spans: Iterable[Span]) -> list[list[Span]]:
    traces: defaultdict[str, list[Span]] = defaultdict(list)
    for span in spans:
        traces[span["trace"]].append(span)
    return list(traces.values())


def milliseconds(span: Span) -> float:
    return float(span["duration"]) / 1e6


def tree(trace: Collection[Span]) -> list[Branch]:
    """The roots of one trace, first the one that started first. A span whose parent is not there counts as a root."""
    branches = {span["id"]: Branch(span, []) for span in sorted(trace, key=lambda span: int(span["start"]))}
    roots = []
    for branch in branches.values():
        parent = branches.get(branch.span["parent"])
        (parent.children if parent else roots).append(branch)
    return roots


def outline(branches: Sequence[Branch], above: str = "", depth: int = 0) -> Iterator[tuple[str, Span]]:
    """Each span below its parent, with the guide lines to draw before it."""
    for position, branch in enumerate(branches, start=1):
        last = position == len(branches)
        yield (above + ("└─ " if last else "├─ ") if depth else ""), branch.span
        yield from outline(branch.children, above + ("   " if last else "│  ") if depth else "", depth + 1)


def operations(spans: Iterable[Span]) -> list[Operation]:
    groups: defaultdict[tuple[str, str, str], list[Span]] = defaultdict(list)
    for span in spans:
        groups[span["service"], span["name"], span["type"]].append(span)
    return [
        Operation(
            *key,
            count=len(group),
            errors=sum(bool(span["error"]) for span in group),
            p50=percentile(durations := sorted(map(milliseconds, group)), 50),
            p95=percentile(durations, 95),
        )
        for key, group in sorted(groups.items())
    ]


def percentile(ascending: Sequence[float], percent: float) -> float:
    return ascending[math.ceil(len(ascending) * percent / 100) - 1]


def distributed(spans: Iterable[Span], caller: str, called: str) -> list[list[Span]]:
    """The traces in which a request that `called` served has a client call as its parent, below a request of `caller`;
    those with the most spans first."""

    def joined(trace: list[Span]) -> bool:
        requests = {span["id"] for span in trace if span["name"] == "requests.request"}
        served = [span for span in trace if span["name"] in SERVED]
        return any(span["service"] == caller for span in served) and any(
            span["service"] == called and span["parent"] in requests for span in served
        )

    return sorted(filter(joined, by_trace(spans)), key=len, reverse=True)


def missing(spans: Sequence[Span], requests: Mapping[str, int], caller: str, *called: str) -> list[str]:
    """A sentence for everything that should have arrived and did not: nothing is missing when there is none.

    `requests` says how many each service has answered.
    """
    names = Counter(span["name"] for span in spans)
    served = Counter(span["service"] for span in spans if span["name"] in SERVED)
    return [
        *(
            f"{service} answered {count} requests, but spans of {served[service]} arrived"
            for service, count in requests.items()
            if served[service] != count
        ),
        *(
            f"no {name} span arrived"
            for name in ("sqlite.query", "requests.request", "jinja2.render")
            if not names[name]
        ),
        *(
            f"no trace holds a request of {service} below a requests.request of {caller}"
            for service in called
            if not distributed(spans, caller, service)
        ),
        *(["no span is marked as an error"] if not any(span["error"] for span in spans) else []),
        *(
            f"trace {trace[0]['trace']} has {len(halves)} different upper halves (_dd.p.tid): {', '.join(halves)}"
            for trace in by_trace(spans)
            if len(halves := sorted({tid for span in trace if (tid := span["tags"].get("_dd.p.tid"))})) > 1
        ),
    ]
