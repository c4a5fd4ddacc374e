"""The working directory, out of `sys.path` from the start of `python -m otel_dd_distro` until the program begins.

Python puts it first there for every `-m`. For `python /srv/app.py` it never does, so nothing that we import may come
from there: neither a `logging.py` of the project's nor a package that somebody left in a folder that all may write to.
Hence this module imports nothing but `sys`, and is the first that is imported.
"""

import sys

_set_aside: "list[str]" = []


def set_aside() -> None:
    """Take the working directory out of `sys.path`, where Python was started with `-m otel_dd_distro`."""
    if sys.argv[:1] != ["-m"] or sys.flags.isolated or getattr(sys.flags, "safe_path", False):
        return
    # While a module is looked for, `sys.argv` is "-m" and what follows the module's name.
    name = sys.orig_argv[-len(sys.argv)] if len(sys.orig_argv) >= len(sys.argv) else ""
    if name.removeprefix("-m") == __package__:
        _set_aside.append(sys.path.pop(0))


def put_back() -> None:
    """Put it where Python had it: the program is a module, and may be there."""
    if _set_aside:
        sys.path.insert(0, _set_aside.pop())


def was_set_aside() -> bool:
    return bool(_set_aside)
