"""Makes instrumentations.md: a row for each plugin, from its entry point, its docstring and pyproject.toml."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from otel_dd_distro.settings.record import OFF_BY_DEFAULT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGE = Path(__file__).with_name("instrumentations.md")
TOOL: dict[str, Any] = tomllib.loads((PAGE.parents[1] / "pyproject.toml").read_text())["tool"]["otel-dd-distro"]

HEAD = """\
# Instrumentations

<!-- Made by `python docs/instrumentations.py`; do not edit. -->

Each is an extra of the same name, `pip install 'otel-dd-distro[flask]'`, which holds the versions it supports. The
instrumentors work with any other OpenTelemetry SDK set-up, too. One is switched off by `DD_TRACE_<NAME>_ENABLED=false`
or by its name in `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`. Off unless `DD_TRACE_<NAME>_ENABLED=true` says so, because
another layer is traced for what they see: {off}.

The tests run on the newest release, on Python 3.10 and 3.13, and on those between as far as the Python makes a
difference (`nox -s tests`), and on the oldest release, on Python 3.11 (`nox -s oldest`). What was run on newer Pythons
[has a page of its own](newest-python.md).

| Name | Supported versions | Oldest tested | What it does |
|---|---|---|---|
"""

MIDDLEWARES = """
## Applications of no framework

An application that no instrumentor knows (datasette, aiohttp-wsgi, plain ASGI and WSGI) is traced by one line of its
own code:

```python
from otel_instrumentors.asgi import OpenTelemetryMiddleware  # or otel_instrumentors.wsgi

app = OpenTelemetryMiddleware(app)
```

The class has the name, the arguments and the hooks of the one in `opentelemetry.instrumentation.asgi` (and `.wsgi`): to
come from there, change the import. It may stand around a framework that is traced, or inside of one: a request has one
span, with the framework's route. These two are no entry points of `opentelemetry_instrumentor`, because nothing is
instrumented by loading them: the application says what they are around.

| Module | What it does |
|---|---|
"""

LEFT_OUT = """
## What the extra `all` leaves out

| Name | Why |
|---|---|
"""

UNREACHABLE = """
## What the ranges claim, and nobody can test

The ranges are wider than what can be installed today: the hooks of old releases are known, and a plugin does not refuse
one that somebody keeps alive. On Python 3.10 to 3.13 these are not reached, as far as we tried (a few releases of each,
as they come from PyPI):

| Name | Claimed from | Tested from | Why not before |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    from otel_instrumentors.kernel import versions

    rows, unreachable = [], []
    for entry in catalogue():
        lines = importlib.import_module(entry.value.partition(":")[0]).__doc__ or ""
        ranges = versions.supported(entry.name)
        found = tested(entry.name, ranges)
        words = [", ".join(f"`{line}`" for line in ranges) or "standard library"]
        words += [", ".join(f"`{name} {oldest}`" for name, _, oldest in found)]
        words += [sentence(lines.splitlines()[0].partition(": ")[2]) + stand_in(entry.name)]
        rows.append(f"| `{entry.name}` | {' | '.join(words)} |\n")
        missed = [each for each in found if not reaches(each[2], each[1])]
        if missed:
            words = [", ".join(f"`{name} {claimed}`" for name, claimed, _ in missed)]
            words += [", ".join(f"`{name} {oldest}`" for name, _, oldest in missed)]
            words += [sentence(TOOL["unreachable"][entry.name])]
            unreachable.append(f"| `{entry.name}` | {' | '.join(words)} |\n")
    left_out = [f"| `{name}` | {sentence(why)} |\n" for name, why in sorted(TOOL["not-in-all"].items())]
    head = HEAD.format(off=", ".join(f"`{name}`" for name in sorted(OFF_BY_DEFAULT)))
    return "".join(
        [head, *rows, MIDDLEWARES, *map(middleware, ("asgi", "wsgi")), LEFT_OUT, *left_out, UNREACHABLE, *unreachable]
    )


def middleware(name: str) -> str:
    """The row of a module that has a middleware in place of an instrumentor."""
    doc = importlib.import_module(f"otel_instrumentors.{name}").__doc__ or ""
    return f"| `otel_instrumentors.{name}` | {sentence(doc.splitlines()[0].partition(': ')[2])} |\n"


def stand_in(plugin: str) -> str:
    """What its tests run on where that is not the server itself."""
    what = TOOL["stand-ins"].get(plugin)
    return f" Tested on {what}." if what else ""


def catalogue() -> list[metadata.EntryPoint]:
    """Our instrumentors' entry points, by name."""
    from otel_instrumentors.kernel import versions

    entries = metadata.distribution(versions.DISTRIBUTION).entry_points
    ours = (entry for entry in entries if entry.group == "opentelemetry_instrumentor")
    return sorted(ours, key=lambda entry: entry.name)


def tested(plugin: str, ranges: Iterable[str]) -> list[tuple[str, str, str]]:
    """Of each distribution that is pinned: its name, the version that its range begins with, the oldest tested."""
    pins = dict(line.split("==") for line in TOOL["oldest"].get(plugin, ()) if "==" in line)
    begins = dict(line.split(">=") for line in ranges)
    return [(name, begins[name], oldest) for name, oldest in pins.items() if name in begins]


def reaches(version: str, begin: str) -> bool:
    """Whether a version is one of those that a range begins with: 0.10.1 of 0.10."""
    return f"{version}.".startswith(f"{begin}.")


def sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].removesuffix('.')}."


if __name__ == "__main__":
    PAGE.write_text(page())
