"""What a factory makes, a function, an object or a class, is hooked in place of the factory."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary

from .. import safety
from ..around import around
from ..call import Call
from ..hook import Hook, Target, standing_for
from ..proxy import Proxy, stand_for
from ..scope import Scope
from ..shape import shape_of

Existing = Callable[[], Iterable[tuple[Any, str, Call]]]


def hook_products(hook: Hook | None = None, **methods: Hook) -> Hook:
    """A hook for a function or class that makes callables or objects: what it makes is hooked, and None left alone.

    `hook` is for calls of what is made (each a `ProductCall`), `methods` for calls of its methods of these names, as
    far as it has them. What is made is the `instance` of such calls.
    """
    return _HookProducts(hook, methods)


def hook_product_by_call(hook: Callable[[Call], Hook], existing: Existing | None = None) -> Hook:
    """A hook for a function that makes functions: `hook` says of the making call how what it makes is to be watched.

    `existing` finds what was made before: whose attribute it is, its name, and the call that would make it. What was
    made is not taken back by uninstrumenting, it falls silent.
    """
    return _HookProductByCall(hook, existing)


def hook_methods_by_call(methods: Callable[[Call], Mapping[str, Hook]]) -> Hook:
    """A hook for a function that makes objects: `methods` says of the making call which methods are watched, and how.

    What it says none of is given to the application as it was made.
    """
    return _HookMethodsByCall(methods)


class _HookProducts:
    __slots__ = ("hook", "methods")

    def __init__(self, hook: Hook | None, methods: dict[str, Hook]) -> None:
        self.hook = hook
        self.methods = methods

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        def returned(call: Call, product: Any) -> Any:
            return None if product is None else self._hooked(product, call, scope)

        return around(target, scope, returned=returned)

    def _hooked(self, product: Any, made_by: Call, scope: Scope) -> Any:
        call = product if self.hook is None else self.hook.wrap(_Product(product, made_by), scope)
        return call if inspect.isfunction(product) else hooked(product, scope, self.methods, call)


def hooked(product: Any, scope: Scope, methods: Mapping[str, Hook], call: Callable[..., Any] | None = None) -> Any:
    """An object that stands for `product`, with hooked `methods` as far as it has them; `call` is for calls of it."""
    wrapped: dict[str, Callable[..., Any]] = {}
    for name, hook in methods.items():
        # What is no method of the object's class, or not bound to the object, is left alone.
        method: Any = getattr(product, name, None)
        if getattr(method, "__self__", None) is product:
            target = Target(_unbound(method), type(product), is_method=True, shape=shape_of(method))
            wrapped[name] = MethodType(hook.wrap(target, scope), product)
    return stand_for(_HookedObject, product)(product, product if call is None else call, wrapped)


def product_of(thing: Any) -> Any:
    """What an object that `hooked` made stands for; any other is itself."""
    return thing._self_wrapped if issubclass(type(thing), _HookedObject) else thing


class _HookMethodsByCall:
    __slots__ = ("methods",)

    def __init__(self, methods: Callable[[Call], Mapping[str, Hook]]) -> None:
        self.methods = methods

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        def returned(call: Call, product: Any) -> Any:
            methods = self.methods(call)
            return hooked(product, scope, methods) if methods else product

        return around(target, scope, returned=returned)


class ProductCall(Call):
    """A call of what a factory made: `instance` is what was made, `made_by` the call that made it."""

    __slots__ = ("made_by",)

    def __init__(self, product: Any, args: tuple[Any, ...], kwargs: dict[str, Any], made_by: Call) -> None:
        super().__init__(product, args, kwargs)
        self.made_by = made_by


class _Product(Target):
    """A callable whose calls are calls of itself."""

    __slots__ = ("made_by",)

    def __init__(self, product: Any, made_by: Call) -> None:
        super().__init__(product, None, is_method=False)
        self.made_by = made_by

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        return ProductCall(self.function, args, kwargs, self.made_by)


def _unbound(method: Callable[..., Any]) -> Callable[..., Any]:
    """A bound method as a function that is called with the instance, whoever bound it."""

    def call(_instance: Any, /, *args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    return standing_for(method, call)


class _HookedObject(Proxy):
    """An object whose calls and some of whose methods are hooked; all else is its own."""

    __slots__ = ("_self_call", "_self_methods")

    def __init__(self, product: Any, call: Callable[..., Any], methods: dict[str, Callable[..., Any]]) -> None:
        super().__init__(product)
        self._self_call = call
        self._self_methods = methods

    def __getattr__(self, name: str) -> Any:
        found = self._self_methods.get(name)
        return super().__getattr__(name) if found is None else found

    def _self_called(self, *args: Any, **kwargs: Any) -> Any:
        return self._self_call(*args, **kwargs)

    def _self_enter(self) -> Any:
        return self._self_entered(self._self_wrapped.__enter__())

    async def _self_aenter(self) -> Any:
        return self._self_entered(await self._self_wrapped.__aenter__())

    def _self_entered(self, entered: Any) -> Any:
        # Most objects enter as themselves: what the block calls is hooked, too.
        return self if entered is self._self_wrapped else entered

    special = {"__call__": _self_called, "__enter__": _self_enter, "__aenter__": _self_aenter}


_originals: WeakKeyDictionary[Callable[..., Any], Callable[..., Any]] = WeakKeyDictionary()
"""By our wrapper, so that instrumenting again does not wrap one in the other."""


class _HookProductByCall:
    __slots__ = ("existing", "hook")

    def __init__(self, hook: Callable[[Call], Hook], existing: Existing | None) -> None:
        self.hook = hook
        self.existing = existing

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        def hooked(call: Call, product: Any) -> Any:
            original = _originals.get(product, product)
            wrapper = self.hook(call).wrap(Target(original, None, False), scope)
            _originals[wrapper] = original
            return wrapper

        if self.existing is not None:
            try:
                for owner, name, call in self.existing():
                    setattr(owner, name, hooked(call, getattr(owner, name)))
            except Exception as error:  # noqa: BLE001
                safety.report(safety.place(self.existing), error)
        return around(target, scope, returned=hooked)
