"""The page of the API names what there is, and all of what an application may call."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import otel_dd_distro

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
SHOWN: list[str] = re.findall(r"^::: (\S+)$", PAGE, re.MULTILINE)
ALONE = PAGE.partition("## One object alone")[2].partition("\n## ")[0]


@pytest.mark.parametrize("path", SHOWN)
def test_what_the_page_shows_is_there_and_documented(path: str) -> None:
    thing = pkgutil.resolve_name(path)
    own = [] if inspect.isfunction(thing) else [each for name, each in vars(thing).items() if not name.startswith("_")]
    named = re.search(rf"^::: {path}\n    options:\n      members: \[(.*)\]", PAGE, re.MULTILINE)
    methods = [getattr(thing, name) for name in named[1].split(", ")] if named else filter(inspect.isroutine, own)
    assert all(map(inspect.getdoc, [thing, *methods]))


def test_all_of_the_distro_is_on_the_page() -> None:
    assert {f"otel_dd_distro.{name}" for name in otel_dd_distro.__all__} <= set(SHOWN)


def test_what_instruments_one_object_is_on_the_page_with_the_instrumentors_that_have_it() -> None:
    for entry in entry_points(group="opentelemetry_instrumentor"):
        if not entry.value.startswith("otel_instrumentors."):
            continue
        instrumentor = entry.load()
        for name in dir(instrumentor):
            if re.match("(un)?instrument_", name):
                owner = next(each for each in instrumentor.__mro__ if name in vars(each))
                assert f"{owner.__module__}.{owner.__qualname__}" in SHOWN, f"{entry.name}: {name}"
                assert f"`{entry.name}`" in ALONE
