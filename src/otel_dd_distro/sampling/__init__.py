"""Whether a trace is kept, and who decided it."""

from .decision import Sampling
from .rules import Written

__all__ = ["Sampling", "Written"]
