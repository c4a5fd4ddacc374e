"""Trace context over the wire."""
