"""Sets the OpenTelemetry SDK up to send traces to the Datadog Agent as ddtrace names them."""

from __future__ import annotations

from . import working_directory

working_directory.set_aside()

import os  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

from . import log_lines  # noqa: E402
from .settings import upstream  # noqa: E402

if TYPE_CHECKING:
    from .configurator import install as install
    from .pipeline import counters as counters
    from .pipeline import explain as explain

__all__ = ["counters", "explain", "install"]

log_lines.keep_to_one_line()
# Before any module of ours imports OpenTelemetry, which reads some of its variables then, and stops at a bad one.
upstream.mend(os.environ)
upstream.import_propagators(os.environ)


def __getattr__(name: str) -> Any:
    """Load what is asked for: the instrumented application starts faster for what nobody asks for."""
    if name == "install":
        from .configurator import install

        return install
    if name == "counters":
        from .pipeline import counters

        return counters
    if name == "explain":
        from .pipeline import explain

        return explain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
