"""What one side has recorded, made comparable: for each step its spans as trees, without what differs from run to run.

A raw span is a dict as the test agent's `/test/session/traces` gives it: the map of the Agent's v0.4 intake.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Value = str | int | float
Raw = Mapping[str, Any]

OUTSIDE = "outside of all steps"
UPPER_HALF = "meta._dd.p.tid"


@dataclass(eq=False)
class Node:
    """A span: its fields by name (`resource`, `meta.http.url`, `metrics.db.row_count`), and what happened below it."""

    fields: dict[str, Value]
    children: list[Node] = field(default_factory=list)

    @property
    def label(self) -> str:
        return f"{self.fields.get('name', '')} {self.fields.get('resource', '')}"


@dataclass
class Told:
    """What the program said. Moments are nanoseconds of the epoch."""

    steps: list[tuple[str, int, int]] = field(default_factory=list)
    """Name, begin, end."""
    seen: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    """When, what, its values."""


def told(output: str) -> Told:
    """What the lines of a program's output say that `steps.py` has written."""
    heard = Told()
    for line in output.splitlines():
        if line.startswith('{"step"'):
            message = json.loads(line)
            heard.steps.append((message["step"], message["begin"], message["end"]))
        elif line.startswith('{"saw"'):
            message = json.loads(line)
            heard.seen.append((message["at"], message["saw"], message["values"]))
    return heard


@dataclass
class Places:
    """Texts of this machine and this run that are not to be compared: path -> what to write instead."""

    paths: Mapping[str, str] = field(default_factory=dict)

    _VOLATILE = (
        (re.compile(r"(127\.0\.0\.1|localhost):\d{4,5}"), r"\1:<port>"),
        (re.compile(r"\bport=\d{4,5}\b"), "port=<port>"),
        (re.compile(r"\b0x[0-9a-f]{6,16}\b"), "<address>"),
        (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
        (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.]*\+00:00"), "<time>"),
        (re.compile(r"\bgen\d+@"), "gen<process id>@"),
    )

    def steady(self, key: str, value: Value) -> Value:
        """The value without what changes from run to run; whether the key is there is compared all the same."""
        if key == "metrics.process_id":
            return "<process id>"
        if not isinstance(value, str):
            return value
        if key == "tracestate ot rv" and re.fullmatch(r"[0-9a-f]{14}", value):
            return "<of the trace id>"
        if key == "meta.runtime-id" and re.fullmatch(r"[0-9a-f]{32}", value):
            return "<32 hex digits>"
        if key == "meta.network.destination.port":
            return "<port>"
        if key == "meta.aws.requestid":
            return "<request id>"
        if key == "meta.error.stack" and value.startswith("Traceback (most recent call last):\n"):
            return "<stack>"
        for path, instead in self.paths.items():
            value = value.replace(path, instead)
        for pattern, instead in self._VOLATILE:
            value = pattern.sub(instead, value)
        return value


def trees(spans: Iterable[Raw], heard: Told, places: Places) -> dict[str, list[Node]]:
    """Step -> its spans as trees, siblings in the order in which they started. Every step is there."""
    spans = sorted(spans, key=lambda span: span["start"])
    nodes = {(span["trace_id"], span["span_id"]): Node(fields(span, places)) for span in spans}
    continued = {
        span["trace_id"] for span in spans if (span["trace_id"], parent_id(span)) not in nodes and parent_id(span)
    }
    steps: dict[str, list[Node]] = {name: [] for name, _, _ in heard.steps}
    if len(steps) != len(heard.steps):
        raise ValueError("two steps of one name")
    homes: dict[Node, str] = {}
    for span in spans:
        node = nodes[span["trace_id"], span["span_id"]]
        if span["trace_id"] not in continued and UPPER_HALF in node.fields:
            node.fields[UPPER_HALF] = "<upper half of the trace id>"
        step = homes[node] = step_at(span["start"], heard.steps)
        above = nodes.get((span["trace_id"], parent_id(span)))
        if above is not None and homes.get(above) == step:
            above.children.append(node)
            continue
        steps.setdefault(step, []).append(node)
        if above is not None:
            node.fields["parent"] = f"{above.label}, in the step {homes.get(above)}"
        elif parent_id(span):
            node.fields["parent"] = f"remote, {parent_id(span)} of the trace {span['trace_id']}"
    ids = known_ids(spans)
    for span in spans:
        if span.get("span_links"):
            linked = [with_known_ids(link, ids) for link in span["span_links"]]
            nodes[span["trace_id"], span["span_id"]].fields["span_links"] = json.dumps(linked, sort_keys=True)
    for moment, name, values in heard.seen:
        written = {key: places.steady(key, with_names(text, ids)) for key, text in sorted(values.items())}
        steps.setdefault(step_at(moment, heard.steps), []).append(Node({"name": "seen", "resource": name, **written}))
    return steps


def parent_id(span: Raw) -> int:
    return span.get("parent_id") or 0


def step_at(moment: int, steps: Sequence[tuple[str, int, int]]) -> str:
    return next((name for name, begin, end in steps if begin <= moment <= end), OUTSIDE)


_NOT_COMPARED = {"metrics.elasticsearch.took"}
"""What the server says anew each time, and ddtrace not where it is 0."""

_NOT_FIELDS = {"trace_id", "span_id", "parent_id", "start", "duration", "meta", "metrics", "error", "type"}


def fields(span: Raw, places: Places) -> dict[str, Value]:
    """A span as one level of fields. What the Agent reads as the same is the same: no type and an empty one, no error
    and 0, no resource and the name."""
    name = span["name"]
    plain: dict[str, Any] = {"name": name, "service": span["service"], "resource": span.get("resource") or name}
    plain["type"] = span.get("type") or ""
    plain["error"] = span.get("error") or 0
    for key in sorted(span):
        if key not in _NOT_FIELDS and key not in plain and span[key]:
            plain[key] = json.dumps(span[key], sort_keys=True)
    for group in ("meta", "metrics"):
        plain.update((f"{group}.{key}", value) for key, value in sorted((span.get(group) or {}).items()))
    return {
        key: places.steady(key, value if isinstance(value, (str, int, float)) else str(value))
        for key, value in plain.items()
        if key not in _NOT_COMPARED
    }


def known_ids(spans: Iterable[Raw]) -> dict[str, str]:
    """The ids of a recording, as headers write them -> what to call them."""
    names: dict[str, str] = {}
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for span in spans:
        groups["<trace id>"].append(span["trace_id"])
        groups[f"<id of {span['name']}>"].append(span["span_id"])
        if tid := (span.get("meta") or {}).get("_dd.p.tid"):
            names[tid] = "<upper half>"
    for name, ids in groups.items():
        for each in ids:
            names[str(each)] = names[f"{each:016x}"] = name
    return names


def with_known_ids(link: Raw, ids: Mapping[str, str]) -> dict[str, Any]:
    """A link without the state of the trace that it leads to, which that one's own spans show."""
    named = {
        "trace_id": ids.get(str(link["trace_id"])),
        "trace_id_high": ids.get(f"{link.get('trace_id_high', 0):016x}"),
        "span_id": ids.get(str(link["span_id"])),
    }
    plain = {key: value for key, value in link.items() if key != "tracestate"}
    return {**plain, **{key: name for key, name in named.items() if name is not None}}


def with_names(text: str, ids: Mapping[str, str]) -> str:
    def named(found: re.Match[str]) -> str:
        token = found[0]
        if len(token) == 32:
            return "".join(ids.get(half, half) for half in (token[:16], token[16:]))
        return ids.get(token, token)

    return re.sub(r"\b[0-9a-f]{10,32}\b", named, text)


def preorder(roots: Iterable[Node], above: tuple[Node, ...] = ()) -> Iterator[tuple[tuple[Node, ...], Node]]:
    """Each span with those above it, outermost first."""
    for node in roots:
        yield above, node
        yield from preorder(node.children, (*above, node))
