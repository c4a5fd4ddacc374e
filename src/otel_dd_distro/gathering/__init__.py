"""Gathers finished spans into local traces."""

from .local_traces import LocalTraces
from .processor import DatadogSpanProcessor

__all__ = ["DatadogSpanProcessor", "LocalTraces"]
