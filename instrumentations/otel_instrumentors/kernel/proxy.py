"""An object that stands for one of the application's, with exactly the special methods that the other one has.

Python looks special methods up on the type: who asks for a length, an iterator or a call asks the class. A proxy whose
class had them all (as `wrapt.ObjectProxy` has) would claim what the object cannot do, and servers act on such claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar
from weakref import WeakKeyDictionary

_OWN = frozenset(
    (
        *("__class__", "__class_getitem__", "__del__", "__delattr__", "__dict__", "__getattr__", "__getattribute__"),
        *("__init__", "__init_subclass__", "__new__", "__setattr__", "__slots__", "__subclasshook__", "__weakref__"),
    )
)
"""What a proxy does itself, or Python never asks an instance's type for."""


class Proxy:
    """Stands for `wrapped`. Attributes are those of the wrapped object; a proxy's own begin with `_self_`.

    To be made by `stand_for`, which gives the class its special methods: those of `special`, where the type of the
    wrapped object has them too, in place of forwarding ones.
    """

    __slots__ = ("__weakref__", "_self_wrapped")

    special: ClassVar[Mapping[str, Callable[..., Any]]] = {}

    def __init__(self, wrapped: Any) -> None:
        object.__setattr__(self, "_self_wrapped", wrapped)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._self_wrapped)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._self_wrapped, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_self_"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._self_wrapped, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._self_wrapped, name)


P = TypeVar("P", bound=Proxy)

_classes: dict[type[Proxy], WeakKeyDictionary[type[Any], type[Proxy]]] = {}
"""The classes made so far: by the proxy's own class and the wrapped object's. They hold nothing of the latter."""


def stand_for(proxy: type[P], wrapped: Any) -> type[P]:
    """The class of `proxy` that has the special methods of the type of `wrapped`."""
    made = _classes.setdefault(proxy, WeakKeyDictionary())
    kind = type(wrapped)
    found: Any = made.get(kind)
    if found is None:
        namespace: dict[str, Any] = {
            name: None if value is None else proxy.special.get(name) or _forwarding(name)
            for name, value in _special(kind)
        }
        namespace.update(__slots__=(), __module__=kind.__module__, __qualname__=kind.__qualname__, __doc__=kind.__doc__)
        found = made[kind] = type(kind.__name__, (proxy,), namespace)
    return found  # type: ignore[no-any-return]


def _special(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """The special methods of a type; None for one that it switches off (`__hash__ = None`)."""
    seen = set()
    for cls in kind.__mro__:
        for name, value in vars(cls).items():
            if _is_special(name) and name not in seen and (callable(value) or value is None):
                seen.add(name)
                yield name, value


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and name not in _OWN


def _forwarding(name: str) -> Callable[..., Any]:
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._self_wrapped, name)(*args, **kwargs)

    forward.__name__ = name
    return forward
