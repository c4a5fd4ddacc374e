"""A span for each call of a layer, unless a layer below it is traced and makes that span."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.context import set_value
from opentelemetry.util.types import AttributeValue

from .. import safety
from ..call import Call, Claim
from ..clock import clock
from ..current import call_within, get_current
from ..hook import Hook, Target, standing_for
from ..recording import Finish
from ..scope import Describe, Scope

Known = Callable[[Call], Mapping[str, AttributeValue]]


def traced_unless_below(
    describe: Describe,
    finish: Finish | None = None,
    *,
    claim: str,
    known: Known | None = None,
    instead: tuple[str, Hook] | None = None,
) -> Hook:
    """A hook for plain functions that records a call as `traced` does, unless a span inside takes its place.

    Those are the spans whose `SpanSpec.claims` is the context key `claim`. The layer's own is made when the call is
    over, with the time at which it began: it is never current, and nothing is below it. `known` says what the layer
    adds to those that take its place. `instead` names an option of the plugin's and the hook that records a call where
    that is asked for.
    """
    return _TracedUnlessBelow(describe, finish, claim, known, instead)


class _TracedUnlessBelow:
    __slots__ = ("claim", "describe", "finish", "instead", "known")

    def __init__(
        self,
        describe: Describe,
        finish: Finish | None,
        claim: str,
        known: Known | None,
        instead: tuple[str, Hook] | None,
    ) -> None:
        self.describe = describe
        self.finish = finish
        self.claim = claim
        self.known = known
        self.instead = instead

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, describe, finish, key = target.function, self.describe, self.finish, self.claim
        option, hook = self.instead or ("", None)
        instead = function if hook is None else hook.wrap(target, scope)

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not scope.active:
                return function(*args, **kwargs)
            if scope.asks and _is_asked(scope, option, target.call(args, kwargs)):
                return instead(*args, **kwargs)
            claim = self._claim(target, args, kwargs)
            context = get_current()
            begun = clock.time_ns()
            try:
                result = call_within(set_value(key, claim, context), context, function, args, kwargs)
            except BaseException as error:
                if not claim.is_taken:
                    call = target.call(args, kwargs)
                    recording = scope.open(describe, call, begun=begun)
                    if recording is not None:
                        recording.fail(error)
                raise
            if not claim.is_taken:
                call = target.call(args, kwargs)
                recording = scope.open(describe, call, begun=begun)
                if recording is not None:
                    recording.finish(finish, call, result)
            return result

        return standing_for(function, wrapper)

    def _claim(self, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Claim:
        if self.known is None:
            return Claim()
        try:
            return Claim(self.known(target.call(args, kwargs)))
        except Exception as error:  # noqa: BLE001
            safety.report(safety.place(self.known), error)
            return Claim()


def _is_asked(scope: Scope, option: str, call: Call) -> bool:
    try:
        return bool(scope.asked(call).get(option))
    except Exception as error:  # noqa: BLE001
        safety.report(f"looking for the option {option}", error)
        return False
