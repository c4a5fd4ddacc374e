"""What Datadog services tell each other about a trace, beside its ids."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class DatadogContext:
    """The trace-level state of one local trace: extracted from a carrier, or empty for a trace that starts here.

    `priority` is -1, 0, 1 or 2; None while nobody has decided. `tags` holds the `_dd.p.*` pairs under their full keys,
    the decision maker `_dd.p.dm` among them, the upper half of the trace id (`_dd.p.tid`) not: it is read from the id.
    """

    priority: int | None = None
    origin: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    parent_id: str = ""
    """The last Datadog span upstream, 16 hex digits as received (`p` of the W3C `dd=` member)."""
    error: str = ""
    """Why propagated tags could not be read or written: the tag `_dd.propagation_error`."""
    baggage_tags: dict[str, str] = field(default_factory=dict)
