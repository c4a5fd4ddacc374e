"""The report as one HTML page that needs no network: for each step of each scenario the two trees side by side."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from .comparison import Difference, Row, one_line, same
from .differences import ABSENT, Listed
from .recorded import Node
from .report import Report, Result, times

STYLE = Path(__file__).with_name("report.css")
UNLISTED = "<b class=unlisted>not listed</b>"
Numbers = Mapping[Listed, int]


def html(report: Report) -> str:
    numbers = {row: number for number, row in enumerate(report.listed, start=1)}
    return "".join(
        [
            "<!doctype html><html lang=en><meta charset=utf-8>",
            '<meta name=viewport content="width=device-width,initial-scale=1"><title>Parity with ddtrace</title>',
            f"<style>{STYLE.read_text()}</style>",
            *head(report),
            *problems(report),
            *totals(report),
            *reasons(report, numbers),
            *(piece for result in report.results for piece in scenario(result, numbers)),
            "</main></html>",
        ]
    )


def head(report: Report) -> Iterator[str]:
    yield "<main><h1>The same programs under ddtrace and under ours</h1>"
    yield f"<p class=quiet>{escape(report.date)}"
    for name, version in report.versions.items():
        yield f" · {escape(name)}&nbsp;{escape(version)}"
    yield "</p>"


def problems(report: Report) -> Iterator[str]:
    found = report.problems()
    if not found:
        yield "<p class=good>Every difference is listed with its reason, and every listed one occurs.</p>"
        return
    yield f"<section class=bad><h2>{len(found)} to look at</h2><ul>"
    for sentence in found:
        yield f"<li>{escape(sentence)}"
    yield "</ul></section>"


def totals(report: Report) -> Iterator[str]:
    yield "<div class=tables>"
    yield from table(
        "spans and their fields",
        ("ddtrace", "ours", "equal", "meant", "unlisted"),
        {result.scenario.name: counts(result) for result in report.results},
    )
    yield from table(
        "seconds of CPU",
        ("untraced", "ddtrace", "ours"),
        {r.scenario.name: [r.cpu[side] for side in ("untraced", "ddtrace", "ours")] for r in report.results},
    )
    yield "</div><p class=quiet>How many spans each side made, how many fields of theirs are equal, and how many"
    yield " differences are meant, or listed nowhere. CPU is user and system time of the"
    yield " whole program in this run, start included, so it tells more of starting than of spans.</p>"


def counts(result: Result) -> list[float]:
    compared = result.compared
    return [
        *result.spans(),
        compared.equal(),
        len(compared.meant()),
        len(compared.unlisted()),
    ]


def table(caption: str, headings: Sequence[str], rows: Mapping[str, Sequence[float]]) -> Iterator[str]:
    yield f"<table><caption>{caption}</caption><thead><tr><th>{''.join(f'<th>{each}' for each in headings)}</thead>"
    for name, values in rows.items():
        yield f'<tr><th><a href="#{escape(name)}">{escape(name)}</a>{cells(headings, values)}'
    sums = [sum(column) for column in zip(*rows.values(), strict=True)]
    yield f"<tfoot><tr><th>all{cells(headings, sums)}</tfoot></table>"


def cells(headings: Sequence[str], values: Sequence[float]) -> str:
    """Numbers in a row; those that should be 0 and are not in the class of their column."""
    texts = [f"{value:.2f}" if isinstance(value, float) else str(value) for value in values]
    return "".join(
        f"<td class={heading}>{text}" if value and heading == "unlisted" else f"<td>{text}"
        for heading, text, value in zip(headings, texts, values, strict=True)
    )


def reasons(report: Report, numbers: Numbers) -> Iterator[str]:
    occurring = report.occurrences()
    yield "<h2>Differences, and why</h2><ol class=reasons>"
    for row, number in numbers.items():
        count = occurring[row]
        yield f"<li id=r{number}><b>{escape(row.title)}</b> <span class=quiet>{times(count)}</span>"
        yield f"<br>{marked_up(row.reason)}"
    yield "</ol>"
    yield "<p><label><input type=checkbox id=all> Show the spans, too, that are left out on purpose</label></p>"


def marked_up(text: str) -> str:
    """Escaped, what stands between backquotes as code."""
    parts = escape(text.strip()).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def scenario(result: Result, numbers: Numbers) -> Iterator[str]:
    about = result.scenario
    yield f"<section class=scenario id={escape(about.name)}><h2>{escape(about.name)}</h2><p>{escape(about.about)}"
    if about.settings:
        yield "<br>" + " ".join(f"<code>{escape(f'{key}={value}')}</code>" for key, value in about.settings.items())
    yield "</p><div class='row heading'><div>ddtrace</div><div>ours</div></div>"
    for step, rows in result.compared.steps.items():
        if not rows:
            yield f"<h3>{marked_up(step)} <span class=quiet>no spans on either side</span></h3>"
            continue
        hidden = sum(is_left_out(row) for row in rows)
        told = f" <span class='quiet hint'>{hidden} spans left out</span>" if hidden else ""
        yield f"<h3>{marked_up(step)}{told}</h3>"
        shallow = visible_depths(rows)
        for row in rows:
            yield from line(row, shallow, numbers)
    yield "</section>"


def is_left_out(row: Row) -> bool:
    return row.got is None and all(each.listed is not None for each in row.differences)


def visible_depths(rows: Iterable[Row]) -> dict[Node, int]:
    """How deep each span stands when those that are left out are not shown."""
    depths: dict[Node, int] = {}

    def walk(node: Node, depth: int, left_out: set[Node]) -> None:
        depths[node] = depth
        for child in node.children:
            walk(child, depth + (node not in left_out), left_out)

    rows = list(rows)
    left_out = {row.expected for row in rows if row.expected is not None and is_left_out(row)}
    for row in rows:
        for node in (row.expected, row.got):
            if node is not None and node not in depths:
                walk(node, 0, left_out)
    return depths


def line(row: Row, shallow: Mapping[Node, int], numbers: Numbers) -> Iterator[str]:
    kinds = ["row"]
    if is_left_out(row):
        kinds.append("out")
    elif row.expected is None:
        kinds.append("added")
    elif row.got is not None and row.expected.label == row.got.label:
        kinds.append("same")
    if any(each.listed is None for each in row.differences):
        kinds.append("wrong")
    yield f"<details class='{' '.join(kinds)}'><summary>"
    for side, node, depth in (("ddtrace", row.expected, row.depths[0]), ("ours", row.got, row.depths[1])):
        yield from cell(side, node, depth, shallow)
    leading = indent(row.expected, row.depths[0], shallow) if row.expected else indent(row.got, row.depths[1], shallow)
    yield f"<div class=chips style='{leading}'>{''.join(chips(row.differences, numbers))}</div></summary>"
    yield from fields(row, numbers)
    yield "</details>"


def indent(node: Node | None, depth: int, shallow: Mapping[Node, int]) -> str:
    """For the style sheet: how deep a span stands with those that are left out, and without them."""
    return f"--full:{depth};--short:{shallow[node]}" if node else ""


def cell(side: str, node: Node | None, depth: int, shallow: Mapping[Node, int]) -> Iterator[str]:
    if node is None:
        yield f"<div class='{side} none'></div>"
        return
    name, resource = str(node.fields.get("name", "")), str(node.fields.get("resource", ""))
    yield f"<div class={side} style='{indent(node, depth, shallow)}'>"
    yield "<i class=error>error</i> " if node.fields.get("error") else ""
    yield f"<b>{escape(name)}</b>"
    yield f" <span class=resource>{escape(one_line(resource))}</span>" if resource != name else ""
    yield f" <span class=quiet>{escape(str(node.fields['service']))}</span>" if "service" in node.fields else ""
    yield "</div>"


def chips(differences: Sequence[Difference], numbers: Numbers) -> Iterator[str]:
    counted = Counter(each.listed for each in differences)
    for row, count in sorted(counted.items(), key=lambda item: numbers[item[0]] if item[0] else 0):
        if row is None:
            yield f"<span class='chip bad'>not listed{more(count)}</span>"
        else:
            number = numbers[row]
            yield f"<a class=chip href=#r{number}><b>{number}</b> {escape(row.title)}{more(count)}</a>"


def more(count: int) -> str:
    return f" ×{count}" if count > 1 else ""  # noqa: RUF001


def fields(row: Row, numbers: Numbers) -> Iterator[str]:
    if row.expected is None or row.got is None:
        return
    by_key = {each.field: each for each in row.differences}
    told: defaultdict[str, list[str]] = defaultdict(list)
    for key in dict.fromkeys((*row.expected.fields, *row.got.fields)):
        theirs, ours = row.expected.fields.get(key, ABSENT), row.got.fields.get(key, ABSENT)
        if same(theirs, ours):
            told["equal"].append(f"<dt>{escape(key)}<dd>{escape(str(theirs))}")
        else:
            reason = by_key[key].listed
            mark = f"<a href=#r{numbers[reason]}>{numbers[reason]}</a>" if reason else UNLISTED
            values = f"<span>{escape(str(theirs))}</span><span>{escape(str(ours))}</span>"
            told["unequal"].append(f"<dt>{escape(key)} {mark}<dd class=two>{values}")
    if told["unequal"]:
        yield f"<dl class=unequal>{''.join(told['unequal'])}</dl>"
    yield f"<dl class=equal>{''.join(told['equal'])}</dl>"
