"""The light tracer: the OpenTelemetry SDK's provider, tracer and span for less."""

from .provider import ForkingProvider, TracerProvider
from .span import Span
from .tracer import Tracer

__all__ = ["ForkingProvider", "Span", "Tracer", "TracerProvider"]
