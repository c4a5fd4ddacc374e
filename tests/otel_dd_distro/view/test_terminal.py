"""Trees in the terminal."""

from __future__ import annotations

import asyncio
import io

import pytest

from otel_dd_distro.view import terminal as module
from otel_dd_distro.view.store import Store
from otel_dd_distro.view.terminal import Terminal, outline
from tests.otel_dd_distro.view.running import span
from tests.otel_dd_distro.view.test_store import part


@pytest.fixture
def store() -> Store:
    return Store(10, 100_000_000)


def printed(store: Store, output: io.StringIO, width: int = 72) -> list[str]:
    [trace] = store
    return list(Terminal(store, output).lines(trace, list(trace.spans.values()), width))


def test_a_trace_is_drawn_with_each_span_below_its_parent_in_the_order_in_which_they_started(store: Store) -> None:
    store.add([part(span(4, 3, service="stock", resource="POST /reserve", error=1), upper=0xAB)])
    store.add([part(span(1), span(2, 1, name="sql.query", resource="SELECT 1"), span(3, 1, name="http.request"))])
    store.add([part(span(5, 1, name="render", resource="a.html"))])

    assert printed(store, io.StringIO(), width=76) == [
        "",
        "trace 00000000000000ab0000000000000007: 5 spans, 9.00 ms, 1 with an error",
        "shop   web.request GET /                                             5.00 ms",
        "shop   ├─ sql.query SELECT 1                                         5.00 ms",
        "shop   ├─ http.request GET /                                         5.00 ms",
        "stock  │  └─ web.request POST /reserve                     ERROR     5.00 ms",
        "shop   └─ render a.html                                              5.00 ms",
    ]


def test_a_line_is_no_wider_than_the_terminal(store: Store) -> None:
    store.add([part(span(1, resource="x" * 500), span(2, 1, service="s" * 500, name="n" * 500, error=1))])
    assert {len(line) for line in printed(store, io.StringIO(), width=100)[2:]} == {100}


def test_what_a_span_says_does_not_steer_the_terminal(store: Store) -> None:
    store.add([part(span(1, service="a\x1b[2J", name="b\rc", resource="SELECT\n1\x9b31m\u202e"))])
    assert all(line.isprintable() for line in printed(store, io.StringIO()))


def test_a_trace_deeper_than_pythons_stack_is_drawn(store: Store) -> None:
    store.add([part(*(span(number, number - 1) for number in range(1, 5_000)))])
    lines = printed(store, io.StringIO())

    assert len(lines) == module.MOST_LINES + 3
    assert lines[-1] == f"... and {4_999 - module.MOST_LINES} more spans"


def test_spans_that_are_each_others_parents_are_drawn() -> None:
    spans = part(span(1, 2), span(2, 1), span(3, 3), span(4)).spans
    assert sorted(each.id for _, each in outline(spans)) == [1, 2, 3, 4]


def test_colours_are_for_terminals_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    store.add([part(span(1))])
    assert "\x1b[1mweb.request\x1b[0m" in printed(store, Screen())[2]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in "".join(printed(store, Screen()))


def test_a_trace_is_printed_when_nothing_more_comes_and_what_comes_later_below_its_id_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET_S", 0.05)
    output = io.StringIO()

    async def come() -> None:
        printing = asyncio.create_task(Terminal(store, output).run())
        store.add([part(span(1))])
        await said("trace 0")
        store.add([part(span(1), span(2, 1, name="late.query"))])
        await said("more of trace 0")
        printing.cancel()

    async def said(text: str) -> None:
        for _ in range(6_000):
            if text in output.getvalue():
                return
            await asyncio.sleep(0.01)
        raise TimeoutError(output.getvalue())

    asyncio.run(come())
    assert output.getvalue().count("web.request") == 1
    assert output.getvalue().count("late.query") == 1


def test_a_trace_that_never_rests_is_printed_piece_by_piece(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUIET_S", 0.5)
    monkeypatch.setattr(module, "LONGEST_S", 0.0)
    output = io.StringIO()

    async def come() -> None:
        printing = asyncio.create_task(Terminal(store, output).run())
        number = 0
        while "more of trace" not in output.getvalue():
            number += 1
            assert number < 6_000
            store.add([part(span(number, 1 if number > 1 else 0))])
            await asyncio.sleep(0.01)
        printing.cancel()

    asyncio.run(come())


def test_where_nobody_reads_any_more_the_view_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(module, "QUIET_S", 0.01)

    async def come() -> None:
        printing = asyncio.create_task(Terminal(store, Closed()).run())
        await asyncio.sleep(0)
        store.add([part(span(1))])
        await asyncio.wait_for(printing, 60)

    asyncio.run(come())


@pytest.mark.parametrize(("encoding", "errors"), [("ascii", "replace"), ("utf-8", "strict")])
def test_it_prints_to_terminals_of_any_encoding(store: Store, encoding: str, errors: str) -> None:
    store.add([part(span(1), span(2, 1, resource="Tee \ud800"))])
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors)
    for line in printed(store, io.StringIO()):
        output.write(line)
