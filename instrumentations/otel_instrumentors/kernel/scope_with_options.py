"""An installed instrumentation with options; one without options has the plain `Scope`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from inspect import iscoroutine
from typing import Any, NamedTuple

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, create_key, set_value
from opentelemetry.metrics import Meter
from opentelemetry.propagate import extract
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanKind, Tracer, get_current_span
from opentelemetry.util.types import AttributeValue

from . import safety
from .call import Call, Outcome, SpanSpec
from .clock import clock
from .company import Company
from .current import attach, detach
from .options import EXCLUDED_URLS, USE_SPAN_LINKS, Attributes, Convention, Size, UserHook, When
from .recording import Finish, Recording, as_entry, error_type
from .scope import Describe, Read, Scope, current_for

OTHERS = create_key("otel_instrumentors.options")
"""The context key of the options that a plugin looks at itself (`Options.others`), within its spans."""

_NOTHING = Context()


class CannotBeAwaited(Exception):
    """A function of the application's is a coroutine function, and the call that it is for is not awaited."""


class Wish(NamedTuple):
    """A function of the application's, and when it is to be called."""

    hook: UserHook
    function: Callable[..., object]


class Kind:
    """What is asked of the spans of one kind: which there are to be none of, and how long they take."""

    __slots__ = ("_active", "_convention", "_excluded", "_histogram", "_sizes")

    def __init__(
        self,
        convention: Convention,
        patterns: Iterable[str],
        meter: Meter | None,
        boundaries: Any = None,
        sizes: Iterable[Size] = (),
    ) -> None:
        self._convention = convention
        if convention.variable != EXCLUDED_URLS:
            patterns = [f"^{re.escape(name)}$" for name in patterns]
        self._excluded = _one_of(patterns) if convention.excludes is not None else None
        self._histogram: Any = None
        duration = convention.duration
        if meter is not None and duration is not None:
            self._histogram = meter.create_histogram(
                duration.name,
                "s",
                duration.description,
                explicit_bucket_boundaries_advisory=boundaries or duration.boundaries,
            )
        self._active: Any = None
        active = convention.active
        if meter is not None and active is not None:
            self._active = meter.create_up_down_counter(active.name, active.unit, active.description)
        self._sizes: list[tuple[UserHook, Any]] = []
        if meter is not None:
            self._sizes = [(size.hook, meter.create_histogram(size.name, "By", size.description)) for size in sizes]

    def __bool__(self) -> bool:
        """Whether anything is asked."""
        return self._excluded is not None or self._histogram is not None

    @property
    def is_measured(self) -> bool:
        return self._histogram is not None

    def excludes(self, spec: SpanSpec) -> bool:
        excludes = self._convention.excludes
        if self._excluded is None or excludes is None:
            return False
        return self._excluded.search(excludes(spec.attributes or {})) is not None

    def begin(self, known: Mapping[str, AttributeValue], context: Context) -> Attributes:
        """Count one call more; what it is counted by, for `measure`."""
        active = self._convention.active
        counted = {} if active is None else {key: value for key, value in known.items() if key in active.keys}
        if active is not None:
            self._active.add(1, counted, context)
        return counted

    def see(self, when: When, of: Any, subject: tuple[Any, ...], sizes: dict[Any, int]) -> None:
        """Note the sizes that are known now, by their histograms."""
        for hook, histogram in self._sizes:
            if hook.when == when and hook.of is of:
                (size,) = hook.values(*subject) or (None,)
                if size is not None:
                    sizes[histogram] = size

    def measure(
        self,
        seconds: float,
        known: Mapping[str, AttributeValue],
        context: Context,
        begun: Attributes,
        sizes: Mapping[Any, int],
    ) -> None:
        if self._active is not None:
            self._active.add(-1, begun, context)
        duration = self._convention.duration
        if duration is not None:
            counted = {key: value for key, value in known.items() if key in duration.keys}
            self._histogram.record(seconds, counted, context)
            for histogram, size in sizes.items():
                histogram.record(size, counted, context)


def _one_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern for all; what is no pattern is told, and left out."""
    good = []
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            safety.report(f"excluding what is like {pattern!r}", error)
        else:
            good.append(pattern)
    return re.compile("|".join(good)) if good else None


class ScopeWithOptions(Scope):
    """What the wrappers of one instrumented library share, where something is asked for."""

    __slots__ = ("asks", "company", "kinds", "others", "wishes")

    def __init__(
        self,
        tracer: Tracer,
        kinds: Mapping[SpanKind, Kind],
        wishes: Iterable[Wish],
        others: Mapping[str, Any],
        *,
        company: Company | None = None,
        propagates: bool = True,
        injects: bool = True,
    ) -> None:
        super().__init__(tracer, propagates=propagates, injects=injects)
        self.company = company
        self.kinds = kinds
        self.wishes = tuple(wishes)
        self.others = others
        self.asks = bool(others)

    def open(
        self,
        describe: Describe,
        call: Call,
        suppressed_by: str | None = None,
        incoming: Read | None = None,
        begun: int | None = None,
    ) -> Recording | None:
        if self.company is not None and self._is_left_to_others(call):
            return None
        started = clock.time_ns() if begun is None else begun
        opening = _Opening(self, describe, incoming)
        recording = super().open(opening, call, suppressed_by, opening.read if incoming is not None else None, begun)
        if isinstance(recording, _Recording) and opening.spec is not None:
            if self.others:
                around: Any = recording.context.get(OTHERS)
                others = {**around, **self.others} if around else self.others
                recording.context = set_value(OTHERS, others, recording.context)
            recording.attend(self, opening.spec, started)
            recording.call_hooks("started", opening.spec.kind, call)
        elif opening.is_excluded:
            return _silent(incoming is not None)
        return recording

    def asked(self, call: Call) -> Mapping[str, Any]:
        return self.others

    def _is_left_to_others(self, call: Call) -> bool:
        try:
            return self.company is not None and self.company.traces(call)
        except Exception as error:  # noqa: BLE001
            safety.report("looking for other instrumentors", error)
            return False


class _Opening:
    """A describing function as the scope asks it, with what the options make of its answer."""

    def __init__(self, scope: ScopeWithOptions, describe: Describe, incoming: Read | None) -> None:
        self._scope = scope
        self._describe = describe
        self._incoming = incoming
        self.spec: SpanSpec | None = None
        self.is_excluded = False
        # What log lines name.
        self.__module__ = describe.__module__
        self.__qualname__ = getattr(describe, "__qualname__", repr(describe))

    def __call__(self, call: Call) -> SpanSpec | None:
        spec = self._describe(call)
        if spec is None:
            return None
        if self._scope.company is not None and self._scope.company.serves(spec):
            return None
        kind = self._scope.kinds.get(spec.kind)
        if kind is not None and kind.excludes(spec):
            self.is_excluded = True
            return None
        if not self._is_wanted(spec, call):
            return None
        if self._links(spec.kind) and self._incoming is not None and self._scope.propagates:
            source = self._incoming(call)
            sender = None if source is None else extract(source.carrier, _NOTHING, source.getter)
            context = get_current_span(sender).get_span_context() if sender is not None else None
            if context is not None and context.is_valid:
                spec.links = [*(spec.links or ()), Link(context)]
        spec.attributes = self._described(spec, call)
        self.spec = spec
        return spec

    def _is_wanted(self, spec: SpanSpec, call: Call) -> bool:
        for hook, function in self._scope.wishes:
            if hook.when == "wanted":
                try:
                    values = hook.values(call, spec.attributes or {})
                    if values is not None and not function(*values):
                        return False
                except Exception as error:  # noqa: BLE001
                    safety.report(safety.place(function), error)
        return True

    def _described(self, spec: SpanSpec, call: Call) -> Mapping[str, AttributeValue] | None:
        """The attributes, with what the application's functions say in place of some."""
        attributes = spec.attributes
        for hook, function in self._scope.wishes:
            if hook.when == "described" and attributes is not None and hook.of in attributes:
                try:
                    values = hook.values(call)
                    if values is not None:
                        attributes = {**attributes, str(hook.of): safety.text(function(*values))}
                except Exception as error:  # noqa: BLE001
                    safety.report(safety.place(function), error)
        return attributes

    def read(self, call: Call) -> Any:
        if self._incoming is None or (self.spec is not None and self._links(self.spec.kind)):
            return None
        return self._incoming(call)

    def _links(self, kind: SpanKind) -> bool:
        return kind is SpanKind.CONSUMER and bool(self._scope.others.get(USE_SPAN_LINKS))


def _silent(comes_in: bool) -> Recording:
    """The recording of a call that is excluded: there is no span of it, nor any of what is traced below it."""
    context = set_value(_SUPPRESS_INSTRUMENTATION_KEY, True, current_for(comes_in))
    recording = Recording(INVALID_SPAN, context)
    if comes_in:
        recording.context = as_entry(recording, context)
    return recording


class _Recording(Recording):
    """The span of a call of which something is asked."""

    __slots__ = (
        *("_active", "_before", "_begun", "_is_named", "_kind"),
        *("_known", "_measured", "_pending", "_scope", "_sizes"),
    )

    is_attended = True

    _scope: ScopeWithOptions | None

    def __init__(self, span: Span, context: Context, before: Context | None = None) -> None:
        super().__init__(span, context, before)
        self._scope = None
        self._is_named = False
        # What a function of the application's is given that comes `after` something.
        self._before: tuple[Any, ...] | None = None
        # What functions of the application's have returned that are coroutine functions.
        self._pending: list[tuple[Callable[..., Any], Any]] = []

    def attend(self, scope: ScopeWithOptions, spec: SpanSpec, begun: int) -> None:
        """From now on."""
        self._scope = scope
        self._kind = spec.kind
        kind = scope.kinds.get(spec.kind)
        self._measured = kind if kind is not None and kind.is_measured else None
        self._known: dict[str, AttributeValue] = dict(spec.attributes or {}) if self._measured is not None else {}
        self._begun = begun
        self._active: Attributes = {}
        self._sizes: dict[Any, int] = {}
        if self._measured is not None:
            try:
                self._active = self._measured.begin(self._known, self.context)
            except Exception as error:  # noqa: BLE001
                safety.report("counting a call", error)

    def call_hooks(self, when: When, of: Any, *subject: Any) -> None:
        """Call those of the application's functions whose time it is; what they raise is logged."""
        if self._scope is None or self.ended:
            return
        for hook, function in self._scope.wishes:
            if hook.after is not None and hook.after is of:
                self._before = subject
            before = () if hook.after is None else self._before
            if hook.when != when or (hook.of is not None and hook.of is not of) or before is None:
                continue
            token = attach(self.context)
            try:
                named: object = getattr(self.span, "name", None)
                values = hook.values(*before, *subject)
                made = None if values is None else function(self.span, *values)
                if iscoroutine(made):
                    self._pending.append((function, made))
                # The application's name stays, whatever is learnt of the request later.
                self._is_named = self._is_named or getattr(self.span, "name", None) != named
            except Exception as error:  # noqa: BLE001
                safety.report(safety.place(function), error)
            finally:
                detach(token)
        if self._measured is not None:
            try:
                self._measured.see(when, of, subject, self._sizes)
            except Exception as error:  # noqa: BLE001
                safety.report("measuring a body", error)

    async def settle(self) -> None:
        while self._pending:
            function, coroutine = self._pending.pop(0)
            try:
                await coroutine
            except Exception as error:  # noqa: BLE001
                safety.report(safety.place(function), error)

    def finish(self, finisher: Finish | None, call: Call, result: Any) -> None:
        self._learn_result(finisher, call, result)
        self.end()

    async def finish_settled(self, finisher: Finish | None, call: Call, result: Any) -> None:
        self._learn_result(finisher, call, result)
        try:
            await self.settle()
        finally:
            self.end()

    def _learn_result(self, finisher: Finish | None, call: Call, result: Any) -> None:
        if finisher is not None:
            self.learn(finisher, call, result)
        if self._scope is not None:
            self.call_hooks("finished", self._kind, call, result)

    def learn(self, describe: Callable[..., Outcome | None], *subject: Any) -> None:
        super().learn(describe, *subject)
        self.call_hooks("told", describe, *subject)

    def end(self) -> None:
        is_first = not self.ended
        super().end()
        self._before = None
        while self._pending:
            function, coroutine = self._pending.pop()
            coroutine.close()
            safety.report(safety.place(function), CannotBeAwaited())
        if is_first and self._scope is not None and self._measured is not None:
            try:
                seconds = max(clock.time_ns() - self._begun, 0) / 1e9
                self._measured.measure(seconds, self._known, self.context, self._active, self._sizes)
            except Exception as error:  # noqa: BLE001
                safety.report("measuring a call", error)

    def _note(self, outcome: Outcome) -> None:
        if self._is_named:
            outcome.name = None
        super()._note(outcome)
        if self._scope is not None and self._measured is not None:
            self._known.update(outcome.attributes or {})
            if isinstance(outcome.error, str):
                self._known.setdefault(ERROR_TYPE, outcome.error)

    def _record(self, error: BaseException) -> None:
        super()._record(error)
        if self._scope is not None and self._measured is not None:
            self._known[ERROR_TYPE] = error_type(error)


ScopeWithOptions.recording = _Recording
