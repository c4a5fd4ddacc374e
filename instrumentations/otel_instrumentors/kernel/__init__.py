"""What every plugin stands on: wrapping, spans, context, versions, safety."""
