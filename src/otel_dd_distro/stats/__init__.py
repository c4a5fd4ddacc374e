"""Hits, errors and latencies of all spans, counted here before any is dropped."""

from .computation import Stats

__all__ = ["Stats"]
