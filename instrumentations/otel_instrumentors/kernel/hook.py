"""The interface of a hook, which makes the wrapper that replaces a function of a library."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

from .call import Arguments, Call
from .scope import Scope
from .shape import Shape, shape_of


class Target:
    """A function that is about to be hooked.

    `owner` is the module or class it belongs to; `is_method` says whether its first argument is the instance. `shape`
    is that of the function, where `function` only leads to it.
    """

    __slots__ = ("function", "is_method", "owner", "shape")

    def __init__(self, function: Callable[..., Any], owner: Any, is_method: bool, shape: Shape | None = None) -> None:
        self.function = function
        self.owner = owner
        self.is_method = is_method
        self.shape = shape_of(function) if shape is None else shape

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """The call that these arguments make."""
        return Call(args[0], args[1:], kwargs) if self.is_method and args else Call(None, args, kwargs)

    def arguments(self, args: tuple[Any, ...], given: Arguments) -> Arguments:
        """What to call the function with: `given`, and the instance as it stands in `args`."""
        return ((*args[:1], *given[0]), given[1]) if self.is_method else given


class Hook(Protocol):
    """One way of watching a function."""

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        """A function to stand in the place of `target.function`, and silent once the scope is not active."""
        ...


def standing_for(function: Callable[..., Any], wrapper: Callable[..., Any]) -> Callable[..., Any]:
    """`wrapper` under the name, docstring and signature of `function`, also where that is a C function."""
    return functools.update_wrapper(wrapper, function)
