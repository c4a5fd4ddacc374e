"""Finished OpenTelemetry spans become Datadog spans."""
