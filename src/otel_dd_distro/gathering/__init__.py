"""Gathers finished spans into local traces."""

from .chunk import Chunk
from .local_traces import LocalTraces
from .processor import DatadogSpanProcessor

__all__ = ["Chunk", "DatadogSpanProcessor", "LocalTraces"]
