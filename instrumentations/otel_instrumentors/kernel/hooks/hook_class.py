"""A class whose methods cannot be replaced, because it is written in C, gives its place to a subclass."""

from __future__ import annotations

import inspect
from abc import ABCMeta
from collections.abc import Callable
from typing import Any

from ..binding import Binding
from ..hook import Hook, Target
from ..scope import Scope


def hook_class(**methods: Hook) -> Hook:
    """A hook for a class: a subclass with hooked `methods`, as far as the class has them, stands in its place.

    Hook it in the module that defines it, so that what is derived from it when the library is imported is derived from
    the subclass, and in each module that shows it, for a library that was imported before. Objects made before are not
    watched; they are instances of the subclass, too, for whoever asks.
    """
    return _HookClass(methods)


class _HookClass:
    __slots__ = ("methods",)

    def __init__(self, methods: dict[str, Hook]) -> None:
        self.methods = methods

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        cls: Any = target.function
        if not isinstance(cls, type):
            return cls  # type: ignore[no-any-return]
        namespace: dict[str, Any] = {
            "_self_stands_for": cls,
            "__slots__": () if cls.__weakrefoffset__ else ("__weakref__",),
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
        }
        for name, hook in self.methods.items():
            found = inspect.getattr_static(cls, name, None)
            if found is not None:
                binding = Binding(found, cls, is_method=True)
                namespace[name] = binding.standing(hook.wrap(binding.target, scope))
        kind = _Standing if type(cls) is type else _standing(type(cls))
        return kind(cls.__name__, (cls,), namespace)


# Derived from the metaclass of abstract classes, so that applications may derive from both.
class _Standing(ABCMeta):
    """The metaclass of a subclass that stands for a class: what is an instance of the class is one of the subclass."""

    def __instancecheck__(cls, instance: Any) -> bool:
        stood_for = vars(cls).get("_self_stands_for")
        return super().__instancecheck__(instance) if stood_for is None else isinstance(instance, stood_for)

    def __subclasscheck__(cls, subclass: type) -> bool:
        stood_for = vars(cls).get("_self_stands_for")
        return super().__subclasscheck__(subclass) if stood_for is None else issubclass(subclass, stood_for)


def _standing(metaclass: type) -> Any:
    """The same for a class with a metaclass of its own."""
    if issubclass(metaclass, _Standing):
        return metaclass
    return type(metaclass.__name__, (_Standing, metaclass), {})
