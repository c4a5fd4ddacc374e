"""A call of a hooked function, and how a plugin describes its span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.propagators.textmap import Getter, Setter, default_setter
from opentelemetry.trace import Link, SpanKind
from opentelemetry.util.types import AttributeValue

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""What a function is called with, by position and by name, without the instance."""


class Call:
    """One call of a hooked function, as a describing function sees it.

    `instance` is the object (or class) whose method is called, None for a function of a module; `args` and `kwargs` are
    the application's own, without the instance. `carrier` is that of the span's spec once the context is in it, else
    None.
    """

    __slots__ = ("args", "carrier", "instance", "kwargs")

    def __init__(self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.instance = instance
        self.args = args
        self.kwargs = kwargs
        self.carrier: Any = None

    def arg(self, position: int, name: str, default: Any = None) -> Any:
        """The argument given at `position` or by `name`, else `default`."""
        if position < len(self.args):
            return self.args[position]
        return self.kwargs.get(name, default)

    def with_arg(self, position: int, name: str, value: Any) -> Arguments:
        """The arguments with `value` for the one at `position`, or `name`, whichever way it is given."""
        if position < len(self.args):
            return (*self.args[:position], value, *self.args[position + 1 :]), self.kwargs
        return self.args, {**self.kwargs, name: value}


class SpanSpec:
    """The span that a call deserves, complete before it starts.

    `carrier` is what the called side will read: the new span's context is injected there with `setter`. `silences` is
    the context key of hooks that stay silent meanwhile (`traced(..., suppressed_by=...)`): those of its own parts.
    `claims` is the context key of calls around it that leave the span to this one (`traced_unless_below`).
    """

    __slots__ = ("attributes", "carrier", "claims", "kind", "links", "name", "setter", "silences")

    def __init__(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, AttributeValue] | None = None,
        carrier: Any = None,
        setter: Setter[Any] = default_setter,
        silences: str | None = None,
        links: Sequence[Link] | None = None,
        claims: str | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.attributes = attributes
        self.carrier = carrier
        self.setter = setter
        self.silences = silences
        self.links = links
        self.claims = claims


class Claim:
    """What a call puts into the context that makes its span only if none inside does: somebody may take it.

    `known` is for the spans of those.
    """

    __slots__ = ("is_taken", "known")

    def __init__(self, known: Mapping[str, AttributeValue] | None = None) -> None:
        self.is_taken = False
        self.known = known


class Outcome:
    """What is known of a span only later: further attributes, a better name, how it failed.

    `error` is an exception, recorded as such, or a short class of failure for `error.type` (such as "500"). `cause` is
    an exception that somebody is about to answer: what is recorded where the answer turns out to be a failure.
    """

    __slots__ = ("attributes", "cause", "error", "name")

    def __init__(
        self,
        attributes: Mapping[str, AttributeValue] | None = None,
        name: str | None = None,
        error: BaseException | str | None = None,
        cause: BaseException | None = None,
    ) -> None:
        self.attributes = attributes
        self.name = name
        self.error = error
        self.cause = cause


class Incoming:
    """Where the caller's context of an entry span is read from."""

    __slots__ = ("carrier", "getter")

    def __init__(self, carrier: Any, getter: Getter[Any]) -> None:
        self.carrier = carrier
        self.getter = getter
