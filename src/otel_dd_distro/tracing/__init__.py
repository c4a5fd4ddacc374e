"""The light tracer: the OpenTelemetry SDK's TracerProvider, Tracer and Span at a lower cost."""

from .provider import ForkingProvider, TracerProvider
from .span import Span
from .tracer import Tracer

__all__ = ["ForkingProvider", "Span", "Tracer", "TracerProvider"]
