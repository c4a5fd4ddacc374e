"""`python -m otel_dd_distro app.py`, or `-m module`: a traced program in one start of Python."""

from __future__ import annotations

import sys

from . import bootstrap, program

USAGE = "usage: python -m otel_dd_distro (program.py | directory | archive.zip | -m module) [argument ...]"


def main(arguments: list[str]) -> None:
    """Trace this process, then let the named program have it. Ends with status 2 where none is named."""
    match arguments:
        case ["-h" | "--help", *_]:
            print(USAGE)
        case ["-m", name, *others]:
            # As a `sitecustomize` would find it: a service that is not named is inferred from it.
            sys.argv[:] = ["-m", *others]
            bootstrap.start()
            program.run_module(name)
        case [path, *others] if not path.startswith("-"):
            sys.argv[:] = [path, *others]
            bootstrap.start()
            program.run_path(path)
        case _:
            print(USAGE, file=sys.stderr)
            sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
