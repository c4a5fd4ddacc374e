"""The base class of plugins: places their hooks when a library is instrumented, and removes them afterwards."""

from __future__ import annotations

import inspect
import logging
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any, ClassVar

from opentelemetry.instrumentation.dependencies import DependencyConflict, get_dependency_conflicts
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.trace import get_tracer

from . import versions
from .asking import scopes_of
from .binding import Binding
from .hook import Hook
from .imports import forget, is_to_come, when_imported
from .objects import MakeScope, Objects
from .options import PREFIX, Options
from .scope import Scope

_logger = logging.getLogger("otel_instrumentors")

HookTable = Mapping[str, Mapping[str, Hook]]
"""Module name -> dotted path inside it -> hook."""


class Instrumentor(BaseInstrumentor):  # type: ignore[misc]
    """The base class of all instrumentors. `FlaskInstrumentor().instrument()` instruments Flask.

    There is one object of each class: the class may be called again to get it. `instrument()` imports nothing: hooks
    are put in place when the library is imported, or at once if it is already imported. A hook for a function that the
    installed version lacks is skipped. If nothing of the library could be hooked, or its version is not supported, one
    warning is logged and nothing raises. `uninstrument()` removes the hooks.

    `instrument()` takes these keywords, and those that the class lists in `options`. The class itself takes them, too,
    for the next `instrument()`.

    - `tracer_provider`: the provider of the spans, instead of the global one.
    - `propagate=False`: trace headers are neither read nor written.
    - `inject=False`: trace headers are read and not written.
    """

    hooks: ClassVar[HookTable] = {}
    options: ClassVar[Options] = Options()

    _given: Mapping[str, Any] = {}
    _installation: _Installation | None = None
    _objects: Objects | None = None
    _only: Sequence[Any] = ()

    def __init__(self, **options: Any) -> None:
        # There is one object of each class, which is asked for again and again.
        if options:
            self._given = options

    def instrumentation_dependencies(self) -> Collection[str]:
        """The supported versions of the library, as requirements such as `flask>=0.10`."""
        return versions.supported(_plugin(type(self)))

    def _check_dependency_conflicts(self) -> DependencyConflict | None:
        """One where nothing of what is watched is installed as it should be: an extra may name forms of one library."""
        found = [get_dependency_conflicts([line]) for line in self.instrumentation_dependencies()]
        return found[0] if found and all(found) else None

    def _instrument(self, **kwargs: Any) -> None:
        if os.environ.get(f"{PREFIX}{_plugin(type(self)).upper()}_INSTRUMENT") == "False":
            return
        kwargs = {**self._given, **kwargs}
        named = [kwargs.get(name) for name in self.options.singly]
        only = [thing for things in named if things for thing in (things if isinstance(things, list) else [things])]
        for thing in only:
            self._instrument_object(thing, kwargs)
        if only:
            self._only = only
            return
        make = self._scopes(kwargs)
        if self._installation is None:
            self._installation = _Installation(_plugin(type(self)), self.hooks, make)
        if self._objects is not None:
            self._objects.others = make

    def _uninstrument(self, **kwargs: Any) -> None:
        self._given = {}
        for thing in self._only:
            self._uninstrument_object(thing)
        self._only = []
        if self._objects is not None:
            self._objects.others = None
        if self._installation is not None and not self._objects:
            self._installation.remove()
            self._installation = self._objects = None

    def _instrument_object(self, thing: Any, options: dict[str, Any]) -> None:
        """Record the calls of one object, with options of its own; those of others as before."""
        owner, make = self.options.owner(thing), self._scopes(options)
        if self._installation is None:
            # Of all other objects nothing is recorded.
            self._installation = _Installation(_plugin(type(self)), self.hooks, make)
            self._objects = self._installation.ask(Objects(self.options.owners, None))
        objects = self._asked_objects(self._installation)
        if owner in objects:
            _logger.warning("%s is instrumented already", type(thing).__qualname__)
            return
        objects.put(owner, make)

    def _uninstrument_object(self, thing: Any) -> None:
        """Record the calls of one object no more."""
        owner = self.options.owner(thing)
        if self._installation is None:
            _logger.warning("%s is not instrumented", type(thing).__qualname__)
            return
        objects = self._asked_objects(self._installation)
        if objects.others is not None:
            objects.put(owner, None)
            return
        objects.drop(owner)
        if not objects:
            self._installation.remove()
            self._installation = self._objects = None

    def _asked_objects(self, installation: _Installation) -> Objects:
        if self._objects is None:
            self._objects = installation.ask(Objects(self.options.owners, installation.make_scope))
        return self._objects

    def _scopes(self, asked: dict[str, Any]) -> MakeScope:
        provider = asked.get("tracer_provider")
        tracer = get_tracer(type(self).__module__, versions.own(), provider, versions.SCHEMA_URL)
        return scopes_of(_plugin(type(self)), self.options, tracer, asked)

    @classmethod
    def report(cls) -> dict[str, Any]:
        """What became of the hooks, for whoever asks why there is no span. The doctor shows it.

        - `imported`: names of the hooked modules that are imported.
        - `early`: those of them that were imported before `instrument()`.
        - `placed`: how many hooks are in place.
        - `missing`: the functions that the installed version lacks, as `module.path`.
        """
        installation = cls()._installation
        if installation is None:
            return {"imported": [], "early": [], "placed": 0, "missing": []}
        return {
            "imported": [module for module in cls.hooks if module in sys.modules],
            "early": installation.early,
            "placed": installation.number_placed,
            "missing": installation.missing,
        }


def _plugin(instrumentor: type) -> str:
    return instrumentor.__module__.rpartition(".")[2]


class _Installation:
    """The hooks of one plugin from instrumenting to uninstrumenting."""

    def __init__(self, plugin: str, hooks: HookTable, make_scope: MakeScope) -> None:
        self._plugin = plugin
        self._hooks = hooks
        self.make_scope = make_scope
        self._objects: Objects | None = None
        self._scopes: dict[str, Scope] = {}
        self._placed: list[tuple[Any, str, object, object | None]] = []
        self._wrappers: dict[tuple[int, int], Callable[..., Any]] = {}
        self._originals: dict[int, Callable[..., Any]] = {}
        self._unsupported: bool | None = None
        self.missing: list[str] = []
        self.early = [module for module in hooks if module in sys.modules]
        for module in hooks:
            when_imported(module, self._place)

    @property
    def number_placed(self) -> int:
        return len(self._placed)

    def ask(self, objects: Objects) -> Objects:
        """From now on `objects` says whose calls are recorded, and how."""
        self._objects = objects
        for module, scope in self._scopes.items():
            objects.dispatch(scope, module)
        return objects

    def remove(self) -> None:
        """Silence everything, and give back the originals wherever our wrapper still stands."""
        for scope in self._scopes.values():
            scope.active = False
        for module in self._hooks:
            forget(module, self._place)
        for owner, name, wrapper, original in reversed(self._placed):
            if vars(owner).get(name) is not wrapper:
                continue
            if original is None:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
        self._placed.clear()

    def _place(self, module: ModuleType) -> None:
        hooks = self._hooks.get(module.__name__)
        # Another library may stand under a name (`pymysql.install_as_MySQLdb`): it has a plugin of its own, or none.
        if hooks is None or self._is_unsupported():
            return
        scope = self._scopes.get(module.__name__)
        if scope is None:
            scope = self._scopes[module.__name__] = self.make_scope(module.__name__)
            if self._objects is not None:
                self._objects.dispatch(scope, module.__name__)
        # What a class inherits comes last: where its base is hooked, too, it has that hook from there.
        in_order = sorted(hooks.items(), key=lambda named: _is_inherited(module, named[0]))
        placed = [self._place_one(module, path, hook, scope) for path, hook in in_order]
        _logger.debug("%s: %s of %s hooks placed in %s", self._plugin, sum(placed), len(placed), module.__name__)
        # Releases differ in which of the modules have what is hooked.
        if not any(placed) and not self._placed and not any(map(is_to_come, self._hooks)):
            _logger.warning(
                "Nothing of %s could be instrumented: %s has none of %s",
                self._plugin,
                module.__name__,
                ", ".join(hooks),
            )

    def _is_unsupported(self) -> bool:
        if self._unsupported is None:
            conflict = versions.conflict(self._plugin)
            self._unsupported = conflict is not None
            if conflict is not None:
                _logger.warning("%s is not instrumented: %s", self._plugin, conflict)
        return self._unsupported

    def _place_one(self, module: ModuleType, path: str, hook: Hook, scope: Scope) -> bool:
        owner: Any = module
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent, None)
        found = inspect.getattr_static(owner, name, None) if owner is not None else None
        if found is None:
            _logger.debug("%s: %s has no %s, which is skipped", self._plugin, module.__name__, path)
            self.missing.append(f"{module.__name__}.{path}")
            return False
        is_own = name in vars(owner)
        inherited = "" if is_own or not isinstance(owner, type) else name
        wrapper, original = self._wrapper(owner, found, hook, scope, is_method=bool(parents), inherited=inherited)
        if wrapper is found and not is_own:
            # Switched off, or hooked in a base. In a class made of several it would go before what other bases have.
            return True
        setattr(owner, name, wrapper)
        if isinstance(owner, ModuleType):
            _name_where_it_stands(wrapper, owner, name)
        self._placed.append((owner, name, vars(owner)[name], original if is_own else None))
        return True

    def _wrapper(
        self, owner: Any, found: Any, hook: Hook, scope: Scope, is_method: bool, inherited: str
    ) -> tuple[Any, Any]:
        """What to put in the place of `found`, and what to give back for it later.

        A function that a library shows under two names gets one wrapper, also when the second name is copied from the
        first after that was hooked (`from sqlite3.dbapi2 import *`).
        """
        if id(found) in self._originals:
            return found, self._originals[id(found)]
        binding = Binding(found, owner, is_method, inherited)
        key = (id(binding.key), id(hook))
        wrapper = self._wrappers.get(key)
        if wrapper is None:
            wrapper = self._wrappers[key] = hook.wrap(binding.target, scope)
        if wrapper is binding.target.function:
            return found, found  # switched off: the same function may be hooked elsewhere
        standing = binding.standing(wrapper)
        self._originals[id(standing)] = found
        return standing, found


def _name_where_it_stands(wrapper: Any, module: ModuleType, name: str) -> None:
    """Have a function pickled by a name under which it is found: the original may be named after where it is written.

    `_sqlite3.connect`, say, which `sqlite3` only shows.
    """
    home = sys.modules.get(getattr(wrapper, "__module__", None) or "")
    if isinstance(wrapper, FunctionType) and getattr(home, wrapper.__qualname__, None) is not wrapper:
        wrapper.__module__, wrapper.__qualname__ = module.__name__, name


def _is_inherited(module: ModuleType, path: str) -> bool:
    *parents, name = path.split(".")
    owner: Any = module
    for parent in parents:
        owner = getattr(owner, parent, None)
    return isinstance(owner, type) and name not in vars(owner)
