"""The options of instrumentors: those of OpenTelemetry's own instrumentors, by their names.

A plugin says what it offers (`Instrumentor.options`); `scope_with_options` does it.
Source: opentelemetry-python-contrib.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from .call import Call

Attributes = Mapping[str, AttributeValue]
Values = Callable[..., tuple[Any, ...] | None]
"""What a function of the application's is given of a subject; None where it is not called for that."""

Asked = Mapping[str, Any]
"""What an instrumentor is asked for, by keyword."""

When = Literal["wanted", "described", "started", "finished", "told"]

PREFIX = "OTEL_PYTHON_"
"""What the names of these variables begin with."""

EXCLUDED_URLS = "EXCLUDED_URLS"

USE_SPAN_LINKS = "use_span_links"
"""The option by which the span of a message that is processed is linked to the sender's, and no child of it."""


class Duration(NamedTuple):
    """A histogram of how long the calls of one kind take, in seconds; `keys` are the attributes that it counts by."""

    name: str
    description: str
    keys: frozenset[str]
    boundaries: tuple[float, ...]


class Active(NamedTuple):
    """A counter of the calls of one kind that have begun and not ended; `keys` are the attributes that it counts by."""

    name: str
    unit: str
    description: str
    keys: frozenset[str]


class Convention(NamedTuple):
    """What can be asked of the spans of one kind.

    `excludes` says what the patterns of `excluded_urls` are looked for in, given the attributes a span begins with.
    Where what is excluded is no URL but a name, `variable` ends the name of the variable that lists it, and each entry
    is one whole name.
    """

    excludes: Callable[[Attributes], str] | None = None
    duration: Duration | None = None
    variable: str = EXCLUDED_URLS
    active: Active | None = None


class UserHook(NamedTuple):
    """When a function of the application's is called, and with what after the span.

    `wanted`: before a span begins, `values` is given the call and the attributes that the span would have. There is no
    span where the function returns something false. It is called without a span.

    `described`: before a span begins, `values` is given the call; what the function returns becomes the attribute `of`,
    where the span has that. It is called without a span.

    `started`: when a span has begun, `values` is given the call. `finished`: when a call has returned, `values` is
    given the call and its result. `told`: after the plugin's describing function `of` was asked of something that was
    learnt later, `values` is given what that was asked of. Of the first two, `of` is the kind of span, None for each.
    With `after` the function is called only where that was asked before, and `values` is given what of first.
    """

    when: When
    values: Values
    of: SpanKind | Callable[..., Any] | str | None = None
    after: Callable[..., Any] | None = None


def when_wanted(values: Values) -> UserHook:
    return UserHook("wanted", values)


def in_place(attribute: str, values: Values) -> UserHook:
    return UserHook("described", values, attribute)


def when_started(values: Values, of: SpanKind | None = None) -> UserHook:
    return UserHook("started", values, of)


def when_finished(values: Values, of: SpanKind | None = None) -> UserHook:
    return UserHook("finished", values, of)


def when_told(of: Callable[..., Any], values: Values, after: Callable[..., Any] | None = None) -> UserHook:
    return UserHook("told", values, of, after)


def _instance(call: Call) -> tuple[Any, ...]:
    return (call.instance,)


def _itself(thing: Any) -> Any:
    return thing


def _as_they_are(asked: Asked) -> Asked:
    return asked


class Size(NamedTuple):
    """A histogram of the sizes of bodies, in bytes, of calls of one kind; it counts by the attributes of the duration.

    `values` of the hook gives one, None where it is not known.
    """

    name: str
    description: str
    kind: SpanKind
    hook: UserHook


class Options(NamedTuple):
    """What a plugin offers.

    `server` and `client` are for its spans of these kinds; a plugin that has both reads the variables of either by its
    own name and `_SERVER` or `_CLIENT`. `hooks` are the functions that an application may give, by the name of the
    option. `request` is when the object of a request is known, of which the operator may name attributes. `others` are
    options that hooks look at themselves, and what they call each in the context (`scope_with_options.OTHERS`). `sizes`
    are measured where durations are.

    `owners` says which objects a call may be one of, for those that are instrumented singly; `owner` is what such an
    object is known by in calls. `singly` are the keywords of `instrument()` that name one, or several, to be the only
    ones. `sibling` is another plugin, whose variables are read where this one's are not set. `translate` puts what is
    offered here in the place of keywords that mean it.
    """

    server: Convention | None = None
    client: Convention | None = None
    hooks: Mapping[str, UserHook] = {}
    request: UserHook | None = None
    others: Mapping[str, str] = {}
    sizes: tuple[Size, ...] = ()
    owners: Callable[[Call], tuple[Any, ...]] = _instance
    owner: Callable[[Any], Any] = _itself
    singly: tuple[str, ...] = ()
    sibling: str = ""
    translate: Callable[[Asked], Asked] = _as_they_are

    def names(self) -> frozenset[str]:
        """The keywords that mean something here."""
        conventions = [convention for convention in (self.server, self.client) if convention is not None]
        names = {"tracer_provider", "propagate", "inject", *self.hooks, *self.others, *self.singly}
        names |= {convention.variable.lower() for convention in conventions if convention.excludes is not None}
        if any(convention.duration is not None for convention in conventions):
            names |= {"meter_provider", "duration_histogram_boundaries"}
        return frozenset(names)

    def libraries(self, plugin: str, kind: SpanKind) -> tuple[str, ...]:
        """How the variables name the plugin, the nearest first."""
        name = plugin.upper()
        if self.sibling:
            return (name, self.sibling.upper())
        if self.server is None or self.client is None or self.client.variable != EXCLUDED_URLS:
            return (name,)
        return (f"{name}_SERVER", name) if kind is SpanKind.SERVER else (f"{name}_CLIENT",)
