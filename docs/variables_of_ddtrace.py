"""Make variables-of-ddtrace.md from what the doctor says of each name: `python docs/variables_of_ddtrace.py`."""

from __future__ import annotations

import pathlib
import re
import runpy
from collections.abc import Iterable, Iterator

from otel_dd_distro.doctor import elsewhere
from otel_dd_distro.doctor.known import IN_FORCE, Answer, answer
from otel_dd_distro.settings import VARIABLES
from otel_dd_distro.settings.variables import FIXED

DOCS = pathlib.Path(__file__).parent
with_names_as_code = runpy.run_path(str(DOCS / "configuration.py"))["with_names_as_code"]
PAGE = DOCS / "variables-of-ddtrace.md"
VERSION = "4.16.0"
REGISTRY = DOCS.parent / "tests" / "otel_dd_distro" / "doctor" / f"ddtrace-{VERSION}-variables.txt"

HEAD = """# Variables of ddtrace

<!-- Made by `python docs/variables_of_ddtrace.py`; do not edit. -->

Each of the {count} variables that ddtrace {version} knows, and what this distro makes of it.
`python -m otel_dd_distro doctor` says the same of those that are set in an environment.

| What this distro makes of it | Variables |
|---|---|
{summary}

`<NAME>` stands for several names, which are listed. What each variable means, its values and its default:
[configuration](configuration.md).
"""

SECTIONS = {
    IN_FORCE: (
        "In force",
        "They are read here, or by OpenTelemetry's own packages, and mean what they mean to ddtrace.",
    ),
    elsewhere.REPLACED: ("Something else stands for it", "They are not read; the second column says what to use."),
    elsewhere.ABSENT: ("No counterpart", "They are not read, and nothing here does what they are for."),
    elsewhere.AGENTS: ("The Agent's own", "They are for the Agent, and not needed in the application."),
    elsewhere.UNREAD: (
        "Without effect in ddtrace",
        f"ddtrace {VERSION} lists them; no part of it that runs in an application reads them.",
    ),
}


def registry() -> list[str]:
    return [line for line in REGISTRY.read_text().splitlines() if not line.startswith("#")]


def page() -> str:
    answers = {name: found for name in registry() if (found := answer(name)) is not None}
    sections = {state: {name: found for name, found in answers.items() if found.state == state} for state in SECTIONS}
    summary = "\n".join(
        f"| [{title}](#{title.lower().replace(' ', '-').replace(chr(39), '')}) | {len(sections[state])} |"
        for state, (title, _) in SECTIONS.items()
    )
    lines = [HEAD.format(count=len(answers), version=VERSION, summary=summary)]
    for state, (title, said) in SECTIONS.items():
        lines += [f"## {title}\n", f"{said}\n", "| Variables | Here |", "|---|---|"]
        if state == IN_FORCE:
            lines += _settings(sections[state])
        lines += _rows({name: found for name, found in sections[state].items() if found.row is None})
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _settings(answers: dict[str, Answer]) -> Iterator[str]:
    """The rows of the table of settings in its order: what one means may be said of the row above."""
    for variable in VARIABLES:
        names = [name for name in variable.names if name in answers]
        if names:
            only = "only its default: " if variable.field == FIXED else ""
            yield _row(names, only + variable.meaning)


def _rows(answers: dict[str, Answer]) -> Iterator[str]:
    """A row for all names of which the same is said, in the order of their first."""
    groups: dict[str, list[str]] = {}
    for name, found in sorted(answers.items()):
        groups.setdefault(found.said, []).append(name)
    for said, names in groups.items():
        yield _row(names, said)


def _row(names: list[str], said: str) -> str:
    said = said[0].upper() + said[1:] if said[:2].isalpha() else said
    return f"| {_listed(names)} | {with_names_as_code(said).replace('|', chr(92) + '|')} |"


def _listed(names: list[str]) -> str:
    """The names; those that differ in the name of a library alone as one, with all of these."""
    families: dict[str, list[str]] = {}
    single = []
    for name in names:
        family = _family(name)
        if family:
            families.setdefault(family, []).append(name)
        else:
            single.append(name)
    alike: dict[tuple[str, ...], list[str]] = {}
    for family, members in families.items():
        before, _, after = family.partition("<NAME>")
        if len(members) > FEW:
            middles = tuple(sorted(name[len(before) : len(name) - len(after)] for name in members))
            alike.setdefault(middles, []).append(family)
        else:
            single += members
    cells = [f"{_quoted(shared)} for {_quoted(middles)}" for middles, shared in alike.items()]
    return "<br>".join([*cells, *([_quoted(sorted(single))] if single else [])])


FEW = 3
"""So many names of a family are written out."""

_FAMILY = re.compile(
    r"(DD_TRACE_).+(_ENABLED)|(DD_).+(_SERVICE_NAME|_SERVICE|_DISTRIBUTED_TRACING|_SPLIT_BY_DOMAIN|_TRACE_FETCH_METHODS)"
)
_OWN = {name for variable in VARIABLES for name in variable.names}


def _family(name: str) -> str:
    found = _FAMILY.fullmatch(name)
    return "" if found is None or name in _OWN else "<NAME>".join(part for part in found.groups() if part)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page())
