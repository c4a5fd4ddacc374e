"""Traces to the Datadog Agent."""
