"""DB-API 2.0 drivers in C: subclasses of their connections and cursors, in which methods can be hooked."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Mapping
from operator import attrgetter
from sys import modules
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet

from ..kernel import safety
from ..kernel.call import Arguments
from ..kernel.hook import Hook, Target, standing_for
from ..kernel.scope import Scope
from .dbapi import STATEMENTS, TRANSACTIONS, Driver

_logger = logging.getLogger("otel_instrumentors")


class Factory(NamedTuple):
    """Classes of a driver's, and the argument that names another one in their place."""

    cls: str
    """Where the driver's module has the class that is used by default."""
    argument: str
    position: int
    optional: bool = False
    """Whether None asks for the default."""
    default: str = ""
    """The attribute of a connection that has the default where that may be another class."""


def connect(driver: Driver, connection: Factory, cursor: Factory, more: Mapping[str, Hook] | None = None) -> Hook:
    """A hook for the `connect()` of a driver written in C, that makes connections of the class given to it.

    What is made is of a subclass of the class that the application asked for: types, C level checks and the user's own
    subclasses keep working, rows cost nothing. `more` are hooks for methods of cursors that only this driver has.
    Connections that are there already are told of, once: they cannot be traced.
    """
    return _Connect(driver, connection, cursor, more or {})


def cursors(cursor: Factory, methods: Mapping[str, Hook]) -> Hook:
    """A hook for the method `cursor()` of a connection, where the classes of cursors alone are written in C.

    `methods` are hooks for methods of cursors. Cursors that are there already are not traced.
    """
    return _Cursors(cursor, methods)


class _Connect:
    __slots__ = ("_told", "connection", "cursor", "driver", "more")

    def __init__(self, driver: Driver, connection: Factory, cursor: Factory, more: Mapping[str, Hook]) -> None:
        self.driver = driver
        self.connection = connection
        self.cursor = cursor
        self.more = more
        self._told: tuple[Scope, set[str]] | None = None

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, factory, system = target.function, self.connection, self.driver.system
        classes = _TracedClasses(self, target.owner, scope)
        self._tell_of_untraced(classes.connections, target, scope)

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if scope.active:
                try:
                    connections = classes.connections
                    args, kwargs = _replaced(factory, connections, connections.own, args, kwargs)
                except Exception as error:  # noqa: BLE001
                    safety.report(f"connecting to {system}", error)
            return function(*args, **kwargs)

        return standing_for(function, wrapper)

    def _tell_of_untraced(self, classes: _TracedClass, target: Target, scope: Scope) -> None:
        # Of the same installation: its scopes, one for each module, are active as long as each other.
        if self._told is None or not self._told[0].active:
            self._told = scope, set()
        untraced, told = classes.untraced(target.function, target.owner), self._told[1]
        # The driver's `connect()` may be two functions, where another tool has wrapped it in one module of two.
        if untraced and untraced not in told:
            told.add(untraced)
            classes.tell(untraced)


def _replaced(
    factory: Factory, classes: _TracedClass, default: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Arguments:
    """The arguments with the traced form of the class that they ask for, that of `default` where they ask for none."""
    position, argument = factory.position, factory.argument
    is_by_position = position < len(args)
    wanted = args[position] if is_by_position else kwargs.get(argument, default)
    form = classes.form(default if wanted is None and factory.optional else wanted)
    if is_by_position:
        return (*args[:position], form, *args[position + 1 :]), kwargs
    return args, {**kwargs, argument: form}


class _TracedClasses:
    """The traced forms of a driver's connection and cursor classes."""

    def __init__(self, hook: _Connect, module: Any, scope: Scope) -> None:
        driver, factory = hook.driver, hook.cursor
        own = attrgetter(factory.cls)(module)
        statements = {name: driver.statement(name) for name in STATEMENTS}
        self.cursors = _TracedClass(own, _members(own, {**statements, **driver.fetches(), **hook.more}, scope))
        own = attrgetter(hook.connection.cls)(module)
        members = _members(own, {name: driver.transaction(name) for name in TRANSACTIONS}, scope)
        members["cursor"] = _cursor_method(own.cursor, factory, self.cursors, scope)
        members.update({name: _shortcut(getattr(own, name), name, scope) for name in STATEMENTS if hasattr(own, name)})
        self.connections = _TracedClass(own, members)


class _Cursors:
    __slots__ = ("factory", "methods")

    def __init__(self, factory: Factory, methods: Mapping[str, Hook]) -> None:
        self.factory = factory
        self.methods = methods

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        own = attrgetter(self.factory.cls)(modules[target.owner.__module__])
        return _cursor_method(
            target.function, self.factory, _TracedClass(own, _members(own, self.methods, scope)), scope
        )


def _cursor_method(
    make: Callable[..., Any], factory: Factory, cursors: _TracedClass, scope: Scope
) -> Callable[..., Any]:
    # What `cursor()` comes to, by far the most frequent call.
    usual = None if factory.default else {factory.argument: cursors.form(cursors.own)}

    def cursor(connection: Any, *args: Any, **kwargs: Any) -> Any:
        if scope.active:
            if usual is not None and not args and not kwargs:
                return make(connection, **usual)
            try:
                default = (factory.default and getattr(connection, factory.default, None)) or cursors.own
                args, kwargs = _replaced(factory, cursors, default, args, kwargs)
            except Exception as error:  # noqa: BLE001
                safety.report(f"making a cursor with {safety.place(make)}", error)
        return make(connection, *args, **kwargs)

    return standing_for(make, cursor)


_traced_classes: WeakSet[type[Any]] = WeakSet()


def is_traced(cls: type[Any]) -> bool:
    """Whether objects of a class tell of their statements: whether it is a form of ours of a driver's class."""
    return any(base in _traced_classes for base in cls.__mro__)


class _TracedClass:
    """The traced forms of a class of a driver's, one for each class that is asked for.

    Each is made of the class asked for and, below it, a subclass of the driver's own that does the tracing: what the
    application's class overrides and passes on with `super()` is traced, too, and once.
    """

    def __init__(self, own: type[Any], members: dict[str, Any]) -> None:
        self.own = own
        self._traced = type(own.__name__, (own,), {**members, **_identity(own)})
        _traced_classes.add(self._traced)
        self._made: WeakKeyDictionary[type[Any], type[Any]] = WeakKeyDictionary()
        self._has_told = False

    def form(self, wanted: Any) -> Any:
        """The traced form of a class. What is no class of the driver's is left alone."""
        if wanted is self.own:
            return self._traced
        if not (isinstance(wanted, type) and issubclass(wanted, self.own)):
            self.tell(f"those made by {safety.place(wanted)}")
            return wanted
        if issubclass(wanted, self._traced):
            return wanted
        made = self._made.get(wanted)
        if made is None:
            made = self._made[wanted] = type(wanted.__name__, (wanted, self._traced), _identity(wanted))
        return made

    def untraced(self, connect: Callable[..., Any], module: Any) -> str:
        """The objects of the class that are there already, and who makes them with a name of its own, in words."""
        # While a module is being imported there can be neither: the search would cost each start its time.
        if getattr(getattr(module, "__spec__", None), "_initializing", False):
            return ""
        number = sum(
            issubclass(type(found), self.own) and not getattr(found, "closed", False) for found in gc.get_objects()
        )
        untraced = [f"the {number} made before it was instrumented"] if number else []
        untraced += [
            f"those made by {name}, which imported {connect.__name__}() earlier" for name in _takers(connect, module)
        ]
        return ", ".join(untraced)

    def tell(self, which: str) -> None:
        if not self._has_told:
            self._has_told = True
            own = self.own
            _logger.warning("Statements of %s.%s are not traced for %s", own.__module__, own.__qualname__, which)


def _takers(function: Callable[..., Any], module: Any) -> list[str]:
    """The modules that have a function under a name of theirs, but for those of the package of a module."""
    package = str(module.__name__).partition(".")[0].strip("_")
    spaces = [found for found in gc.get_referrers(function) if type(found) is dict and "__spec__" in found]
    names = {str(space["__name__"]) for space in spaces}
    return sorted(name for name in names if name.partition(".")[0].strip("_") != package)


def _shortcut(function: Callable[..., Any], name: str, scope: Scope) -> Callable[..., Any]:
    """`connection.execute()` and its like: the driver's own would make its cursor without asking `cursor()`."""

    def shortcut(connection: Any, *args: Any, **kwargs: Any) -> Any:
        if not scope.active:
            return function(connection, *args, **kwargs)
        return getattr(connection.cursor(), name)(*args, **kwargs)

    return standing_for(function, shortcut)


def _members(own: type[Any], hooks: Mapping[str, Hook], scope: Scope) -> dict[str, Any]:
    found = {name: (getattr(own, name), hook) for name, hook in hooks.items() if hasattr(own, name)}
    wrapped = {name: hook.wrap(Target(method, own, is_method=True), scope) for name, (method, hook) in found.items()}
    # What is switched off stays the class's own.
    return {name: wrapper for name, wrapper in wrapped.items() if wrapper is not found[name][0]}


def _identity(own: type[Any]) -> dict[str, Any]:
    """What makes a subclass introduce itself as the class it stands for."""
    return {"__slots__": (), "__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}
