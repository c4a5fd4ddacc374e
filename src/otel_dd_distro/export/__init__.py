"""Traces to the Datadog Agent."""

from __future__ import annotations

from .agent import Agent
from .exporter import DatadogSpanExporter
from .info import AgentInfo
from .queue import Counters, Encoded
from .writer import Writer

__all__ = ["Agent", "AgentInfo", "Counters", "DatadogSpanExporter", "Encoded", "Writer"]
