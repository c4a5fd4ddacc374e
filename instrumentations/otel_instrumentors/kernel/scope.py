"""An installed instrumentation: it starts spans, until it is uninstrumented."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, set_value
from opentelemetry.propagate import extract, inject
from opentelemetry.trace import Link, Tracer, get_current_span
from opentelemetry.trace.propagation import _SPAN_KEY

from . import safety
from .aftermath import LEFT_BEHIND, is_outlived
from .call import Call, Incoming, SpanSpec
from .current import get_current, set_span_in_context
from .recording import Recording, as_entry, entry_of, is_of_a_request_that_is_over

_SUPPRESSED_EVERYWHERE = "suppress_instrumentation"
"""The older spelling of the suppression key, which libraries still set."""

Describe = Callable[[Call], SpanSpec | None]
Read = Callable[[Call], Incoming | None]

_NOTHING = Context()


class Scope:
    """What the wrappers of one instrumented library share, from instrumenting it to uninstrumenting it.

    The wrappers, connections and cursors that an application keeps ask `active` at every call; once it is false they
    stay silent, also when the library is instrumented again (with a new scope).

    Where it does not propagate, the context of callers is not read and that of our spans not passed on; where it does
    not inject, only the latter.
    """

    # The last one for `Objects.dispatch`.
    __slots__ = ("__dict__", "active", "injects", "propagates", "tracer")

    recording: ClassVar[type[Recording]] = Recording
    asks: bool = False
    """Whether there may be options that hooks look at themselves (`asked`)."""

    def __init__(self, tracer: Tracer, *, propagates: bool = True, injects: bool = True) -> None:
        self.tracer = tracer
        self.propagates = propagates
        self.injects = propagates and injects
        self.active = True

    def leaves_out(self, call: Call) -> bool:
        """Whether the object that is called was named as one whose calls are not recorded (`Objects`)."""
        return False

    def asked(self, call: Call) -> Mapping[str, Any]:
        """The options for a call that hooks look at themselves (`Options.others`)."""
        return {}

    def open(
        self,
        describe: Describe,
        call: Call,
        suppressed_by: str | None = None,
        incoming: Read | None = None,
        begun: int | None = None,
    ) -> Recording | None:
        """Start the described span; entering the recording makes it current.

        None when there is to be no span: suppressed (instrumentation as a whole, or by the context key
        `suppressed_by`), not described, or our own code broke.

        With `incoming` it is the span of a request that comes in, child of the caller's; what is learnt of the request
        later finds the span through the context (`annotate_entry_span`). Where `incoming` gives None, the caller is the
        span that is current here. `begun` is when the call began, if not now (`time_ns`).
        """
        try:
            before = parent = get_current()
            if parent and (
                parent.get(_SUPPRESS_INSTRUMENTATION_KEY)
                or parent.get(_SUPPRESSED_EVERYWHERE)
                or (suppressed_by is not None and parent.get(suppressed_by))
            ):
                return None
            spec = describe(call)
            if spec is None:
                return None
            if incoming is not None:
                if _is_left_over(parent):
                    parent = _NOTHING
                source = incoming(call) if self.propagates else None
                if source is not None:
                    parent = extract(source.carrier, parent, source.getter)
            links = spec.links
            if LEFT_BEHIND in parent and is_outlived(parent):
                links = (*(links or ()), Link(get_current_span(parent).get_span_context()))
                parent = _NOTHING
            span = self.tracer.start_span(spec.name, parent, spec.kind, spec.attributes, links, begun)
            context = set_span_in_context(span, parent)
            if spec.silences is not None:
                context = set_value(spec.silences, True, context)
            if spec.claims is not None:
                claim: Any = parent.get(spec.claims)
                if claim is not None:
                    claim.is_taken = True
                    if claim.known:
                        span.set_attributes(claim.known)
            recording = self.recording(span, context, before)
            if incoming is not None:
                recording.context = as_entry(recording, context)
        except Exception as error:  # noqa: BLE001
            safety.report(safety.place(describe), error)
            return None
        if spec.carrier is not None and self.injects:
            try:
                inject(spec.carrier, recording.context, spec.setter)
                call.carrier = spec.carrier
            except Exception as error:  # noqa: BLE001
                safety.report(f"injecting for {safety.place(describe)}", error)
        return recording


def _is_left_over(context: Context) -> bool:
    """Whether a context is that of a request or a span that is over: of the one before on a kept connection, say.

    Nothing that comes in now is part of it.
    """
    if entry_of(context) is not None:
        return False
    return is_of_a_request_that_is_over(context) or getattr(context.get(_SPAN_KEY), "end_time", None) is not None


def current_for(comes_in: bool) -> Context:
    """The context that is current; none for what comes in where that is left over."""
    current = get_current()
    return _NOTHING if comes_in and _is_left_over(current) else current


def inside_request() -> bool:
    """Whether the caller is serving a request, in this context: what comes in is passed on to it within the process."""
    return entry_of(get_current()) is not None
