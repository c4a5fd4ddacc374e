"""Instrumentors: one plugin per library, for any OpenTelemetry SDK."""
