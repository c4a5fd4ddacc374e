"""The same programs under ddtrace and under ours, span by span: `nox -s parity`."""
