"""Knowing when a library is imported, without importing it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from types import ModuleType

import wrapt

from . import safety

Act = Callable[[ModuleType], None]

_acts: dict[str, list[Act]] = {}
_watched: set[str] = set()


def when_imported(name: str, act: Act) -> None:
    """Call `act` with the module called `name`: now if it is imported, else as soon as it is.

    An `act` that fails is reported and never fails the import.
    """
    _acts.setdefault(name, []).append(act)
    module = sys.modules.get(name)
    if module is not None:
        _attempt(act, module)
    elif name not in _watched:
        _watched.add(name)
        wrapt.register_post_import_hook(_imported, name)


def forget(name: str, act: Act) -> None:
    """`act` waits no longer for the module called `name`."""
    waiting = _acts.get(name, [])
    if act in waiting:
        waiting.remove(act)


def is_to_come(name: str) -> bool:
    """Whether there is a module called `name`, not imported yet, in a package that is. Imports nothing."""
    parent = sys.modules.get(name.rpartition(".")[0])
    places = getattr(parent, "__path__", None)
    return name not in sys.modules and places is not None and PathFinder.find_spec(name, places) is not None


def _imported(module: ModuleType) -> None:
    _watched.discard(module.__name__)
    for act in tuple(_acts.get(module.__name__, ())):
        _attempt(act, module)


def _attempt(act: Act, module: ModuleType) -> None:
    try:
        act(module)
    except Exception as error:  # noqa: BLE001
        safety.report(f"hooking {module.__name__}", error)
