"""The service of a program that names none, from its command line."""

from __future__ import annotations

import os
from collections.abc import Sequence


def inferred_service(argv: Sequence[str]) -> str:
    """The name ddtrace 4.16 gives a program started with this `sys.argv`, "" where it finds none.

    It is the package of the first argument that is a path, or else the topmost of its directories that hold Python
    files in one row. Executables (files below a `*bin` directory) and options are passed over; values of options are
    looked at only when nothing else is there. So `gunicorn app:app`, `flask run` and `python -m package` (whose
    `sys.argv` does not hold the package yet when a sitecustomize runs) have no name.
    """
    args = [arg for arg in argv if not _is_program(arg)]
    for values_too in (False, True):
        after_option = False
        for arg in args:
            option = arg.startswith("-")
            if not option and "=" not in arg and (values_too or not after_option):
                try:
                    name = _name_of_path(arg)
                except (OSError, ValueError):  # unreadable directory, NUL in the argument
                    name = None
                if name:
                    return name
                if name is not None:
                    break
            after_option = option
    return ""


def _is_program(arg: str) -> bool:
    base = arg.rpartition("/")[2]
    version = base.removeprefix("python")
    if version != base and (not version or version.replace(".", "", 1).isdecimal()):
        return True
    directory = os.path.dirname(os.path.normpath(arg))
    return any(part.endswith("bin") for part in directory.split("/")) and os.path.isfile(arg)


def _name_of_path(arg: str) -> str | None:
    """None where there is nothing at that path; "" for the root directory."""
    path = os.path.realpath(arg)
    if not os.path.exists(path):
        return None
    directory = path if os.path.isdir(path) else os.path.dirname(path)
    package: list[str] = []
    current = directory
    while os.path.exists(os.path.join(current, "__init__.py")) and current != os.path.dirname(current):
        package.insert(0, os.path.basename(current))
        current = os.path.dirname(current)
    if package:
        return ".".join(package)
    top = current = directory
    while current != os.path.dirname(current) and any(name.endswith(".py") for name in os.listdir(current)):
        top, current = current, os.path.dirname(current)
    return os.path.basename(top)
