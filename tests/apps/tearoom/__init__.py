"""A small Django project, laid out as they all are."""
