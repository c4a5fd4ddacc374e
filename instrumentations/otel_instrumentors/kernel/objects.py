"""Single objects (an app, a client) that are instrumented with options of their own, or are the only ones."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

from . import safety
from .call import Call
from .recording import Recording
from .scope import Describe, Read, Scope

MakeScope = Callable[[str], Scope]
"""Makes the scope for the hooks of a module."""


class Objects:
    """How the calls of single objects of a library are recorded, and those of all others (`others`, None for not).

    `owners` says whose a call is: objects of which one may be among these.
    """

    def __init__(self, owners: Callable[[Call], tuple[Any, ...]], others: MakeScope | None) -> None:
        self.others = others
        self._owners = owners
        # By id, because what can be hashed may be equal to another; None for one of which nothing is recorded.
        self._scopes: dict[int, MakeScope | None] = {}
        self._kept: dict[int, Any] = {}

    def __bool__(self) -> bool:
        """Whether calls of one of them are recorded."""
        return any(scope is not None for scope in self._scopes.values())

    def __contains__(self, thing: object) -> bool:
        return self._scopes.get(id(thing)) is not None

    def put(self, thing: object, scope: MakeScope | None) -> None:
        """From now on calls of `thing` are recorded so; None for not at all."""
        key = id(thing)
        self._scopes[key] = scope
        try:
            self._kept[key] = weakref.ref(thing, lambda _gone: self._forget(key))
        except TypeError:
            self._kept[key] = thing  # lives as long as it is instrumented

    def drop(self, thing: object) -> None:
        """Calls of `thing` are like those of all others."""
        self._forget(id(thing))

    def _forget(self, key: int) -> None:
        self._scopes.pop(key, None)
        self._kept.pop(key, None)

    def dispatch(self, scope: Scope, module: str) -> None:
        """Let the scope that the hooks of a module have ask whose a call is.

        Its methods are replaced: wrappers that the application has kept have to ask, too, and all others nothing.
        """
        made: dict[MakeScope, Scope] = {}

        def scope_for(call: Call) -> Scope | None:
            make = self.others
            for owner in self._owners(call):
                if id(owner) in self._scopes:
                    make = self._scopes[id(owner)]
                    break
            if make is None:
                return None
            found = made.get(make)
            if found is None:
                found = made[make] = make(module)
            return found

        def opened(
            describe: Describe,
            call: Call,
            suppressed_by: str | None = None,
            incoming: Read | None = None,
            begun: int | None = None,
        ) -> Recording | None:
            try:
                chosen = scope_for(call)
            except Exception as error:  # noqa: BLE001
                safety.report("looking for whose a call is", error)
                return None
            return None if chosen is None else chosen.open(describe, call, suppressed_by, incoming, begun)

        def asked(call: Call) -> Mapping[str, Any]:
            chosen = scope_for(call)
            return {} if chosen is None else chosen.asked(call)

        vars(scope).update(open=opened, leaves_out=self._leaves_out, asked=asked)
        scope.asks = True

    def _leaves_out(self, call: Call) -> bool:
        try:
            named = [self._scopes[id(owner)] for owner in self._owners(call) if id(owner) in self._scopes]
        except Exception as error:  # noqa: BLE001
            safety.report("looking for whose a call is", error)
            return False
        return bool(named) and named[0] is None
