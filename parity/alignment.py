"""Which span of one side stands for which of the other: the cheapest way to make one forest of spans into the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .recorded import Node, preorder

Pair = tuple["Node | None", "Node | None"]
Forest = tuple[Node, ...]

# Spans that differ in name, resource and type are two spans; in less, they are one that differs. A span alone costs 1.
_DIFFERENT = {"name": 0.9, "resource": 0.7, "type": 0.5, "service": 0.3, "meta.span.kind": 0.3}
_LISTED = 0.01


def aligned(
    expected: Sequence[Node],
    got: Sequence[Node],
    left_out: Callable[[Node], bool] = lambda node: False,
    added: Callable[[Node], bool] = lambda node: False,
) -> list[Pair]:
    """Every span of both forests once, in the order of the trees, joined with its counterpart where there is one.

    Order and nesting of joined spans are the same on both sides: where a span is alone, what stands below it moves up
    to the span above it. `left_out` and `added` tell of which spans this is expected. (Tree edit distance, Tai 1979.)
    """
    known: dict[tuple[Forest, Forest], tuple[float, tuple[Pair, ...]]] = {}

    def cheapest(a: Forest, b: Forest) -> tuple[float, tuple[Pair, ...]]:
        if (a, b) in known:
            return known[a, b]
        ways = []
        if a:
            cost, pairs = cheapest((*a[:-1], *a[-1].children), b)
            ways.append((cost + (_LISTED if left_out(a[-1]) else 1), pairs))
        if b:
            cost, pairs = cheapest(a, (*b[:-1], *b[-1].children))
            ways.append((cost + (_LISTED if added(b[-1]) else 1), pairs))
        if a and b:
            beside, before = cheapest(a[:-1], b[:-1])
            below, inside = cheapest(tuple(a[-1].children), tuple(b[-1].children))
            ways.append((beside + below + unlikeness(a[-1], b[-1]), (*before, *inside, (a[-1], b[-1]))))
        # Of equally cheap ways the one that joins more.
        known[a, b] = min(ways, key=lambda way: (way[0], -len(way[1])), default=(0.0, ()))
        return known[a, b]

    _, joined = cheapest(tuple(expected), tuple(got))
    return merged([node for _, node in preorder(expected)], [node for _, node in preorder(got)], dict(joined))


def merged(expected: Sequence[Node], got: Sequence[Node], counterpart: dict[Node | None, Node | None]) -> list[Pair]:
    rows: list[Pair] = []
    taken = set(counterpart.values())
    others = iter(got)
    for node in expected:
        if node not in counterpart:
            rows.append((node, None))
            continue
        for other in others:
            if other in taken:
                break
            rows.append((None, other))
        rows.append((node, counterpart[node]))
    rows.extend((None, other) for other in others)
    return rows


def unlikeness(a: Node, b: Node) -> float:
    return sum(cost for key, cost in _DIFFERENT.items() if a.fields.get(key) != b.fields.get(key))
