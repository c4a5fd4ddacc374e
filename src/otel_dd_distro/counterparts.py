"""Instrumentors of other packages for the same library as one of ours: mostly OpenTelemetry's, by other names."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.metadata import Distribution, EntryPoint

DISTRIBUTION = "otel-dd-distro"
_GROUP = "opentelemetry_instrumentor"
_LIBRARIES = "otel_instrumentors.libraries"
_INSTRUMENTS = ("instruments", "instruments-any")
"""The extras in which OpenTelemetry's instrumentors say what they watch."""
_REQUIREMENT = re.compile(r"\s*([\w.-]+).*?\bextra\s*==\s*[\"']([\w.-]+)[\"']", re.DOTALL)

THEIR_NAMES: Mapping[str, tuple[str, ...]] = {
    "aiohttp": ("aiohttp-client", "aiohttp-server"),
    "futures": ("threading",),
    "grpc": ("grpc_client", "grpc_server", "grpc_aio_client", "grpc_aio_server"),
    "mysql_connector": ("mysql",),
    "mysqldb": ("mysqlclient",),
}
"""What OpenTelemetry's instrumentors of the same libraries are called, where they are called otherwise than ours."""


SENDERS: Mapping[str, Mapping[str, Any]] = {
    "logging": {"set_logging_format": False, "inject_trace_context": False},
    "structlog": {},
}
"""OpenTelemetry's instrumentors that send log records, which ours of the same names do not, and how each is started to
do that alone."""


def own(entry_point: EntryPoint) -> str | None:
    """The name of our instrumentor that watches what this one of somebody else's does; None where none of ours does.

    They are matched by what each says that it watches, the distributions of the library; by name where that is part of
    Python, and says nothing.
    """
    name = entry_point.name
    if name in catalogue():
        return name
    watched = _watched_by(entry_point)
    for plugin, distributions in _watched().items():
        if watched & distributions:
            return plugin
    return None if watched else next((plugin for plugin, names in THEIR_NAMES.items() if name in names), None)


def support(entry_point: EntryPoint) -> bool:
    """Whether ours can do what this one of somebody else's would.

    Of the distributions that the other watches, each that is installed has to be one that an extra of ours names, in a
    version that we support.
    """
    lines = _lines()
    for name in _watched_by(entry_point):
        version = _version(name)
        if version is not None and not any(_allows(line, version) for line in lines.get(name, ())):
            return False
    return True


@functools.cache
def own_entry_points() -> tuple[EntryPoint, ...]:
    """Read from our own distribution alone: reading all is slow."""
    return tuple(_distribution().entry_points)


@functools.cache
def catalogue() -> dict[str, str]:
    """Our own instrumentors: name -> entry point value."""
    return {entry.name: entry.value for entry in own_entry_points() if entry.group == _GROUP}


@functools.cache
def libraries_of(name: str) -> tuple[str, ...]:
    """The top-level modules that one of our instrumentors watches: that of its name, where nothing else is said."""
    module = catalogue()[name].partition(":")[0]
    named = [entry.name for entry in own_entry_points() if entry.group == _LIBRARIES and entry.value == module]
    return tuple(named) or (name,)


@functools.cache
def _watched() -> dict[str, set[str]]:
    """The distributions of the library that each of ours watches: those that its extra names."""
    watched: dict[str, set[str]] = {}
    plugins = {_normal(plugin): plugin for plugin in catalogue()}
    for dist, extra, _ in _extras(_distribution()):
        if extra in plugins:
            watched.setdefault(plugins[extra], set()).add(dist)
    return watched


def _watched_by(entry_point: EntryPoint) -> set[str]:
    """The distributions that somebody else's instrumentor says that it watches.

    Of several instrumentors in one package, one that is called like one of these (`httpx` and `httpx2`) watches that.
    """
    extras = () if entry_point.dist is None else _extras(entry_point.dist)
    watched = {name for name, extra, _ in extras if extra in _INSTRUMENTS}
    name = _normal(entry_point.name)
    return {name} if name in watched else watched


@functools.cache
def _lines() -> dict[str, list[str]]:
    """What the extras of our instrumentors say of each distribution that they name, as lines of metadata."""
    plugins = {_normal(plugin) for plugin in catalogue()}
    lines: dict[str, list[str]] = {}
    for dist, extra, line in _extras(_distribution()):
        if extra in plugins:
            lines.setdefault(dist, []).append(line)
    return lines


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _allows(line: str, version: str) -> bool:
    from packaging.requirements import Requirement  # the loader of instrumentors has imported it

    return Requirement(line).specifier.contains(version, prereleases=True)


def _distribution() -> Distribution:
    from importlib.metadata import distribution  # costs start-up

    return distribution(DISTRIBUTION)


def _extras(dist: Distribution) -> Iterator[tuple[str, str, str]]:
    """What a distribution requires for an extra, the extra, and the whole line: names as the index has them."""
    for line in dist.requires or ():
        found = _REQUIREMENT.match(line)
        if found is not None:
            yield _normal(found[1]), _normal(found[2]), line


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
