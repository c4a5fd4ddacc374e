"""Which versions of a library a plugin supports, and which is installed."""

from __future__ import annotations

import functools
from importlib import metadata

from packaging.requirements import Requirement

DISTRIBUTION = "otel-dd-distro"

SCHEMA_URL = "https://opentelemetry.io/schemas/1.40.0"
"""The release of the semantic conventions whose names the spans have."""


@functools.cache
def own() -> str:
    """The version of this distribution, `0` in a tree that is not installed."""
    return installed(DISTRIBUTION) or "0"


@functools.cache
def installed(distribution: str) -> str | None:
    """The installed version of a distribution, None when it has none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


@functools.cache
def supported(plugin: str) -> tuple[str, ...]:
    """The requirements in the extra called `plugin`, such as `("flask>=0.10",)`."""
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return ()
    # Metadata spells extras with hyphens.
    extra = plugin.replace("_", "-")
    requirements = (Requirement(line) for line in lines if f"extra == '{extra}'" in line.replace('"', "'"))
    return tuple(f"{requirement.name}{requirement.specifier}" for requirement in requirements)


def conflict(plugin: str) -> str | None:
    """Why the installed library is not one that the plugin supports, in words; None when it is, or has no version."""
    for line in supported(plugin):
        requirement = Requirement(line)
        version = installed(requirement.name)
        if version is not None and not requirement.specifier.contains(version, prereleases=True):
            return f"{requirement.name} {version} is installed, {line} is supported"
    return None
