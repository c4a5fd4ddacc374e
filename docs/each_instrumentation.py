"""Makes the page of each instrumentation, for the site: from its hook table, options, names, differences and examples.

The examples are what `python docs/record_examples.py` has recorded (docs/examples.json), translated here by the
translator that a traced program uses.
"""

from __future__ import annotations

import ast
import json
import re
import runpy
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from otel_dd_distro import settings
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from otel_dd_distro.settings.record import OFF_BY_DEFAULT
from otel_dd_distro.translate import Translator
from otel_dd_distro.translate.names import BY_NAME, PLUGINS
from otel_instrumentors.kernel import hooks as ways
from otel_instrumentors.kernel import versions
from otel_instrumentors.kernel.hook import Hook
from otel_instrumentors.kernel.instrumentor import Instrumentor

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DOCS = Path(__file__).parent
ROOT = DOCS.parent
TESTS = ROOT / "tests" / "otel_instrumentors"
EXAMPLES: Mapping[str, list[dict[str, Any]]] = json.loads((DOCS / "examples.json").read_text())
DIFFERENCES: list[dict[str, Any]] = tomllib.loads((ROOT / "parity" / "differences.toml").read_text())["difference"]
LIST = runpy.run_path(str(DOCS / "instrumentations.py"))

SHOWN = 4
"""How many spans of an example are shown at most."""
EVERYWHERE = frozenset({"tracer_provider", "propagate", "inject"})
OF_THE_PROCESS = ("language", "runtime-id", "process_id", "_dd.p.tid", "_dd.p.dm", "_dd.tags.process")
"""What stands on the first span of each payload, or of each process: no matter of a library."""


def pages() -> dict[str, str]:
    """The text of each page, by the name of its instrumentor."""
    entries = LIST["catalogue"]()
    return {entry.name: page(entry, [each.name for each in entries]) for entry in entries}


def page(entry: metadata.EntryPoint, catalogue: Iterable[str]) -> str:
    name = entry.name
    parts = (
        [f"# {name}", f"{about(entry)} [All instrumentations](../instrumentations.md)."],
        ["## Versions", *supported(name)],
        ["## What is hooked", *hooked(entry.load().hooks)],
        ["## Spans", *service(name), *example(name)],
        ["## Switches", *switches(name)],
        ["## Options", *options(entry.load())],
        ["## Differences from ddtrace", *differences(name, catalogue)],
    )
    return "\n\n".join(line for part in parts for line in part) + "\n"


def about(entry: metadata.EntryPoint) -> str:
    doc = sys.modules[entry.load().__module__].__doc__ or ""
    sentence: str = LIST["sentence"](doc.splitlines()[0].partition(": ")[2])
    return sentence + LIST["stand_in"](entry.name)


def supported(name: str) -> Iterator[str]:
    ranges = versions.supported(name)
    if not ranges:
        yield "Part of the standard library: every version of Python that is supported."
        return
    rows = ["| Supported | Oldest tested |", "|---|---|"]
    oldest = {each: version for each, _, version in LIST["tested"](name, ranges)}
    rows += [f"| `{line}` | {oldest.get(line.partition('>=')[0], '')} |" for line in ranges]
    yield "\n".join(rows)
    if why := LIST["TOOL"]["not-in-all"].get(name):
        yield f"Not part of the extra `all`: {why[:1].lower()}{why[1:].removesuffix('.')}."


def hooked(table: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "A function that the installed version does not have is left out."
    rows = ["| Module | Function | How |", "|---|---|---|"]
    kinds: list[str] = []
    for module, functions in table.items():
        for path, hook in functions.items():
            found = list(dict.fromkeys(kinds_of(hook)))
            kinds += found
            rows.append(f"| `{module}` | `{path}` | {', '.join(f'`{kind}`' for kind in found)} |")
    yield "\n".join(rows)
    meanings = dict(re.findall(r"^\| `(\w+)`[^|]*\| ([^|]+) \|", ways.__doc__ or "", re.MULTILINE))
    told = [f"- `{kind}`: {meaning(kind, meanings)}" for kind in dict.fromkeys(kinds)]
    yield "\n".join(told)


def kinds_of(hook: Hook) -> Iterator[str]:
    """What a hook is, and then those that it wraps."""
    yield type(hook).__module__.removeprefix("otel_instrumentors.").removeprefix("kernel.hooks.")
    inner = getattr(hook, "hooks", getattr(hook, "hook", ()))
    for each in inner if isinstance(inner, tuple) else (inner,):
        if hasattr(each, "wrap"):
            yield from kinds_of(each)


def meaning(kind: str, meanings: Mapping[str, str]) -> str:
    """What a hook does; one of a family is told by the first line of its module."""
    if kind in meanings:
        return meanings[kind]
    doc = sys.modules[f"otel_instrumentors.{kind}"].__doc__ or ""
    return doc.splitlines()[0]


def service(name: str) -> Iterator[str]:
    row = PLUGINS.get(name)
    if row is None:
        return
    for kind, each in ((" of clients and producers", row.client), (" of servers", row.server), ("", row)):
        if each is not None:
            default = f" (`{each.default or each.component}`)" if "library" in each.service.value else ""
            whose = each.service.value.replace("DD_SERVICE", "`DD_SERVICE`")
            yield f"Their service{kind}, in Datadog: {whose}{default}."


def example(name: str) -> Iterator[str]:
    """What a use of the library records: the code of the plugin's own test, and its spans on both sides."""
    if name not in PLUGINS:
        yield "It makes no spans."
        return
    if name not in EXAMPLES:
        raise LookupError(f"{name} has no example; this records it: nox -s examples -- {name}")
    recorded = EXAMPLES[name]
    yield "### Example"
    yield f"This use of the library, in `tests/otel_instrumentors/test_{name}.py`:"
    yield f"```python\n{used(name)}\n```"
    places = unlike(recorded)
    yield f"records {counted(len(recorded), 'span')}{forms(len(places), len(recorded))}."
    seen = translated(recorded)
    for place in places[:SHOWN]:
        told = recorded[place]
        yield f"#### `{told['name']}`"
        yield "As OpenTelemetry sees it:"
        shown = {key: told[key] for key in ("name", "kind", "attributes")}
        yield f"```json\n{json.dumps(shown, indent=2)}\n```"
        yield "As Datadog sees it:"
        yield f"```json\n{json.dumps(without_the_process(seen[place]), indent=2)}\n```"


def unlike(recorded: Sequence[Mapping[str, Any]]) -> list[int]:
    """The places of the spans that are not like one before them, whatever the values of their attributes are."""
    first: dict[Any, int] = {}
    for place, told in enumerate(recorded):
        first.setdefault((told["name"], told["kind"], *told["attributes"]), place)
    return list(first.values())


def forms(number: int, spans: int) -> str:
    if number > SHOWN:
        of = "" if number == spans else f" of {number} forms"
        return f"{of}, of which these are the first {SHOWN}"
    if number == spans:
        return ""
    return " of this form" if number == 1 else f" of these {number} forms"


def used(name: str) -> str:
    """The body of `use` in the exam of a plugin."""
    source = (TESTS / f"test_{name}.py").read_text()
    (use,) = (
        each
        for found in ast.parse(source).body
        if isinstance(found, ast.ClassDef) and found.name.endswith("Contract")
        for each in found.body
        if isinstance(each, ast.FunctionDef) and each.name == "use"
    )
    lines = source.splitlines()[use.body[0].lineno - 1 : use.end_lineno]
    return textwrap.dedent("\n".join(lines))


def counted(number: int, what: str) -> str:
    return f"one {what}" if number == 1 else f"{number} {what}s"


def translated(recorded: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As the Agent gets them from a service `shop`, in their order; each trace by itself."""
    translator = Translator(settings.read({"DD_SERVICE": "shop"}, argv=["-"]))
    traces: dict[int, list[int]] = {}
    roots: list[int] = []
    for place, told in enumerate(recorded):
        roots.append(place if told["parent"] is None else roots[told["parent"]])
        traces.setdefault(roots[place], []).append(place)
    seen: dict[int, dict[str, Any]] = {}
    for places in traces.values():
        # As they ended: what began later within a span ended before it.
        spans = [span(place, recorded[place]) for place in reversed(places)]
        chunk = Chunk(spans, DatadogContext(1, tags={"_dd.p.dm": "-0"}), False, {})
        seen.update((each["span_id"] - 1, each) for each in translator.chunk(chunk, native_events=True))
    return [seen[place] for place in range(len(recorded))]


def span(place: int, told: Mapping[str, Any]) -> ReadableSpan:
    parent = told["parent"]
    trace = 0x640CFD8D00000000_12345678901234F0
    attributes = {key: tuple(value) if isinstance(value, list) else value for key, value in told["attributes"].items()}
    return ReadableSpan(
        told["name"],
        context=SpanContext(trace, place + 1, False, TraceFlags(1)),
        parent=None if parent is None else SpanContext(trace, parent + 1, False, TraceFlags(1)),
        resource=Resource({}),
        attributes=BoundedAttributes(None, attributes, immutable=False),
        kind=SpanKind[told["kind"]],
        start_time=1_700_000_000_000_000_000 + place,
        end_time=1_700_000_000_000_001_000 - place,
        instrumentation_scope=InstrumentationScope(told["scope"], ""),
    )


def without_the_process(seen: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: seen[key] for key in ("name", "service", "resource", "type") if seen.get(key)}
    for group in ("meta", "metrics"):
        shown[group] = {key: value for key, value in sorted(seen.get(group, {}).items()) if key not in OF_THE_PROCESS}
    return shown


def switches(name: str) -> Iterator[str]:
    upper = name.upper()
    state = "off unless this is `true`" if name in OFF_BY_DEFAULT else "on unless this is `false`"
    rows = ["| Variable | Meaning |", "|---|---|", f"| `DD_TRACE_{upper}_ENABLED` | Whether it is loaded: {state}. |"]
    row = PLUGINS.get(name)
    for key, each in BY_NAME.items():
        if row is not None and each in (row, row.client, row.server, row.asynchronous):
            rows.append(f"| `DD_{key.upper()}_SERVICE` | The service of its spans. |")
    for variable in settings.VARIABLES:
        own = [each for each in variable.names if re.search(rf"_{upper}_", each)]
        if own:
            rows.append(f"| {', '.join(f'`{each}`' for each in own)} | {variable.meaning} |")
    yield "\n".join(rows)
    yield "Variables that all instrumentors have: [per instrumentor](../configuration.md#per-instrumentor)."


def options(instrumentor: type[Instrumentor]) -> Iterator[str]:
    names = instrumentor.options.names()
    named = ", ".join(f"`{each}`" for each in (*sorted(names - EVERYWHERE), *sorted(EVERYWHERE)))
    yield f"Keywords of `instrument()`: {named}."
    yield "What each means: [options of instrumentors](../migrating-from-opentelemetry.md#options-of-instrumentors)."
    if own := [each for each in dir(instrumentor) if each.startswith("instrument_")]:
        methods = ", ".join(f"`{each}()`" for each in own)
        yield f"For one object alone: {methods} ([API](../api.md#one-object-alone))."


def differences(name: str, catalogue: Iterable[str]) -> Iterator[str]:
    """Those that a scenario of its own shows; which plugin a scenario is of, its name's beginning says."""

    def plugin_of(scenario: str) -> str:
        return max((each for each in catalogue if f"{scenario}_".startswith(f"{each}_")), key=len, default="")

    own = [row for row in DIFFERENCES if plugin_of(row["shown_by"]) == name]
    if own:
        yield "\n".join(f"- [{row['title']}](../differences.md#{anchor(row['title'])})" for row in own)
        yield "Others are of several libraries: [all differences](../differences.md)."
    else:
        yield "None of its own. Some are of several libraries: [all differences](../differences.md)."


def anchor(title: str) -> str:
    """As Zensical makes it of a heading; its strict mode finds where it does not."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower())
