"""Other exporters beside the Agent's: they get the same spans with the same ids, but of kept traces only."""
