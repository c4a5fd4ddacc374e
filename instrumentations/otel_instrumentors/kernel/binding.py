"""Binds a hooked function as Python would bind it, whatever stands in its place and whoever put it there.

A function of a class is called with the instance. Whatever else stands there (another tool's wrapper, a
`partialmethod`, a descriptor of somebody's own) may want to know what it is bound to: it binds itself at each call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, partialmethod
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import Any

from .hook import Target, standing_for
from .shape import shape_of

_MOST_LAYERS = 100
_PLAIN = (FunctionType, BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType)


class Binding:
    """What was found under a name: the target that calls it, and what a wrapper has to be to be bound as it is.

    `key` is the function that several names may share. `inherited` is the name of a method that the class `owner` has
    from another one.
    """

    __slots__ = ("_kind", "key", "target")

    def __init__(self, found: Any, owner: Any, is_method: bool, inherited: str = "") -> None:
        self._kind = _kind(found) if is_method else None
        if inherited and type(found) in _PLAIN:
            self.key = _from_bases(found, owner, inherited)
            self.target = Target(self.key, owner, True, shape_of(found))
            return
        takes_instance = is_method and self._kind is not staticmethod
        function = found.__func__ if type(found) in (staticmethod, classmethod) else found
        self.key = function
        if not is_method or type(function) in _PLAIN or not hasattr(type(function), "__get__"):
            self.target = Target(function, owner, takes_instance)
        else:
            self.target = Target(_BINDS[self._kind](found, owner), owner, takes_instance, shape_of(_innermost(found)))

    def standing(self, wrapper: Callable[..., Any]) -> Any:
        """The wrapper as it has to stand in the class or module."""
        return wrapper if self._kind is None else self._kind(wrapper)


def _kind(found: Any) -> Any:
    """`staticmethod` or `classmethod`, where what was found is one or was put around one; None for all others."""
    for layer in _layers(found):
        if isinstance(layer, (staticmethod, classmethod)):
            return staticmethod if isinstance(layer, staticmethod) else classmethod
    return None


def _innermost(found: Any) -> Any:
    *_, innermost = _layers(found)
    return innermost


def _layers(found: Any) -> Iterator[Any]:
    """What was found, and what it was put around, layer by layer, as far as wrappers tell."""
    for _ in range(_MOST_LAYERS):
        if found is None:
            return
        yield found
        name = "func" if isinstance(found, (partial, partialmethod)) else "__wrapped__"
        found = getattr(found, name, None) or getattr(found, "__func__", None)


def _from_bases(found: Any, owner: Any, name: str) -> Callable[..., Any]:
    """A method that a class inherits: in a class made of several bases that of another one may go before it."""

    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        method = getattr(super(owner, self), name) if isinstance(self, owner) else partial(found, self)
        return method(*args, **kwargs)

    return standing_for(found, call)


def _to_instance(found: Any, owner: Any) -> Callable[..., Any]:
    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return found.__get__(self, type(self))(*args, **kwargs)

    return _named(call, found)


def _to_class(found: Any, owner: Any) -> Callable[..., Any]:
    def call(cls: Any, /, *args: Any, **kwargs: Any) -> Any:
        return found.__get__(None, cls)(*args, **kwargs)

    return _named(call, found)


def _to_nothing(found: Any, owner: Any) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return found.__get__(None, owner)(*args, **kwargs)

    return _named(call, found)


_BINDS: dict[Any, Callable[[Any, Any], Callable[..., Any]]] = {
    None: _to_instance,
    classmethod: _to_class,
    staticmethod: _to_nothing,
}


def _named(call: Callable[..., Any], found: Any) -> Callable[..., Any]:
    return standing_for(_innermost(found) if _kind(found) is not None else found, call)
