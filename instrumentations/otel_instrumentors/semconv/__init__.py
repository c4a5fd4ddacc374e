"""Span names and attribute keys, one module per domain."""
