"""DB-API 2.0 drivers (PEP 249): a span for each statement, commit and rollback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry.context import create_key, get_current, set_value

from ..kernel import safety
from ..kernel.call import Call, Outcome, SpanSpec
from ..kernel.hook import Hook, Target, standing_for
from ..kernel.scope import Describe, Scope
from ..kernel.traced import traced
from ..semconv import db
from ..semconv.db import Comments

STATEMENTS = ("execute", "executemany", "executescript", "callproc")
TRANSACTIONS = ("commit", "rollback")

_IN_STATEMENT = create_key("otel_instrumentors.dbapi.statement")
"""Some drivers commit through the connection's own method while they execute (sqlite3's scripts, on Python 3.10)."""
_COMMENTED = ("execute", "executemany")
_TEXT = "sql"
_AT_WORK = create_key("otel_instrumentors.cursor")
"""The context key of the cursor that is sending a statement."""


def connect(system: str, *, factory: str = "factory", position: int = 5, comments: Comments = Comments.NONE) -> Hook:
    """A hook for the `connect()` of a driver that makes connections of the class given to it.

    `factory` names that argument, `position` says where it stands. What is made is of a subclass of the class that the
    application asked for: types, C level checks and the user's own subclasses keep working, rows cost nothing.
    `system` is the `db.system.name`; `comments` as for `statement`.
    """
    return _Connect(system, factory, position, comments)


def statement(system: str, name: str, comments: Comments = Comments.NONE) -> Hook:
    """A hook for the cursor's method `name` that sends a statement, its first argument.

    `comments` says whether the driver's `execute` and `executemany` take a comment before the statement. The span
    records the statement as the application wrote it.
    """
    describe = _statement(system, name)
    if comments is Comments.NONE or name not in _COMMENTED:
        return traced(describe, rows_touched)
    return _Commented(describe, comments)


class _Connect:
    __slots__ = ("comments", "factory", "position", "system")

    def __init__(self, system: str, factory: str, position: int, comments: Comments) -> None:
        self.system = system
        self.factory = factory
        self.position = position
        self.comments = comments

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function
        classes = _TracedClasses(self.system, target.owner, scope, self.comments)

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if scope.active:
                try:
                    args, kwargs = self._with_traced_class(classes, args, kwargs)
                except Exception as error:  # noqa: BLE001
                    safety.report(f"connecting to {self.system}", error)
            return function(*args, **kwargs)

        return standing_for(function, wrapper)

    def _with_traced_class(
        self, classes: _TracedClasses, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self.position < len(args):
            wanted = args[self.position]
            traced_class = classes.connection(wanted)
            return (*args[: self.position], traced_class, *args[self.position + 1 :]), kwargs
        return args, {**kwargs, self.factory: classes.connection(kwargs.get(self.factory, classes.connection_class))}


class _Commented:
    """As `traced` does it, and inside the span a comment is put before the statement.

    Drivers written in Python send the rows of `executemany` with the same cursor's `execute`: that is no further
    statement of the application's.
    """

    __slots__ = ("comments", "describe")

    def __init__(self, describe: Describe, comments: Comments) -> None:
        self.describe = describe
        self.comments = comments

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, describe, comments = target.function, self.describe, self.comments

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not scope.active:
                return function(*args, **kwargs)
            call = target.call(args, kwargs)
            if get_current().get(_AT_WORK) is call.instance:
                return function(*args, **kwargs)
            recording = scope.open(describe, call)
            if recording is None:
                return function(*args, **kwargs)
            recording.context = set_value(_AT_WORK, call.instance, recording.context)
            recording.enter()
            try:
                comment = db.comment(recording.context, comments) if scope.propagates else ""
                if comment:
                    args, kwargs = _with_comment(comment, args, kwargs)
            except Exception as error:  # noqa: BLE001
                safety.report(f"commenting {safety.place(function)}", error)
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                recording.fail(error)
                raise
            recording.finish(rows_touched, call, result)
            return result

        return standing_for(function, wrapper)


def _with_comment(
    comment: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a cursor's method, its statement with the comment before it."""
    if len(args) > 1:
        cursor, text, *others = args
        return (cursor, comment + text, *others), kwargs
    return args, {**kwargs, _TEXT: comment + kwargs[_TEXT]}


class _TracedClasses:
    """The traced forms of a driver's connection and cursor classes, one for each class that is asked for.

    Each is made of the class asked for and, below it, a subclass of the driver's own that does the tracing: what the
    application's class overrides and passes on with `super()` is traced, too, and once.
    """

    def __init__(self, system: str, module: Any, scope: Scope, comments: Comments) -> None:
        self._scope = scope
        self._cursor_class: type[Any] = module.Cursor
        self.connection_class: type[Any] = module.Connection
        statements = {name: statement(system, name, comments) for name in STATEMENTS}
        transactions = {name: traced(_transaction(system, name), suppressed_by=_IN_STATEMENT) for name in TRANSACTIONS}
        self._traced_cursor = _subclass(module.Cursor, _members(module.Cursor, statements, scope))
        self._traced_connection = _subclass(
            module.Connection,
            {
                **_members(module.Connection, transactions, scope),
                "cursor": self._cursor_method(module.Connection.cursor),
                **{
                    name: self._shortcut(getattr(module.Connection, name), name)
                    for name in STATEMENTS
                    if hasattr(module.Connection, name)
                },
            },
        )
        self._made: WeakKeyDictionary[type[Any], type[Any]] = WeakKeyDictionary()
        self._made[module.Cursor] = self._traced_cursor
        self._made[module.Connection] = self._traced_connection

    def connection(self, wanted: Any) -> Any:
        """The traced form of a connection class. A factory that is no such class is left alone."""
        return self._traced_form(wanted, self.connection_class, self._traced_connection)

    def _cursor_method(self, make: Callable[..., Any]) -> Callable[..., Any]:
        scope, own, traced_own = self._scope, self._cursor_class, self._traced_cursor

        def cursor(connection: Any, factory: Any = own) -> Any:
            return make(connection, self._traced_form(factory, own, traced_own) if scope.active else factory)

        return standing_for(make, cursor)

    def _shortcut(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """`connection.execute()` and its like: the driver's own would make its cursor without asking `cursor()`."""
        scope = self._scope

        def shortcut(connection: Any, *args: Any, **kwargs: Any) -> Any:
            if not scope.active:
                return function(connection, *args, **kwargs)
            return getattr(connection.cursor(), name)(*args, **kwargs)

        return standing_for(function, shortcut)

    def _traced_form(self, wanted: Any, own: type[Any], traced_own: type[Any]) -> Any:
        if not (isinstance(wanted, type) and issubclass(wanted, own)) or issubclass(wanted, traced_own):
            return wanted
        made = self._made.get(wanted)
        if made is None:
            made = self._made[wanted] = type(wanted.__name__, (wanted, traced_own), _identity(wanted))
        return made


def _members(own: type[Any], hooks: dict[str, Hook], scope: Scope) -> dict[str, Any]:
    return {
        name: hook.wrap(Target(getattr(own, name), own, is_method=True), scope)
        for name, hook in hooks.items()
        if hasattr(own, name)
    }


def _subclass(own: type[Any], members: dict[str, Any]) -> type[Any]:
    return type(own.__name__, (own,), {**members, **_identity(own)})


def _identity(own: type[Any]) -> dict[str, Any]:
    """What makes a subclass introduce itself as the class it stands for."""
    return {"__slots__": (), "__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}


def _statement(system: str, name: str) -> Callable[[Call], SpanSpec]:
    def described(call: Call) -> SpanSpec:
        return db.query(system, call.arg(0, _TEXT), name, silences=_IN_STATEMENT)

    return described


def _transaction(system: str, name: str) -> Callable[[Call], SpanSpec]:
    def transaction(_call: Call) -> SpanSpec:
        return db.transaction(system, name)

    return transaction


def rows_touched(call: Call, _result: object) -> Outcome | None:
    """The cursor's `rowcount`, where it knows."""
    return db.rows(call.instance.rowcount)
