"""Stack traces without the frames of ours that the application's calls came through."""

from __future__ import annotations

import re

_HEAD = "Traceback (most recent call last):\n"
# Behind the head of a traceback, also in an exception group, where each line begins with a margin.
_OURS = re.compile(
    r"(?<=Traceback \(most recent call last\):\n)"
    r"""(?:([ |]*)File "[^"\n]*[/\\]otel_(?:instrumentors|dd_distro)[/\\][^"\n]*", line [^\n]*\n(?:\1  [^\n]*\n)*)+"""
)


def without_ours(stack: str) -> str:
    """The stack of an exception, and of those that led to it, each beginning with the first frame that is not ours."""
    return _OURS.sub("", stack) if _HEAD in stack and "otel_" in stack else stack
