"""Whether a trace is kept, and who decided it."""
