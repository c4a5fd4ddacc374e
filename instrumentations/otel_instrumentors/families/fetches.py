"""DB-API 2.0 drivers: a span for each fetch of rows and for each connection that is made, where it is switched on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry.context import create_key
from opentelemetry.util.types import AttributeValue

from ..kernel.call import Call, Outcome, SpanSpec
from ..kernel.hook import Hook
from ..kernel.hooks.change_result import change_result
from ..kernel.hooks.opt_in import opt_in
from ..kernel.hooks.suppress import suppress
from ..kernel.hooks.traced import traced
from ..semconv import db

FETCHES = ("fetchone", "fetchmany", "fetchall")

_MANY = "fetchmany"
_FETCHING = create_key("otel_instrumentors.dbapi.fetching")
"""What fetches several rows may do it row by row, and a subclass's method by that of its base."""

Describe = Callable[[Call], SpanSpec | None]


class Fetches:
    """Makes the hooks for a cursor's methods that fetch rows; each span tells of the statement that was sent last."""

    def __init__(
        self,
        system: str,
        switch: str,
        known: Callable[[Any], Mapping[str, AttributeValue]],
        finish: Callable[[Call, Any], Outcome | None],
    ) -> None:
        self.switch = switch
        self._system = system
        self._known = known
        self._finish = finish
        self._sent: WeakKeyDictionary[Any, Mapping[str, AttributeValue]] = WeakKeyDictionary()

    def remembering(self, describe: Describe) -> Describe:
        """`describe`, whose statement is remembered for the fetches that follow."""
        sent = self._sent

        def described(call: Call) -> SpanSpec | None:
            spec = describe(call)
            if spec is not None and spec.attributes is not None:
                sent[call.instance] = spec.attributes
            return spec

        return described

    def hooks(self) -> dict[str, Hook]:
        return {name: opt_in(self.switch, self._fetch(name)) for name in FETCHES}

    def iteration(self) -> dict[str, Hook]:
        """Hooks for a cursor that iterates by its own `fetchone()`: those are no fetches of the application's.

        An iterator that `__iter__` makes of that method gives way to the cursor itself.
        """

        def itself(call: Call, _iterator: Any) -> Any:
            return call.instance

        hooks = {"__iter__": change_result(itself), "__next__": suppress(_FETCHING)}
        return {name: opt_in(self.switch, hook) for name, hook in hooks.items()}

    def _fetch(self, name: str) -> Hook:
        def described(call: Call) -> SpanSpec:
            cursor = call.instance
            sent = self._sent.get(cursor)
            size = (call.arg(0, "size") or getattr(cursor, "arraysize", None)) if name == _MANY else None
            return db.fetch(self._system, name, self._known(cursor) if sent is None else sent, _FETCHING, size)

        def failed(call: Call, error: Exception) -> Outcome:
            outcome = self._finish(call, None) or Outcome()
            outcome.error = error
            return outcome

        return traced(described, self._finish, suppressed_by=_FETCHING, explain=failed)


def connected(system: str, switch: str, call: str = "connect") -> Hook:
    """A hook for a function that makes connections; `call` is how the span names it."""

    def described(_call: Call) -> SpanSpec:
        return db.connect(system, call)

    return opt_in(switch, traced(described))
