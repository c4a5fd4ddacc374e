"""What is wrong with a cell, if anything: what was seen of it beside what was seen of the same cell untraced."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .running import Observed

EXIT_S = 2.0
"""The longest that the end of a program may take because of us."""
ROOM_S = 0.5
MEMORY_KIB = 64 << 10
"""The most that a process may need because of us."""
TAKING = ("ok", "slow")
"""Agents that lose nothing."""
NEVER_TAKING = ("absent", "silent", "reset", "500", "429", "413", "garbage")
OURS = "Datadog Agent at "
"""How the line begins that each process may log where its Agent does not take everything."""
NONE = f"{0:016x} {0:016x}"
"""How the ledger has a span that is none."""


@dataclass(frozen=True)
class Fault:
    rule: str
    """answers, status, left, exit, lines, ids, lost, counters or memory."""
    told: str
    lines: tuple[str, ...] = ()
    """Of the rule `lines`: each that there should not be, with zeros for what differs from run to run."""


def judge(bare: Observed, traced: Observed, taken: Sequence[str], agent: str) -> list[Fault]:
    """The faults of a cell; none is what is wanted."""
    return [
        *_unchanged(bare, traced),
        *_in_time(bare, traced),
        *_quiet(bare, traced, agent),
        *_distinct(traced, taken, agent),
        *_accounted(traced, taken, agent),
        *_small(bare, traced),
    ]


def _unchanged(bare: Observed, traced: Observed) -> list[Fault]:
    faults = []
    if sorted(bare.answers) != sorted(traced.answers):
        lost, new = Counter(bare.answers), Counter(traced.answers)
        faults.append(Fault("answers", f"untraced {sorted(lost - new)[:3]}, traced {sorted(new - lost)[:3]}"))
    # A server that does not end untraced may end traced.
    if traced.status != bare.status and bare.status is not None:
        faults.append(Fault("status", f"untraced {bare.status}, traced {traced.status}"))
    if len(traced.left) > len(bare.left):
        faults.append(Fault("left", f"processes that did not end: {traced.left}"))
    return faults


def _in_time(bare: Observed, traced: Observed) -> list[Fault]:
    # A machine that is busy or slow is so for both.
    allowed = 2 * bare.exit_s + EXIT_S + ROOM_S
    if traced.exit_s <= allowed:
        return []
    return [Fault("exit", f"{traced.exit_s:.1f} s, untraced {bare.exit_s:.1f} s")]


def _quiet(bare: Observed, traced: Observed, agent: str) -> list[Fault]:
    """At most one line more for each process that made spans; none where the Agent takes them all."""
    # A server tells of the worker that the cell kills now in time and now not.
    said = [line for line in traced.lines if "SIGKILL" not in line]
    more = Counter(map(_plain, said)) - Counter(map(_plain, bare.lines))
    allowed = 0 if agent in TAKING else max(1, len(traced.spans))
    if more.total() <= allowed and not any("Traceback" in line for line in more):
        return []
    seen = [line for line in traced.lines if _plain(line) in more]
    told = sum(number for line, number in more.items() if line.startswith(OURS))
    wrong = tuple(line for line in more if told > allowed or not line.startswith(OURS))
    return [Fault("lines", f"{more.total()} more: " + " / ".join(line[:160] for line in seen[:3]), wrong)]


def _plain(line: str) -> str:
    """Without what differs from run to run: numbers, addresses and ids."""
    return re.sub(r"0x[0-9a-f]+|[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}|\d+", "0", line)


def _distinct(traced: Observed, taken: Sequence[str], agent: str) -> list[Fault]:
    spans = Counter(span for ids in traced.spans.values() for span in ids)
    spans += Counter(span for ids in traced.around.values() for span in {*ids} - {NONE})
    twice = [span for span, times in spans.items() if times > 1 and span != NONE]
    faults = [Fault("ids", f"{len(twice)} of {len(spans)} are those of several spans")] if twice else []
    if agent == "ok" and len(taken) > len({*taken}):
        faults.append(Fault("ids", f"{len(taken) - len({*taken})} of {len(taken)} came to the Agent again"))
    return faults


def _accounted(traced: Observed, taken: Sequence[str], agent: str) -> list[Fault]:
    """Each span is taken or counted as dropped, process by process, but for those that are killed as the cell wants."""
    faults = []
    arrived = {*taken}
    untraced = sum(ids.count(NONE) for ids in traced.spans.values())
    if untraced or not traced.spans:
        faults.append(Fault("lost", f"{untraced} of the program's own spans are not recorded"))
    for pid in sorted({*traced.spans, *traced.around} - traced.killed):
        created = {*traced.spans.get(pid, ()), *traced.around.get(pid, ())} - {NONE}
        lost = len(created - arrived)
        dropped = traced.ends.get(pid, {}).get("dropped")
        if lost > sum((dropped or {}).values()):
            counted = "nothing of ours ran at its end" if dropped is None else f"{dropped} are counted"
            faults.append(Fault("lost", f"{lost} of {len(created)} spans of a process, {counted}"))
    ends = [end for end in traced.ends.values() if "accepted" in end]
    for end in ends:
        if end["accepted"] != end["sent"] + end["queued"] + sum(end["dropped"].values()):
            faults.append(Fault("counters", f"at the end of a process: {end}"))
    sent = sum(end["sent"] for end in ends)
    # Where a process was killed, or nothing of ours ran at its end, what it had sent is known to the Agent alone.
    if agent == "ok" and not traced.killed and {*traced.spans} <= {*traced.ends} and sent != len(taken):
        faults.append(Fault("counters", f"{sent} are counted as sent, {len(taken)} were taken"))
    if agent in NEVER_TAKING and sent:
        faults.append(Fault("counters", f"{sent} are counted as sent, and none was taken"))
    return faults


def _small(bare: Observed, traced: Observed) -> list[Fault]:
    more = more_kib(bare, traced)
    return [Fault("memory", f"{more >> 10} MiB more than untraced")] if more > MEMORY_KIB else []


def more_kib(bare: Observed, traced: Observed) -> int:
    """How much more the largest process needs at its peak; 0 where none could tell at its end."""
    least, most = (max((end["peak_kib"] for end in side.ends.values()), default=0) for side in (bare, traced))
    return most - least if least and most else 0
