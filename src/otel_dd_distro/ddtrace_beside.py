"""Warns if ddtrace is imported in the same process: spans made by its API are in traces of their own."""

from __future__ import annotations

import functools
import logging
import sys

log = logging.getLogger("otel_dd_distro")

LIBRARY = "ddtrace"
PAGE = "docs/migrating-from-ddtrace.md"


@functools.cache
def watch() -> None:
    """Say so, once: now where it is imported, or when it is where instrumentors wait for imports anyway."""
    if LIBRARY in sys.modules:
        _tell(None)
    elif "wrapt" in sys.modules:
        # Importing it costs more than all the rest of what is set up.
        sys.modules["wrapt"].register_post_import_hook(_tell, LIBRARY)


def _tell(_module: object) -> None:
    log.warning(
        "ddtrace is imported in this process: spans made by its API are in separate traces, and libraries that "
        "both instrument are traced twice; %s says how to replace ddtrace",
        PAGE,
    )
