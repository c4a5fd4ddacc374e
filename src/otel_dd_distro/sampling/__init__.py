"""Whether a trace is kept, and who decided it."""

from .decision import Sampling

__all__ = ["Sampling"]
