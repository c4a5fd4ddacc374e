"""What a scenario's program tells the run on its standard output: when each of its steps began and ended.

Stands beside the program when it runs: `from steps import step`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

PAUSE = 0.02
"""Seconds. A client has its answer a moment before the server has ended its spans."""


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


@contextmanager
def step(name: str, *expected: type[Exception]) -> Iterator[None]:
    """Everything that is traced inside is compared under this name. The step must raise one of `expected` if given."""
    begin = time.time_ns()
    try:
        yield
    except expected:
        pass
    else:
        if expected:
            raise AssertionError(f"{name}: {' or '.join(error.__name__ for error in expected)} was not raised")
    time.sleep(PAUSE)
    tell(step=name, begin=begin, end=time.time_ns())
    time.sleep(PAUSE)


def saw(name: str, values: Mapping[str, str]) -> None:
    """Something that a span does not show, to be compared under the present step, such as the headers of a request."""
    tell(saw=name, values=dict(values), at=time.time_ns())
