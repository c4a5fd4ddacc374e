"""The results of all benchmarks on one page: a table in the README, a chart and one JSON file beside it.

Usage: report.py MEASURED RESULTS. Reads the JSON files that the benchmarks left in the folder MEASURED, writes
`bench.json`, `chart.svg` and `who-encodes.md` into RESULTS, and puts the table between the two marks of the README.
Needs matplotlib.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

README = Path(__file__).resolve().parents[1] / "README.md"
MARKS = ("<!-- made by `nox -s bench`: -->\n", "<!-- until here -->\n")
SIDES = {
    "ours": "ours",
    "plain": "ours, the SDK's tracer",
    "ddtrace": "ddtrace 4.16.0",
    "otel": "OpenTelemetry and contrib, OTLP/HTTP",
}


@dataclass(frozen=True)
class Row:
    name: str
    unit: str
    values: dict[str, float]
    """By side, those that were measured."""
    spans: dict[str, float] | None = None
    """How many spans each side made of one call."""
    more_is_better: bool = False


def rows(results: dict[str, Any]) -> list[Row]:
    """One row for each thing that was measured."""
    span = {
        side: {what: median(run[what] for run in runs) for what in ("total", "own")}
        for side, runs in results["span"].items()
    }
    size = {
        side: sum(run["delivered"]["bytes"] for run in runs) / sum(run["delivered"]["spans"] for run in runs)
        for side, runs in results["span"].items()
        if side != "unsampled"
    }
    names = {"ours": "light", "plain": "plain", "ddtrace": "ddtrace", "otel": "otlp"}

    def of_span(what: str) -> dict[str, float]:
        return {side: span[name][what] for side, name in names.items()}

    def spans_with(kind: str) -> dict[str, float]:
        runs = results[f"span_{kind}"]
        return {side: median(run["total"] for run in runs[name]) for side, name in names.items()}

    found = [
        Row("a span of six attributes, delivered", "us", of_span("total")),
        Row("a span with HTTP attributes", "us", spans_with("http")),
        Row("a span with DB attributes", "us", spans_with("db")),
        Row("a span of another instrumentor", "us", spans_with("instrumentor")),
        Row("a span of six attributes, on the application's thread", "us", of_span("own")),
        Row("a span that is not sampled", "us", {"ours": span["unsampled"]["total"]}),
        Row("each span of a trace of 50,000", "us", {"ours": span["long"]["total"]}),
        Row("bytes on the wire for a span", "", {side: size[name] for side, name in names.items()}),
    ]
    sides = {"ours": "ours", "plain": "plain", "ddtrace": "ddtrace", "otel": "contrib"}
    for name, one in results["applications"].items():
        spans = {side: one[other]["spans"] for side, other in sides.items()}
        found.append(Row(f"{name}, added", "us", {side: one[other]["added"] for side, other in sides.items()}, spans))
    found.append(Row("reading and writing the headers of a request", "us", results["propagation"]["datadog and w3c"]))
    logged = results["log_records"]["inside of a span"]
    found.append(
        Row(
            "a log record with its trace, added",
            "us",
            {side: logged[sides[side]] for side in ("ours", "ddtrace", "otel")},
        )
    )
    startup = results["startup"]
    added = {side: value * 1e3 for side, value in startup["cpu"].items()}
    found.append(Row("start of `import flask`, added", "ms", {side: added[side] for side in SIDES if side in added}))
    found.append(
        Row(
            "the same in one start, `-m otel_dd_distro`",
            "ms",
            {"ours": added["one start"], "ddtrace": added["ddtrace"]},
        )
    )
    memory = {side: startup["memory"][side] for side in SIDES if side in startup["memory"]}
    found.append(Row("memory at its peak, added", "MiB", memory))
    served = results["saturation"]
    bare = served["bare"]["requests_per_second"]
    share = {side: served[other]["requests_per_second"] / bare * 100 for side, other in sides.items()}
    found.append(Row("a saturated gunicorn worker serves, of untraced", "%", share, more_is_better=True))
    found.append(
        Row(
            "its slowest of a hundred requests",
            "ms",
            {side: served[other]["p99_saturated_ms"] for side, other in sides.items()},
        )
    )
    return found


def who_encodes(results: dict[str, Any]) -> str:
    """Markdown: what it costs when spans are translated and packed by the thread that ends them, or not at all."""
    lines = [
        "# Who translates and packs spans: the export thread, or the thread that ends them.",
        "",
        "A gunicorn worker of two threads serves the Flask page, saturated, and at a steady 150 requests a second.",
        "*Not at all* leaves out all that comes after a span has ended: no way to do it can be better.",
        "",
        "| | requests a second | of untraced | 99th percentile | at 150/s: median | 99th percentile |",
        "|---|---|---|---|---|---|",
    ]
    served = results["saturation"]
    ways = {"bare": "untraced", "ours": "export thread", "at once": "thread that ends them", "unexported": "not at all"}
    for side, name in ways.items():
        one = served[side]
        share = one["requests_per_second"] / served["bare"]["requests_per_second"]
        times = [f"{one[what]:.2f} ms" for what in ("p99_saturated_ms", "p50_steady_ms", "p99_steady_ms")]
        lines.append(f"| {name} | {one['requests_per_second']:.0f} | {share:.0%} | {' | '.join(times)} |")
    lines += [
        "",
        "And the CPU that a call takes more when traced, of the process, and on the application's thread:",
        "",
        "| | export thread | thread that ends them | its own share: export thread | thread that ends them |",
        "|---|---|---|---|---|",
    ]
    for row, sides in results["applications"].items():
        if "at once" in sides:
            both = [sides[side][what] for what in ("added", "added_own") for side in ("ours", "at once")]
            lines.append(f"| {row} | {' | '.join(f'{value:.1f} us' for value in both)} |")
    lines += ["", "Made by `nox -s bench`.", ""]
    return "\n".join(lines)


def written(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:.{0 if value >= 100 or unit in ('', '%') else 1}f} {unit}".strip()


def table(found: list[Row]) -> str:
    """Markdown; beside each peer's number what ours is of it."""
    lines = ["| | " + " | ".join(SIDES.values()) + " |", "|---" * (len(SIDES) + 1) + "|"]
    for row in found:
        cells = []
        for side in SIDES:
            value = row.values.get(side)
            cell = written(value, row.unit)
            if value is not None and side == "ours":
                cell = f"**{cell}**"
            elif value and "ours" in row.values:
                cell += f" ({row.values['ours'] / value:.2f}x)"
            if row.spans is not None and value is not None:
                cell += f", {row.spans[side]:.3g} span" + ("s" if round(row.spans[side]) != 1 else "")
            cells.append(cell)
        lines.append(f"| {row.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def chart(found: list[Row], path: Path) -> None:
    """Each row's bars as shares of its longest."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "bench"
    from matplotlib import pyplot

    shown = [row for row in found if len(row.values) > 1]
    figure, axes = pyplot.subplots(figsize=(9, 0.62 * len(shown) + 1))
    height = 0.8 / len(SIDES)
    colours = dict(zip(SIDES, ("#1b9e77", "#a6dbc9", "#7b52ab", "#f0a202"), strict=True))
    for at, row in enumerate(shown):
        longest = max(row.values.values())
        for place, side in enumerate(side for side in SIDES if side in row.values):
            value = row.values[side]
            y = at + (place - 1.5) * height
            axes.barh(y, value / longest, height * 0.9, color=colours[side], label=SIDES[side] if not at else None)
            axes.text(value / longest + 0.005, y, written(value, row.unit), va="center", fontsize=6)
    axes.set_yticks(
        range(len(shown)), [row.name + (" (more is better)" if row.more_is_better else "") for row in shown], fontsize=8
    )
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.set_xlim(0, 1.12)
    for edge in ("top", "right", "bottom"):
        axes.spines[edge].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.01), ncols=len(SIDES), fontsize=7, frameon=False)
    axes.set_title("What tracing costs: CPU unless said otherwise, each row to its own scale", fontsize=9, loc="left")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("measured", type=Path)
    arguments.add_argument("results", type=Path)
    given = arguments.parse_args()
    folder: Path = given.results
    folder.mkdir(exist_ok=True)
    spans = ("span", "span_http", "span_db", "span_instrumentor")
    names = (*spans, "applications", "propagation", "log_records", "startup", "saturation")
    results = {name: json.loads((given.measured / f"{name}.json").read_text()) for name in names}
    found = rows(results)
    where = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()}"
    where += f", Python {platform.python_version()}, {datetime.datetime.now(datetime.timezone.utc).date()}"
    document = {"where": where, "rows": [vars(row) for row in found]}
    (folder / "bench.json").write_text(json.dumps(document, indent=1) + "\n")
    chart(found, folder / "chart.svg")
    (folder / "who-encodes.md").write_text(who_encodes(results))
    text = f"Measured on: {where}. In brackets what ours is of it.\n\n{table(found)}\n"
    print(text)
    before, begin, rest = README.read_text().partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (begin and end):
        raise SystemExit(f"{README} has no place for the table: {MARKS}")
    README.write_text(before + begin + text + end + after)


if __name__ == "__main__":
    main()
