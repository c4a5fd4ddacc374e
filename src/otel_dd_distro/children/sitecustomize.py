"""Traces Python processes that a traced program starts: each imports this module when it starts."""

import importlib.machinery
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def give_way() -> None:
    """Run the `sitecustomize` that stands behind this one, as would have been."""
    others = [path for path in sys.path if os.path.abspath(path) != HERE]
    spec = importlib.machinery.PathFinder.find_spec(__name__, others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


try:
    give_way()
finally:
    # Another Python's environment may not have us.
    if importlib.util.find_spec("otel_dd_distro") is not None:
        from otel_dd_distro import bootstrap

        bootstrap.start()
