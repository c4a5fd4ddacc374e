"""Names of what other packages bring, by the group of their entry points."""

from __future__ import annotations

from collections.abc import Callable

from ..complaints import NOTHING, Unusable


def installed(group: str) -> Callable[[str], str]:
    def name_of_installed(text: str) -> str:
        if text not in names_of(group):
            raise Unusable("not installed")
        return text

    return name_of_installed


def all_installed(group: str) -> Callable[[str], str]:
    """Several, joined by commas, `*` for whatever there is; those that are not there are left out."""

    def names_of_installed(text: str) -> str:
        asked = [name for part in text.split(",") if (name := part.strip())]
        found = [name for name in asked if name == "*" or name in names_of(group)]
        if len(found) < len(asked):
            raise Unusable("not all of them are installed", instead=",".join(found) if found else NOTHING)
        return text

    return names_of_installed


def names_of(group: str) -> set[str]:
    """All that are installed."""
    from importlib.metadata import entry_points  # costs start-up, and is seldom needed

    return {entry_point.name for entry_point in entry_points(group=group)}
