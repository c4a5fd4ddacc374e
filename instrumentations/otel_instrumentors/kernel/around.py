"""Steps before and after each call, for the hooks that need no more than that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import safety
from .call import Arguments, Call
from .hook import Target, standing_for
from .scope import Scope
from .shape import Shape


def around(
    target: Target,
    scope: Scope,
    *,
    before: Callable[[Call], Arguments | None] | None = None,
    returned: Callable[[Call, Any], Any] | None = None,
    raised: Callable[[Call], object] | None = None,
) -> Callable[..., Any]:
    """A function to stand for the target's, plain or a coroutine function as that is, with steps around each call.

    `before` may give other arguments to call it with, None leaves the application's. `returned` gives what the
    application gets in place of the result (of a coroutine function: of what awaiting it gives). `raised` is asked
    where the call raises. A step that breaks is reported, and the call goes on as if it were not there.
    """
    function = target.function

    def began(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        if before is None:
            return args, kwargs
        try:
            changed = before(call)
        except Exception as error:  # noqa: BLE001
            safety.report(safety.place(before), error)
            return args, kwargs
        return (args, kwargs) if changed is None else target.arguments(args, changed)

    def succeeded(call: Call, result: Any) -> Any:
        if returned is None or not scope.active:
            return result
        try:
            return returned(call, result)
        except Exception as error:  # noqa: BLE001
            safety.report(safety.place(returned), error)
            return result

    def failed(call: Call) -> None:
        if raised is None or not scope.active:
            return
        try:
            raised(call)
        except Exception as error:  # noqa: BLE001
            safety.report(safety.place(raised), error)

    def plain(*args: Any, **kwargs: Any) -> Any:
        if not scope.active:
            return function(*args, **kwargs)
        call = target.call(args, kwargs)
        args, kwargs = began(call, args, kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException:
            failed(call)
            raise
        return succeeded(call, result)

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        if not scope.active:
            return await function(*args, **kwargs)
        call = target.call(args, kwargs)
        args, kwargs = began(call, args, kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException:
            failed(call)
            raise
        return succeeded(call, result)

    return standing_for(function, coroutine if target.shape is Shape.COROUTINE else plain)
