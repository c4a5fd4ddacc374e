"""DB-API 2.0 drivers (PEP 249): a span for each statement, commit and rollback."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Mapping
from copy import copy
from operator import attrgetter
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet

from opentelemetry.context import Context, create_key, get_current
from opentelemetry.util.types import AttributeValue

from ..kernel import safety
from ..kernel.call import Arguments, Call, Outcome, SpanSpec
from ..kernel.hook import Hook, Target, standing_for
from ..kernel.hooks.change_arguments import change_arguments
from ..kernel.hooks.opt_in import opt_in
from ..kernel.hooks.traced import traced
from ..kernel.options import Options
from ..kernel.scope import Scope
from ..semconv import db
from ..semconv.db import Comments
from . import sqlcommenter
from .fetches import FETCHES as FETCHES
from .fetches import Fetches

_logger = logging.getLogger("otel_instrumentors")

Attributes = Mapping[str, AttributeValue]
Known = Callable[[Any], Attributes]

STATEMENTS = ("execute", "executemany", "executescript", "callproc")
TRANSACTIONS = ("commit", "rollback")

_COMMENTED = ("execute", "executemany")
_PROCEDURE = "callproc"
_SCRIPT = "executescript"

_IN_SCRIPT = create_key("otel_instrumentors.dbapi.script")
"""Some drivers commit through the connection's own method while they execute (sqlite3's scripts, on Python 3.10)."""
_AT_WORK = create_key("otel_instrumentors.dbapi.cursor")
"""What the context keys of cursors that are sending a statement begin with; each ends with the cursor's id."""


def once(known: Known) -> Known:
    """What `known` says of a connection, asked once for each."""
    remembered: WeakKeyDictionary[Any, Attributes] = WeakKeyDictionary()

    def attributes(connection: Any) -> Attributes:
        found = remembered.get(connection)
        if found is None:
            found = remembered[connection] = known(connection)
        return found

    return attributes


def as_text(statement: Any) -> Any:
    """The statement as text where it is some, and itself where not."""
    return statement.decode(errors="replace") if isinstance(statement, bytes) else statement


def prefixed(comment: str, statement: Any) -> Any:
    """The statement with the comment before it; itself where it takes none."""
    if isinstance(statement, str):
        return comment + statement
    return comment.encode() + statement if isinstance(statement, bytes) else statement


def suffixed(statement: Any, comment: str) -> Any:
    """The statement with the comment behind it, before its semicolon; itself where it takes none."""
    if isinstance(statement, str):
        return sqlcommenter.appended(statement, comment)
    return sqlcommenter.appended(statement, comment.encode()) if isinstance(statement, bytes) else statement


def _nothing(_connection: Any) -> Attributes:
    return {}


class Driver:
    """What spans and statements need to know of a driver; makes the hooks for its methods.

    `system` is the `db.system.name`. `argument` is the name of the parameter that takes the statement, `text` shows a
    statement as text, `prefixed` puts a comment before one, `suffixed` behind it; `comments` says whether there may be
    any. `connection` gets the connection of a cursor, `known` tells the attributes of a connection (`once`, where they
    cost something).
    `nests` is for drivers written in Python that send the rows of `executemany` with the same cursor's `execute`: those
    are no further statements of the application's. `recognises` is for drivers that prepare a statement which comes
    again, by its text: a comment that varies is put before what is sent (`sent`), not into what they recognise.
    `silences` is `db.SUPPRESSED` where a driver sends its statements with another one. `fetches` is the switch of spans
    for the rows that a cursor fetches (`opt_in`).
    """

    def __init__(
        self,
        system: str,
        *,
        argument: str = "query",
        text: Callable[[Any], Any] = as_text,
        prefixed: Callable[[str, Any], Any] = prefixed,
        suffixed: Callable[[Any, str], Any] = suffixed,
        comments: Comments = Comments.NONE,
        connection: Callable[[Any], Any] = attrgetter("connection"),
        known: Known = _nothing,
        nests: bool = False,
        recognises: bool = False,
        silences: str | None = None,
        fetches: str = "",
    ) -> None:
        self.system = system
        self._argument = argument
        self._text = text
        self._prefixed = prefixed
        self._suffixed = suffixed
        self._comments = comments
        self._connection = connection
        self._known = known
        self._nests = nests
        self._recognises = recognises
        self._silences = silences
        self._fetches = Fetches(system, fetches, self._known_of, rows_touched) if fetches else None

    def statement(
        self,
        name: str,
        *,
        argument: str = "",
        text: Callable[[Call], Any] | None = None,
        comments: Comments | None = None,
    ) -> Hook:
        """A hook for the cursor's method `name` that sends a statement: its first argument, or what `text` says.

        The span records the statement as the application wrote it. `argument` and `comments` are for a method that
        differs from the driver's others.
        """
        argument = argument or ("procname" if name == _PROCEDURE else self._argument)
        described, prepare = self._statement(name, argument, text), self._commenting(name, argument, comments)

        def hook(describe: Callable[[Call], SpanSpec | None]) -> Hook:
            return traced(describe, rows_touched, suppressed_by=db.SUPPRESSED, prepare=prepare)

        fetches = self._fetches
        if fetches is None:
            return hook(described)
        return opt_in(fetches.switch, hook(fetches.remembering(described)), otherwise=hook(described))

    def fetches(self) -> dict[str, Hook]:
        """Hooks for the cursor's methods that fetch rows, by their names."""
        return {} if self._fetches is None else self._fetches.hooks()

    def iteration(self) -> dict[str, Hook]:
        """Hooks for a cursor that iterates by its own `fetchone()`, by their names."""
        return {} if self._fetches is None else self._fetches.iteration()

    def sent(self) -> Hook:
        """A hook for the cursor's method that sends a statement unprepared, as the bytes `query` of its first argument.

        Of a prepared statement the database knows the text already: there is no place for a comment.
        """

        def commented(call: Call) -> Arguments | None:
            context = get_current()
            if not context.get(f"{_AT_WORK}{id(call.instance)}"):
                return None
            comment = db.comment(context, Comments.PLAIN)
            if not comment:
                return None
            statement = copy(call.args[0])
            statement.query = comment.encode() + statement.query
            return (statement, *call.args[1:]), call.kwargs

        return change_arguments(commented)

    def transaction(self, name: str, told: str = "") -> Hook:
        """A hook for the connection's method `name`, `commit` or `rollback`; `told` is how the span names the call."""
        known = self._known

        def transaction(call: Call) -> SpanSpec:
            return db.transaction(self.system, name, told or name, known(call.instance))

        return traced(transaction, suppressed_by=_IN_SCRIPT)

    def _known_of(self, cursor: Any) -> Attributes:
        return self._known(self._connection(cursor))

    def _statement(
        self, name: str, argument: str, text: Callable[[Call], Any] | None
    ) -> Callable[[Call], SpanSpec | None]:
        system, connection, known, shown, nests = self.system, self._connection, self._known, self._text, self._nests
        always_silences = _IN_SCRIPT if name == _SCRIPT else self._silences
        marks = self._recognises and name in _COMMENTED

        def described(call: Call) -> SpanSpec | None:
            cursor, silences = call.instance, always_silences
            if nests:
                silences = f"{_AT_WORK}{id(cursor)}"
                if get_current().get(silences):
                    return None
            elif marks and db.comments_vary():
                silences = f"{_AT_WORK}{id(cursor)}"
            statement = shown(call.arg(0, argument)) if text is None else text(call)
            return db.query(system, statement, name, known(connection(cursor)), silences)

        return described

    def _commenting(
        self, name: str, argument: str, comments: Comments | None
    ) -> Callable[[Call, Context], Arguments | None] | None:
        wanted = self._comments if comments is None else comments
        if wanted is Comments.NONE or name not in _COMMENTED:
            return None
        prefixed, suffixed, recognises = self._prefixed, self._suffixed, self._recognises

        def commented(call: Call, context: Context) -> Arguments | None:
            comment = "" if recognises and db.comments_vary() else db.comment(context, wanted)
            described = sqlcommenter.comment(context, wanted, lambda: sqlcommenter.of_driver(type(call.instance)))
            args, kwargs = call.args, call.kwargs
            if not (comment or described) or not (args or argument in kwargs):
                return None
            statement = args[0] if args else kwargs[argument]
            if described:
                statement = suffixed(statement, described)
            if comment:
                statement = prefixed(comment, statement)
            return ((statement, *args[1:]), kwargs) if args else (args, {**kwargs, argument: statement})

        return commented


def owners(call: Call) -> tuple[Any, ...]:
    """A connection, or the cursor of one, whatever the driver calls what it was made by."""
    made = call.instance
    return made, *(getattr(made, name, None) for name in ("connection", "_connection", "_cnx"))


OPTIONS = Options(client=db.CLIENT, others=sqlcommenter.OPTIONS, owners=owners)
"""What whoever instruments a driver whose statements can bear a comment may ask for."""


def rows_touched(call: Call, _result: object) -> Outcome | None:
    """The cursor's `rowcount`, where it knows."""
    return db.rows(call.instance.rowcount)


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
        members["cursor"] = self._cursor_method(own.cursor, factory, scope)
        members.update({name: _shortcut(getattr(own, name), name, scope) for name in STATEMENTS if hasattr(own, name)})
        self.connections = _TracedClass(own, members)

    def _cursor_method(self, make: Callable[..., Any], factory: Factory, scope: Scope) -> Callable[..., Any]:
        cursors = self.cursors

        def cursor(connection: Any, *args: Any, **kwargs: Any) -> Any:
            if scope.active:
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
        self._made: WeakKeyDictionary[type[Any], type[Any]] = WeakKeyDictionary({own: self._traced})
        self._has_told = False

    def form(self, wanted: Any) -> Any:
        """The traced form of a class. What is no class of the driver's is left alone."""
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


def _members(own: type[Any], hooks: dict[str, Hook], scope: Scope) -> dict[str, Any]:
    found = {name: (getattr(own, name), hook) for name, hook in hooks.items() if hasattr(own, name)}
    wrapped = {name: hook.wrap(Target(method, own, is_method=True), scope) for name, (method, hook) in found.items()}
    # What is switched off stays the class's own.
    return {name: wrapper for name, wrapper in wrapped.items() if wrapper is not found[name][0]}


def _identity(own: type[Any]) -> dict[str, Any]:
    """What makes a subclass introduce itself as the class it stands for."""
    return {"__slots__": (), "__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}
