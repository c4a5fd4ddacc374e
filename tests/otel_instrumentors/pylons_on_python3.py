"""Runs Pylons 1.0, which is written in Python 2, on Python 3: its source is translated when it is imported.

For tests and the parity scenario alone. `pylons.middleware.ErrorHandler` and `pylons.url` do not work for all that.
"""

from __future__ import annotations

import collections
import collections.abc
import email.mime.multipart
import email.mime.text
import importlib.machinery
import importlib.util
import sys
import types
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

PACKAGES = ("pylons", "webhelpers", "weberror")
"""What is written in Python 2, and is of this use to nobody but Pylons."""


@cache
def _translator() -> tuple[Any, Any]:
    with warnings.catch_warnings():
        # It is deprecated, and gone in Python 3.13.
        warnings.simplefilter("ignore")
        try:
            from lib2to3 import refactor

            fixers = "lib2to3.fixes"
        except ImportError:
            from fissix import refactor

            fixers = "fissix.fixes"
    return refactor.RefactoringTool(refactor.get_fixers_from_package(fixers)), refactor


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles the translation of a file, and neither reads nor writes what is compiled of the original."""

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)

    def source_to_code(self, data: Any, path: Any, **more: Any) -> Any:  # type: ignore[override]
        text = importlib.util.decode_source(data)
        # What Python 2 said `str` of is bytes in what a controller returns, and text in what it redirects to.
        text = text.replace("isinstance(response, str)", "isinstance(response, bytes)")
        text = text.replace("location=url.encode('utf-8')", "location=url")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = str(_translator()[0].refactor_string(text.rstrip() + "\n", str(path)))
            text = text.replace("'im_func'", "'__func__'").replace("inspect.getargspec(", "inspect.getfullargspec(")
            return super().source_to_code(text.encode(), path, **more)


class _Finder:
    """Finds these packages where Python would, and has them loaded translated."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        if name.partition(".")[0] not in PACKAGES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def install() -> None:
    """From now on Pylons can be imported. Python's own modules get back what Pylons looks for there."""
    if any(finder is _Finder for finder in sys.meta_path):
        return
    # Behind those who want to see every import.
    place = sys.meta_path.index(importlib.machinery.PathFinder)
    sys.meta_path.insert(place, _Finder)  # type: ignore[arg-type]
    user_dict = types.ModuleType("UserDict")
    vars(user_dict).update(
        DictMixin=collections.abc.MutableMapping,
        UserDict=collections.UserDict,
        IterableUserDict=collections.UserDict,
    )
    sys.modules.setdefault("UserDict", user_dict)
    sys.modules.setdefault("email.MIMEText", email.mime.text)
    sys.modules.setdefault("email.MIMEMultipart", email.mime.multipart)
    for name in ("Callable", "Iterable", "Mapping", "MutableMapping", "MutableSet", "Sequence"):
        if not hasattr(collections, name):
            setattr(collections, name, getattr(collections.abc, name))
