"""DB-API 2.0 drivers (PEP 249): a span for each statement, commit and rollback."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from copy import copy
from operator import attrgetter
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry.context import Context, create_key
from opentelemetry.util.types import AttributeValue

from ..kernel.call import Arguments, Call, Outcome, SpanSpec
from ..kernel.current import get_current
from ..kernel.hook import Hook
from ..kernel.hooks.change_arguments import change_arguments
from ..kernel.hooks.opt_in import opt_in
from ..kernel.hooks.traced import traced
from ..kernel.options import Options
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


def never(_cursor: Any) -> bool:
    return False


def always(_cursor: Any) -> bool:
    return True


class Driver:
    """What spans and statements need to know of a driver; makes the hooks for its methods.

    `system` is the `db.system.name`. `argument` is the name of the parameter that takes the statement, `text` shows a
    statement as text, `prefixed` puts a comment before one, `suffixed` behind it; `comments` says whether there may be
    any. `connection` gets the connection of a cursor, `known` tells the attributes of a connection (`once`, where they
    cost something).
    `nests` is for drivers written in Python that send the rows of `executemany` with the same cursor's `execute`: those
    are no further statements of the application's. `recognises` says of a cursor whether it prepares a statement which
    comes again, by its text: a comment that varies is put before what is sent (`sent`), not into what it recognises.
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
        recognises: Callable[[Any], bool] = never,
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
        marks = self._recognises is not never and name in _COMMENTED

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
            comment = "" if recognises(call.instance) and db.comments_vary() else db.comment(context, wanted)
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


def is_at_work() -> bool:
    """Whether a cursor sends a statement right now, one of a driver that `nests`."""
    return any(key.startswith(_AT_WORK) for key in get_current())


def owners(call: Call) -> tuple[Any, ...]:
    """A connection, or the cursor of one, whatever the driver calls what it was made by."""
    made = call.instance
    return made, *(getattr(made, name, None) for name in ("connection", "_connection", "_cnx"))


OPTIONS = Options(client=db.CLIENT, others=sqlcommenter.OPTIONS, owners=owners)
"""What whoever instruments a driver whose statements can bear a comment may ask for."""


def rows_touched(call: Call, _result: object) -> Outcome | None:
    """The cursor's `rowcount`, where it knows."""
    return db.rows(call.instance.rowcount)
