"""Libraries' own tests, bare and traced, test by test. `nox -s transparency` runs this."""
