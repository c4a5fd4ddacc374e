"""`python -m otel_dd_distro app.py`, or `-m module`: a traced program in one start of Python."""

from __future__ import annotations

import os
import sys

from . import bootstrap, program

USAGE = """\
usage: python -m otel_dd_distro (program.py | directory | archive.zip | -m module) [argument ...]
       python -m otel_dd_distro doctor [--json] [--seconds N] [-- program.py [argument ...]]
       python -m otel_dd_distro view [--port N] [--terminal] [option ...]
       python -m otel_dd_distro --version

Runs a program traced, in one start of Python; or says why there are no spans; or receives traces and shows them on a
page. A program that is called `doctor` or `view` is named `./doctor` or `./view`."""


def main(arguments: list[str]) -> None:
    """Trace this process, then let the named program have it. Ends with status 2 where none is named."""
    match arguments:
        case ["-h" | "--help", *_]:
            print(USAGE)
        case ["-V" | "--version", *_]:
            from .export.loading import own_version

            print(f"otel-dd-distro {own_version()}")
        case ["doctor", *options]:
            from .doctor.command import main as doctor

            sys.exit(doctor(options))
        case ["view", *options]:
            from .view.command import main as view

            sys.exit(view(options))
        case ["-m", name, *others]:
            # As a `sitecustomize` would find it: a service that is not named is inferred from it.
            sys.argv[:] = ["-m", *others]
            _start()
            program.run_module(name)
        case [path, *others] if not path.startswith("-"):
            sys.argv[:] = [path, *others]
            _start()
            program.run_path(path)
        case _:
            print(USAGE, file=sys.stderr)
            sys.exit(2)


def _start() -> None:
    if "_OTEL_DD_DOCTOR" not in os.environ:
        bootstrap.start()
        return
    from .doctor import inside

    lines = inside.listen()
    bootstrap.start()
    inside.watch(lines)


def console() -> None:
    """The console script `otel-dd`."""
    main(sys.argv[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
