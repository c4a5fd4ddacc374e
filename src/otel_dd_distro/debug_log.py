"""Debug log of what this distro does, switched on by DD_TRACE_DEBUG, or OTEL_LOG_LEVEL=debug."""

from __future__ import annotations

import logging

LOGGERS = ("otel_dd_distro", "otel_instrumentors")
FORMAT = "%(asctime)s %(levelname)s [%(name)s] %(message)s"


def show() -> None:
    """Log at level debug; to stderr, as long as the application has said nowhere else."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        if not any(isinstance(handler, _UntilConfigured) for handler in logger.handlers):
            logger.addHandler(_UntilConfigured())


class _UntilConfigured(logging.StreamHandler):  # type: ignore[type-arg]
    """Silent once the root logger has handlers: they get the same records."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        if not logging.root.handlers:
            super().emit(record)
