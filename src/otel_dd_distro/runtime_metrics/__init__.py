"""Metrics of the Python runtime, by the names that ddtrace sends (`runtime.python.*`): to DogStatsD, every ten seconds.

`readings` looks at the process, `dogstatsd` writes to the Agent, `reporter` does both from one thread of its own.
"""

from __future__ import annotations

from .reporter import start

__all__ = ["start"]
