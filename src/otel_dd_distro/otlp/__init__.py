"""Other exporters beside the Agent: the same spans by their ids, those of kept traces only."""

from .outlet import Outlet, Outlets

__all__ = ["Outlet", "Outlets"]
