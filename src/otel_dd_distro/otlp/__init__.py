"""Other exporters beside the Agent's: they get the same spans with the same ids, but of kept traces only."""

from .outlet import Outlet, Outlets

__all__ = ["Outlet", "Outlets"]
