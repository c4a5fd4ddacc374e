"""What the terminal shows of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .report import Report, times

MOST = 30
"""Sentences: one wrong name in a table makes hundreds."""


def show(report: Report, console: Console) -> None:
    table = Table(title="The same programs under ddtrace and under ours", title_justify="left", title_style="bold")
    table.add_column("scenario", style="bold", no_wrap=True)
    for heading in ("spans: ddtrace", "ours", "fields: equal", "meant", "unlisted"):
        table.add_column(heading, justify="right")
    for heading in ("CPU s: untraced", "ddtrace", "ours"):
        table.add_column(heading, justify="right", style="cyan")
    for result in report.results:
        compared = result.compared
        table.add_row(
            result.scenario.name,
            *map(str, result.spans()),
            str(compared.equal()),
            str(len(compared.meant())),
            marked(len(compared.unlisted()), "bold red"),
            *(f"{result.cpu[side]:.2f}" for side in ("untraced", "ddtrace", "ours")),
        )
    console.print(table)
    occurring = report.occurrences()
    listing = Table(box=None, show_header=False, padding=(0, 1))
    for number, row in enumerate(report.listed, start=1):
        if occurring[row]:
            listing.add_row(str(number), row.title, Text(times(occurring[row]), style="dim"))
    console.print(listing)
    problems(report.problems(), console)


def marked(number: int, style: str) -> Text:
    return Text(str(number), style=style if number else "")


def problems(sentences: Sequence[str], console: Console) -> None:
    for sentence in sentences[:MOST]:
        # The word by which pytest and .ci/run know what failed.
        console.print(Text(f"FAILED {sentence}", style="red"))
    if len(sentences) > MOST:
        console.print(Text(f"... and {len(sentences) - MOST} more: the page has them all", style="red"))
