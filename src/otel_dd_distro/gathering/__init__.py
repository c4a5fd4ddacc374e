"""Gathers finished spans into local traces."""
