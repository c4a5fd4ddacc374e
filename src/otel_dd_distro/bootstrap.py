"""Traces this process as `opentelemetry-instrument` does, without starting Python a second time for it."""

from __future__ import annotations

import functools
import gc
import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING

from . import settings

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from .distro import DatadogDistro

log = logging.getLogger("otel_dd_distro")

CHILDREN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "children")
"""First in the PYTHONPATH of the Pythons that a traced program starts: `sitecustomize` there traces them, too."""

_UPSTREAM = "opentelemetry.instrumentation.auto_instrumentation"
_PIPELINE = f"{__package__}.pipeline"
_GEVENT = "OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH"


@functools.cache
def start() -> None:
    """Set the SDK up, and put the instrumentors to work: once in a process.

    What fails is logged, and the program runs without. Nothing is done where `opentelemetry-instrument` came first.
    """
    if _UPSTREAM in sys.modules:
        return
    # What is started meanwhile is none of the program's children.
    _trace_children(False)
    if not settings.current().enabled:
        if settings.current().logs_injection:
            _start_logging()
        return
    collects = gc.isenabled()
    gc.disable()
    try:
        _start()
    except Exception:
        log.exception("Tracing could not be set up; the program runs without it")
    finally:
        if collects:
            gc.enable()
        _trace_children(True)


def _start_logging() -> None:
    """Tracing is off, and records have their fields all the same."""
    try:
        from . import log_records
        from .distro import load_logging

        log_records.ask(settings.current())
        load_logging()
    except Exception:
        log.exception("Trace ids could not be added to log records")


def started() -> None:
    """Asked by every loader when the instrumentors are at work, and before the program begins.

    What there is by now stays to the end, so the garbage collector need not look at it again: not at any collection of
    the program's, and not at its exit. A forked child shares it for longer.
    """
    if _PIPELINE not in sys.modules or not settings.current().enabled:
        return
    from .configurator import tell_if_asked

    tell_if_asked()
    if hasattr(gc, "freeze"):
        gc.freeze()


def _start() -> None:
    if os.environ.get(_GEVENT) == "patch_all":
        importlib.import_module("gevent.monkey").patch_all()
    from importlib.metadata import entry_points

    from opentelemetry.instrumentation.version import __version__

    from .configurator import DatadogConfigurator
    from .distro import DatadogDistro

    DatadogDistro.is_in_force = True
    DatadogConfigurator().configure(auto_instrumentation_version=__version__)
    # One look at all that is installed: it opens a file of each.
    found = entry_points()
    for entry_point in found.select(group="opentelemetry_pre_instrument"):
        entry_point.load()()
    distro = DatadogDistro()
    for entry_point in found.select(group="opentelemetry_instrumentor"):
        _load(distro, entry_point)
    for entry_point in found.select(group="opentelemetry_post_instrument"):
        entry_point.load()()


def _load(distro: DatadogDistro, entry_point: EntryPoint) -> None:
    """As upstream's loader does it, with its words; of our own, the kernel looks for conflicts when it is time."""
    from opentelemetry.instrumentation.dependencies import DependencyConflictError, get_dist_dependency_conflicts

    name = entry_point.name
    try:
        if not distro.wants(entry_point):
            return
        if not distro.is_ours(entry_point) and entry_point.dist is not None:
            conflict = get_dist_dependency_conflicts(entry_point.dist)
            if conflict is not None:
                raise DependencyConflictError(conflict)
        distro.load_instrumentor(entry_point, skip_dep_check=True)
    except DependencyConflictError as error:
        found = error.conflict.found or getattr(error.conflict, "found_any", None)
        log.log(logging.ERROR if found else logging.DEBUG, "Instrumentor %s: %s", name, error.conflict)
    except ModuleNotFoundError as error:
        log.debug("Instrumentor %s is skipped: %s", name, error)
    except ImportError as error:
        log.warning("Instrumentor %s cannot be imported and is skipped: %s", name, error)


def _trace_children(wanted: bool) -> None:
    paths = os.environ.get("PYTHONPATH")
    others = [path for path in paths.split(os.pathsep) if path != CHILDREN] if paths else []
    if wanted or others:
        os.environ["PYTHONPATH"] = os.pathsep.join([CHILDREN, *others] if wanted else others)
    elif paths:
        del os.environ["PYTHONPATH"]
