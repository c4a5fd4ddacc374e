"""Whose tests are run, and how: read from libraries.toml."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = Path(__file__).with_name("libraries.toml")


@dataclass(frozen=True)
class Library:
    name: str
    why_not: str = ""
    """Why its tests are not run; nothing else is said then."""
    source: str = ""
    """The distribution whose source holds the tests; empty where Python itself has them."""
    installs_tests: bool = False
    """The distribution has them where it is installed, so its source is not needed."""
    requires: tuple[str, ...] = ()
    """What is installed for them, the library itself included."""
    runner: str = "pytest"
    """Or unittest: the first of `arguments` is then a program, or -m."""
    arguments: tuple[str, ...] = ()
    folder: str = "."
    """Where they are run, in the source."""
    servers: tuple[str, ...] = ()
    """Those of tests/servers.py; `{redis_server.port}` in arguments and variables is its port."""
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """What is written into that folder before, by name; addresses of servers are filled in as well."""
    quick: bool = False
    """Run in CI."""
    makes_none: bool = False
    """None of its calls makes a span: its plugin carries context alone, or it has none."""


def read(path: Path = FILE) -> dict[str, Library]:
    tables = tomllib.loads(path.read_text())
    return {name: _from_table(name, table) for name, table in tables.items()}


def _from_table(name: str, table: Mapping[str, Any]) -> Library:
    unknown = set(table) - {each.name for each in fields(Library)}
    if unknown:
        raise ValueError(f"{FILE.name}: {name}: unknown keys {sorted(unknown)}")
    return Library(name, **{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})
