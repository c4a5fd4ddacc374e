"""The torture matrix: how a program is started, what its Agent does, how it ends. `nox -s torture` runs this."""
