"""Finished OpenTelemetry spans become Datadog spans."""

from .translator import Translator

__all__ = ["Translator"]
