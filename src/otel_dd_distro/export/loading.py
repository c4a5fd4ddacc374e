"""Imports that are delayed until the first payload, and kept from running while the process forks."""

from __future__ import annotations

import functools
import importlib

# Before our hook is registered: hooks run in reverse order, and to import a module often means to ask for a logger, so
# that the lock which logging takes for a fork must be taken after ours.
import logging  # noqa: F401
import os
import threading
from collections.abc import Callable
from types import ModuleType

from ..forks import on_fork
from ..interruptions import pass_on

_NEEDED = (
    "otel_dd_distro.export.connection",
    "otel_dd_distro.export.container",
    # For every host name that is looked up, "localhost" too.
    "encodings.idna",
    "importlib.metadata",
    "json",
    "ormsgpack",
    "otel_dd_distro.translate",
    "platform",
)
_LONGEST_WAIT_S = 5.0

# Reentrant, because a signal handler may want a module, or fork, while its thread is inside.
_loading = threading.RLock()
_held_by = 0
_loaded = False


def load() -> None:
    """Import what sending needs: about 60 ms of modules that starting up should not pay for.

    A child that is forked while a thread of its parent is inside an import inherits the module's lock, held for ever.
    Hence all imports of the export thread happen here, and a fork waits for the one under way. To be called again and
    again: a process that has no descriptors or no memory left may have some later.
    """
    global _loaded
    if not _loaded:
        # The version's lookup imports more by itself, in a manner that changes with the version of Python.
        _loaded = all([*map(_is_loaded, _NEEDED), _is_done(own_version)])


def _is_loaded(name: str) -> bool:
    return _is_done(lambda: importlib.import_module(name))


def _is_done(act: Callable[[], object]) -> bool:
    # One at a time, so that a fork waits for one at the longest.
    with _loading:
        try:
            act()
        except ImportError:
            return True  # ssl for instance: whoever comes to need it reports that
        except Exception as error:  # noqa: BLE001
            pass_on(error)
            return False
        return True


def module(name: str) -> ModuleType:
    """A module that may be needed before the first payload."""
    with _loading:
        return importlib.import_module(name)


@functools.cache
def own_version() -> str:
    """The version of this distribution."""
    try:
        from importlib.metadata import version

        return version("otel-dd-distro")
    except ImportError:
        # Copied somewhere without its metadata: PackageNotFoundError is one.
        return "unknown"


def _before_fork() -> None:
    global _held_by
    if not _loaded and _loading.acquire(timeout=_LONGEST_WAIT_S):
        _held_by = threading.get_ident()


def _after_fork_in_parent() -> None:
    global _held_by
    if _held_by == threading.get_ident():
        _held_by = 0
        _loading.release()


def _after_fork_in_child() -> None:
    global _held_by, _loading
    _held_by = 0
    _loading = threading.RLock()


on_fork(_after_fork_in_child)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)
