"""Results that are read piece by piece, after the call has returned."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from ..call import Call
from ..recording import Explain, Finish, Recording
from .traced import Hold, steps


def streamed_result(finish: Finish | None = None, explain: Explain | None = None) -> Hold:
    """To hold a call whose result is an iterator: the span is current inside each step, and ends with the last.

    `finish` and `explain` as for `traced`. The span of a call that returned no iterator is over.
    """

    def hold(call: Call, result: Any, recording: Recording) -> Any:
        if isinstance(result, Iterator):
            return steps(_pieces(result), recording, finish, call, explain)
        recording.finish(finish, call, result)
        return result

    return hold


def _pieces(iterator: Iterator[Any]) -> Generator[Any, Any, Any]:
    yield from iterator
