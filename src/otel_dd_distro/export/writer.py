"""From finished chunks to payloads at the Agent: a bounded queue, one thread, and counters that lose no span."""

from __future__ import annotations

import math
import os
import random
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, attach, detach, set_value

from .agent import Agent, Answer, Unreached
from .hard_exit import before_hard_exit
from .info import STATS_PATH, TRACES_PATH, AgentInfo
from .loading import load
from .notices import Notices, say
from .packing import array_header
from .rates import Rates

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from ..local_trace.chunk import Chunk
    from ..stats import Stats

RAW_LIMIT = 4000
"""Spans that may wait unencoded; beyond, the thread that brings one encodes it, so that memory is bounded in bytes."""
WAKE_AT = 300
"""Spans that wait unencoded before the export thread is woken early: what is encoded soon is still in the processor's
cache, and leaves its memory to the next spans."""
SEND_AT = 1 << 20
"""Encoded bytes that are sent before their time has come."""
PAUSE_EVERY = 200
"""Spans that are encoded in one go, in about a millisecond; the pause after them costs as much as encoding ten."""
TRIES = 3
FIRST_PAUSE_S = 0.1
INFO_REFRESH_S = 300.0
SHUTDOWN_RESERVE_S = 0.05
"""Kept back from the shutdown limit, to count and report what is left."""
_LONGEST_ARRAY_HEADER = 5


@dataclass(frozen=True, slots=True)
class Counters:
    """Numbers of spans since the process began (or was forked): accepted == sent + dropped + queued, always."""

    accepted: int
    """Handed to `submit`."""
    sent: int
    """Taken by the Agent: it answered 2xx."""
    dropped: Mapping[str, int]
    """By reason. full: the queue. too_large: one span above the payload limit. encode: it could not be encoded.
    p0: it is not sampled, and counted in our own stats: nobody misses it.
    refused, timeout, tls, network, status_<code>: the Agent, after the tries. shutdown: brought after the shutdown.
    exit: not delivered within the shutdown's limit."""
    queued: int
    queued_bytes: int
    """Encoded and not yet taken, the payload in flight included; the spans that wait unencoded are not in it."""


class Encoded(NamedTuple):
    """One trace."""

    data: bytes
    spans: int
    """How many of the chunk's spans are in it; 0: nothing is to be sent."""
    is_counted: bool = False
    """Whether all spans of the chunk are in our own stats."""


class Writer:
    """Sends chunks to the Agent in the background.

    `encode` turns a chunk into the msgpack of one trace, an array of span maps, given as the bytes alone if all spans
    are in it. It runs in the export thread and, under overload, in the threads that submit: it must be safe to call
    from several threads at once. `stats` is what it counts spans in, if it does.
    Constructing it starts nothing: the thread comes with the first chunk, in a forked child with the child's first.
    """

    def __init__(
        self,
        encode: Callable[[Chunk, AgentInfo], bytes | Encoded],
        agent: Agent,
        *,
        stats: Stats | None = None,
        interval_s: float = 1.0,
        queue_limit_bytes: int = 20 << 20,
        payload_limit_bytes: int = 20 << 20,
        shutdown_limit_s: float = 2.0,
    ) -> None:
        self._encode = encode
        self._agent = agent
        self._stats = stats
        # Below, the thread would never rest.
        self._interval_s = max(interval_s, 0.001)
        self._queue_limit = queue_limit_bytes
        self._payload_limit = payload_limit_bytes
        self._shutdown_limit_s = shutdown_limit_s
        self._rates = Rates()
        self._info = AgentInfo()
        self._info_due_s = -math.inf
        self._agent_state: str | None = None
        self._notices = Notices(agent.url)
        self._closed = False
        self._is_forked = False
        self._begin()
        _writers.add(self)

    def _begin(self) -> None:
        # Reentrant, because a signal handler may end a span while its thread is inside.
        self._lock = threading.RLock()
        self._progress = threading.Condition(self._lock)
        self._exporting = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._deadline = math.inf
        self._abandoned = False
        self._raw: deque[Chunk] = deque()
        self._waiting = 0
        self._encoded: deque[Encoded] = deque()
        self._held_bytes = 0
        # `accepted` here counts from the moment a chunk leaves the raw queue: before, the queue itself is the count.
        self._accepted = 0
        self._sent = 0
        self._dropped: dict[str, int] = {}
        self._asked = 0
        self._answered = 0
        self._left_out = (0, 0)
        self._payloads: deque[bytes] = deque()
        """Of stats, not yet taken by the Agent."""

    # -- the application's side

    @property
    def rates(self) -> Mapping[str, float]:
        """Sampling rates by `service:<service>,env:<env>`, as last heard from the Agent; empty until then."""
        return self._rates.table

    def submit(self, chunk: Chunk) -> None:
        """Take a chunk. Never blocks on the Agent, never raises for it."""
        if self._thread is None and not self._start():
            self._refuse(chunk)
            return
        # Only about right when threads meet here; the export thread sets it back to zero with every cycle.
        waiting = self._waiting
        if waiting >= RAW_LIMIT:
            self._submit_encoded(chunk)
            return
        self._raw.append(chunk)
        self._waiting = waiting = waiting + len(chunk.spans)
        if waiting > WAKE_AT and not self._wake.is_set():
            self._wake.set()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that is queued now was sent, or dropped and counted. False if that took too long."""
        thread = self._thread
        if thread is None:
            return self._export_here(time.monotonic() + timeout_s)
        if thread is threading.current_thread():
            return False
        with self._progress:
            if not self._holds_any():
                return True
            self._asked += 1
            ticket = self._asked
            self._wake.set()
            return self._progress.wait_for(lambda: self._answered >= ticket, timeout_s)

    def shutdown(self, timeout_s: float | None = None) -> bool:
        """Send what is queued and stop. False if something was left, which is then dropped as "exit".

        `timeout_s` bounds the whole call (default: the writer's `shutdown_limit_s`).
        """
        limit_s = self._shutdown_limit_s if timeout_s is None else timeout_s
        end = time.monotonic() + max(0.0, limit_s - SHUTDOWN_RESERVE_S)
        with self._lock:
            if self._closed:
                return True
            self._closed = True
            self._deadline = end
            thread = self._thread
        self._stop.set()
        self._wake.set()
        if thread is None:
            self._export_here(end)
        elif thread is not threading.current_thread():
            thread.join(max(0.0, end - time.monotonic()))
        with self._lock:
            self._thread = None
            is_uncounted = bool(self._payloads) or self._counts_any()
            if is_uncounted:
                self._notices.trouble("the last counts of spans (stats) are lost: the process ends")
            left = self._abandon("exit")
            line = self._notices.last()
        say(line)
        return not left and not is_uncounted

    def counters(self) -> Counters:
        """A consistent snapshot."""
        with self._lock:
            if self._abandoned:
                # A thread that was inside `submit` during the shutdown may have come too late.
                self._abandon("shutdown")
            # copy() is one step under the interpreter's lock, unlike iterating a deque that others append to.
            accepted = self._accepted + sum(len(chunk.spans) for chunk in self._raw.copy())
            done = self._sent + sum(self._dropped.values())
            return Counters(accepted, self._sent, dict(self._dropped), accepted - done, self._held_bytes)

    def _start(self) -> bool:
        """Start the export thread if there is none. False after the shutdown."""
        with self._lock:
            if self._closed:
                return False
            if self._thread is None:
                if self._is_forked:
                    before_hard_exit(_shutdown_all)
                thread = threading.Thread(target=self._run, name="otel-dd-export", daemon=True)
                # At once: under gevent its start lets other greenlets in here, which no lock keeps from starting more.
                self._thread = thread
                # Where threads carry their starter's context, this one would keep a trace for ever.
                token = attach(Context())
                try:
                    thread.start()
                except RuntimeError:
                    # No more threads, or the interpreter is ending: flush and shutdown will do the thread's work.
                    self._thread = None
                finally:
                    detach(token)
            return True

    def _refuse(self, chunk: Chunk) -> None:
        with self._lock:
            self._accepted += len(chunk.spans)
            self._drop("shutdown", len(chunk.spans), "spans ended after the shutdown")

    def _submit_encoded(self, chunk: Chunk) -> None:
        with self._lock:
            if self._closed:
                self._refuse(chunk)
                return
            self._accepted += len(chunk.spans)
        self._wake.set()
        self._enqueue(chunk)

    def _taken(self) -> int:
        """Spans that have left the raw queue and met no fate yet."""
        return self._accepted - self._sent - sum(self._dropped.values())

    def _holds_any(self) -> bool:
        return bool(self._raw) or self._taken() > 0 or bool(self._payloads) or self._counts_any()

    def _counts_any(self) -> bool:
        return self._stats is not None and self._stats.holds_any

    def _abandon(self, reason: str) -> int:
        """Count all that is still here as dropped, whoever has it in hand; the number of spans."""
        self._abandoned = True
        while self._raw:
            self._accepted += len(self._raw.popleft().spans)
        traces = len(self._encoded)
        self._encoded.clear()
        self._held_bytes = 0
        left = self._taken()
        if left:
            self._dropped[reason] = self._dropped.get(reason, 0) + left
            self._notices.dropped(reason, left, max(traces, 1), "the process ends")
        return left

    # -- encoding

    def _enqueue(self, chunk: Chunk) -> None:
        spans = len(chunk.spans)
        try:
            encoded = self._encode(chunk, self._info)
        except Exception as error:  # noqa: BLE001 - one span that cannot be encoded must not stop the others
            self._drop("encode", spans, f"cannot encode a trace: {type(error).__name__}: {error}"[:300])
            return
        if not isinstance(encoded, Encoded):
            encoded = Encoded(encoded, spans)
        data, limit = encoded.data, self._body_limit()
        if len(data) > limit:
            if spans > 1:
                for half in _halves(chunk, encoded):
                    self._enqueue(half)
            else:
                self._drop("too_large", 1, f"a span of {len(data)} bytes is above the limit of {limit}")
            return
        with self._lock:
            if self._abandoned:
                return
            if encoded.spans < spans:
                self._leave_out(spans - encoded.spans, is_whole=not encoded.spans)
                if not encoded.spans:
                    return
            if self._held_bytes + len(data) > self._queue_limit:
                self._drop("full", encoded.spans, f"{self._held_bytes} bytes wait for the Agent")
                return
            self._encoded.append(encoded)
            self._held_bytes += len(data)

    def _leave_out(self, spans: int, is_whole: bool) -> None:
        """Count spans that the Agent need not see: no trouble, hence no notice."""
        self._dropped["p0"] = self._dropped.get("p0", 0) + spans
        self._left_out = (self._left_out[0] + is_whole, self._left_out[1] + spans)

    def _body_limit(self) -> int:
        return min(self._payload_limit, self._info.max_request_bytes) - _LONGEST_ARRAY_HEADER

    def _drop(self, reason: str, spans: int, detail: str, traces: int = 1) -> None:
        with self._lock:
            if not self._abandoned or reason == "shutdown":
                self._dropped[reason] = self._dropped.get(reason, 0) + spans
                self._notices.dropped(reason, spans, traces, detail)

    # -- the export thread

    def _run(self) -> None:
        # Not in the midst of the application's start.
        self._wake.wait(self._interval_s)
        load()
        due = -math.inf
        # For the whole life of the thread: our own requests are nobody's spans.
        with _suppressed():
            stopping = False
            while not stopping:
                self._wake.clear()
                stopping = self._stop.is_set()
                asked = self._asked
                everything = stopping or asked > self._answered
                now = time.monotonic()
                sends = everything or now >= due or self._held_bytes >= SEND_AT
                if sends:
                    due = now + self._interval_s
                with self._exporting:
                    done = self._cycle(math.inf, everything=everything, sends=sends)
                with self._progress:
                    if done:
                        self._answered = asked
                    self._progress.notify_all()
                if not stopping:
                    self._wake.wait(max(0.0, due - time.monotonic()))
        self._agent.close()

    def _export_here(self, end: float) -> bool:
        """The export thread's work in the caller's thread, for processes that can have no thread (any more)."""
        if not self._holds_any():
            return True
        if not self._exporting.acquire(timeout=max(0.0, end - time.monotonic())):
            return False
        try:
            load()
            with _suppressed():
                return self._cycle(end, everything=True)
        finally:
            self._agent.close()
            self._exporting.release()

    def _cycle(self, end: float, *, everything: bool, sends: bool = True) -> bool:
        """Encode and, if it `sends`, send what waits now; of the stats `everything`, or what is due.

        False if something was not sent, and still waits.
        """
        try:
            if self._raw or self._encoded:
                self._read_info(end)
            self._encode_raw()
            return sends and self._send_encoded(end) and self._send_stats(end, everything)
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not end the thread
            with self._lock:
                self._notices.trouble(f"export failed: {type(error).__name__}: {error}"[:300])
            return False
        finally:
            with self._lock:
                line = self._notices.due()
            say(line)

    def _encode_raw(self) -> None:
        self._waiting = unpaused = 0
        for _ in range(len(self._raw)):
            with self._lock:
                if not self._raw:
                    return
                chunk = self._raw.popleft()
                self._accepted += len(chunk.spans)
            self._enqueue(chunk)
            unpaused += len(chunk.spans)
            if unpaused >= PAUSE_EVERY:
                # Let a thread of the application have the interpreter now, not after the switch interval of 5 ms.
                unpaused = 0
                time.sleep(0)

    def _send_encoded(self, end: float) -> bool:
        remaining = len(self._encoded)
        while remaining > 0:
            payload = self._next_payload(remaining)
            if not payload:
                return True
            remaining -= len(payload)
            if not self._deliver(payload, end):
                return False
        return True

    def _next_payload(self, most: int) -> list[Encoded]:
        payload: list[Encoded] = []
        room = self._body_limit()
        with self._lock:
            while self._encoded and len(payload) < most:
                room -= len(self._encoded[0].data)
                # Alone it goes in any case: it was measured when it was encoded, and limits hardly ever shrink.
                if payload and (room < 0 or self._encoded[0].is_counted != payload[0].is_counted):
                    break
                payload.append(self._encoded.popleft())
        return payload

    def _deliver(self, payload: list[Encoded], end: float) -> bool:
        """Try to send; settle the payload as sent or dropped. False if time ran out: then it is back in the queue."""
        parts = [array_header(len(payload)), *(encoded.data for encoded in payload)]
        reason = detail = ""
        for attempt in range(TRIES):
            self._pause(attempt)
            left_s = min(end, self._deadline) - time.monotonic()
            if left_s <= 0:
                self._put_back(payload)
                return False
            try:
                answer = self._send_traces(parts, len(payload), payload[0].is_counted, left_s)
            except Unreached as error:
                reason, detail = error.reason, f"no answer: {error.detail}"
                continue
            if 200 <= answer.status < 300:
                self._settle(payload, "", "")
                self._learn(answer)
                return True
            reason, detail = f"status_{answer.status}", _refusal(answer)
            if answer.status not in (408, 429) and answer.status < 500:
                break
        if time.monotonic() >= min(end, self._deadline):
            self._put_back(payload)
            return False
        self._settle(payload, reason, detail)
        return True

    def _pause(self, attempt: int) -> None:
        if attempt:
            # Full jitter between half and once and a half; a shutdown does not wait for it.
            self._stop.wait(FIRST_PAUSE_S * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))

    def _send_traces(self, parts: list[bytes], traces: int, is_counted: bool, left_s: float) -> Answer:
        # What was counted in stats that the Agent then refused, it had better count itself.
        is_counted = is_counted and self._stats is not None and not self._stats.is_refused
        left_out = self._left_out
        answer = self._agent.send_traces(
            parts, traces, self._rates.version, left_s, counted=is_counted, left_out=left_out
        )
        if 200 <= answer.status < 300:
            with self._lock:
                self._left_out = (self._left_out[0] - left_out[0], self._left_out[1] - left_out[1])
        return answer

    def _send_stats(self, end: float, everything: bool) -> bool:
        """Send what was counted and is due, or all. False if time ran out: what was not sent then still waits."""
        if self._stats is None:
            return True
        fresh = self._stats.payloads(everything)
        self._payloads.extend(fresh)
        while self._payloads:
            if not self._deliver_stats(self._payloads[0], end):
                return False
            if self._payloads:
                self._payloads.popleft()
        if fresh and any(self._left_out) and not self._stop.is_set():
            self._tell_left_out(end)
        return True

    def _tell_left_out(self, end: float) -> None:
        """Where no trace is sampled, a payload without traces says so, and brings the rates that may change it."""
        left_s = min(end, self._deadline) - time.monotonic()
        if left_s <= 0:
            return
        try:
            answer = self._send_traces([array_header(0)], 0, True, left_s)
        except Unreached:
            # The next request says it as well.
            return
        if 200 <= answer.status < 300:
            self._learn(answer)

    def _deliver_stats(self, payload: bytes, end: float) -> bool:
        """Try to send. False if time ran out; otherwise it is settled: taken, or lost and said so."""
        detail = ""
        for attempt in range(TRIES):
            self._pause(attempt)
            left_s = min(end, self._deadline) - time.monotonic()
            if left_s <= 0:
                return False
            try:
                answer = self._agent.send_stats(payload, left_s)
            except Unreached as error:
                detail = f"no answer: {error.detail}"
                if error.reason in ("refused", "tls"):
                    continue
                # It may have arrived: sent twice it would be counted twice.
                break
            if 200 <= answer.status < 300:
                return True
            detail = f"answered {answer.status}"
            if answer.status == 404:
                self._refuse_stats()
                return True
            if answer.status not in (408, 429) and answer.status < 500:
                break
        if time.monotonic() >= self._deadline:
            return False
        with self._lock:
            self._notices.trouble(f"counts of spans (stats) are lost: {detail}")
        return True

    def _refuse_stats(self) -> None:
        if self._stats is not None:
            self._stats.refuse()
        self._payloads.clear()
        with self._lock:
            self._notices.trouble(f"the Agent does not know {STATS_PATH}: it counts spans (stats) itself from now on")

    def _put_back(self, payload: list[Encoded]) -> None:
        with self._lock:
            if not self._abandoned:
                self._encoded.extendleft(reversed(payload))

    def _settle(self, payload: list[Encoded], reason: str, detail: str) -> None:
        spans = sum(encoded.spans for encoded in payload)
        with self._lock:
            if self._abandoned:
                # The shutdown has counted these already.
                return
            self._held_bytes -= sum(len(encoded.data) for encoded in payload)
            if reason:
                self._drop(reason, spans, detail, len(payload))
                line = self._notices.due()
            else:
                self._sent += spans
                line = self._notices.delivered()
        say(line)

    # -- what the Agent says

    def _learn(self, answer: Answer) -> None:
        complaint = self._rates.learn(answer.body, answer.rates_version)
        if complaint:
            with self._lock:
                self._notices.trouble(complaint)
        if self._info_due_s == math.inf:
            self._info_due_s = -math.inf
        if answer.state is not None:
            if self._agent_state not in (None, answer.state):
                self._info_due_s = -math.inf
            self._agent_state = answer.state

    def _read_info(self, end: float) -> None:
        now = time.monotonic()
        if now < self._info_due_s:
            return
        try:
            self._info = self._agent.read_info(max(0.001, min(end, self._deadline) - now))
            self._info_due_s = now + INFO_REFRESH_S
        except Unreached:
            # An Agent that is down needs no second question in each cycle: asked again once a payload was taken.
            self._info_due_s = math.inf


@contextmanager
def _suppressed() -> Iterator[None]:
    # Both keys that instrumentors look at. opentelemetry.instrumentation.utils does the same, but loads much else.
    token = attach(set_value("suppress_instrumentation", True, set_value(_SUPPRESS_INSTRUMENTATION_KEY, True)))
    try:
        yield
    finally:
        detach(token)


def _halves(chunk: Chunk, encoded: Encoded) -> tuple[Chunk, Chunk]:
    """The spans of a chunk in two, each half with the other's spans at hand as possible parents."""
    is_whole = encoded.spans == len(chunk.spans) if encoded.is_counted else None
    middle = len(chunk.spans) // 2
    first, second = chunk.spans[:middle], chunk.spans[middle:]

    def half(spans: list[ReadableSpan], others: list[ReadableSpan]) -> Chunk:
        known = {span.context.span_id: span for span in others if span.context is not None}
        parents = {**chunk.parents, **known}
        return chunk._replace(spans=spans, partial=True, parents=parents, is_whole=is_whole, is_again=True)

    return half(first, second), half(second, first)


def _refusal(answer: Answer) -> str:
    if answer.status in (404, 415):
        return f"the Agent does not know {TRACES_PATH} (status {answer.status}): is it older than version 6?"
    text = answer.body[:100].decode("utf-8", "replace").strip()
    return f"answered {answer.status} {text}".rstrip()


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _shutdown_all() -> None:
    for writer in list(_writers):
        writer.shutdown()


def _after_fork_in_child() -> None:
    """The parent keeps its queue, its counters and its connection; the child starts with none of them.

    The parent needs no hook: nothing here waits for a lock that the fork could have copied while it was held.
    """
    for writer in list(_writers):
        writer._is_forked = True
        writer._begin()
        writer._notices.forget()
        if writer._stats is not None:
            writer._stats.after_fork()
        writer._agent.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
