"""Runs a program in this process, in the environment that `python program.py` and `python -m module` would give it."""

from __future__ import annotations

import builtins
import importlib.machinery
import io
import os
import pkgutil
import runpy
import sys
from collections.abc import Callable
from types import ModuleType, TracebackType
from typing import Any

from . import working_directory

# What Python itself calls for `-m`, and for the `__main__` of a directory or an archive.
_run_module: Callable[..., None] = runpy._run_module_as_main  # type: ignore[attr-defined]

_OURS = frozenset(vars(sys.modules["__main__"]))
"""The names that Python has given to the `__main__` that starts programs."""


def run_module(name: str) -> None:
    """As `python -m name`; its arguments are in `sys.argv`, after `-m`."""
    working_directory.put_back()
    _as_main(_run_module, name)


def run_path(path: str) -> None:
    """As `python path`: a file, or the `__main__` of a directory or an archive; `sys.argv` is as it is then."""
    # The working directory may be gone: it is not asked for where it does not matter.
    place = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
    if pkgutil.get_importer(place) is not None:
        _replace_first_path(place, also_if_safe=True)
        _as_main(_run_module, "__main__", alter_argv=False)
        return
    try:
        with io.open_code(place) as file:
            content = file.read()
    except OSError as error:
        print(f"{sys.executable}: can't open file {place!r}: [Errno {error.errno}] {error.strerror}", file=sys.stderr)
        sys.exit(2)
    _replace_first_path(os.path.dirname(os.path.realpath(place)))
    _as_main(_run_file, place, content)


def _run_file(place: str, content: bytes) -> None:
    code = pkgutil.read_code(io.BytesIO(content))
    compiled = code is not None
    main = vars(sys.modules["__main__"])
    loader = importlib.machinery.SourcelessFileLoader if compiled else importlib.machinery.SourceFileLoader
    main.update(__file__=place, __loader__=loader("__main__", place), **_as_in_ours(__cached__=None))
    exec(code if compiled else compile(content, place, "exec", dont_inherit=True), main)


def _replace_first_path(path: str, *, also_if_safe: bool = False) -> None:
    """Put `path` where Python has put the working directory, if it has: not with `-P` or `-I`."""
    if working_directory.was_set_aside():
        working_directory.put_back()
        sys.path[0] = path
    elif also_if_safe:
        sys.path.insert(0, path)


def _as_main(run: Callable[..., None], *arguments: Any, **options: Any) -> None:
    """Call `run` with a fresh `__main__` in place of ours."""
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, **_as_in_ours(__annotations__={}))
    try:
        run(*arguments, **options)
    except BaseException as error:
        _hide_us(error)
        raise


def _as_in_ours(**names: Any) -> dict[str, Any]:
    """Of these names, those that this Python gives to a `__main__`: newer ones leave out more and more."""
    return {name: value for name, value in names.items() if name in _OURS}


def _hide_us(error: BaseException) -> None:
    """Have Python show the traceback of an error that ends the program without the frames that led to it."""
    show = sys.excepthook

    def show_theirs(kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> None:
        sys.excepthook = show
        if value is error:
            traceback = _theirs(traceback)
            value.__traceback__ = traceback
        show(kind, value, traceback)

    sys.excepthook = show_theirs


def _theirs(traceback: TracebackType | None) -> TracebackType | None:
    """What stands behind the last frame of ours."""
    theirs = traceback
    while traceback is not None:
        if traceback.tb_frame.f_globals is globals():
            theirs = traceback.tb_next
        traceback = traceback.tb_next
    return theirs
