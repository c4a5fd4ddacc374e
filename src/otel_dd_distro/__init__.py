"""otel-dd-distro: plain OpenTelemetry in the code, Datadog-exact traces in the Agent."""
