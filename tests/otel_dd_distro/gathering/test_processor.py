from __future__ import annotations

import time

from otel_dd_distro.gathering import DatadogSpanProcessor, LocalTraces


class Slow:
    """What takes a while, and remembers how long it might have taken."""

    def __init__(self) -> None:
        self.limits: list[float] = []

    def flush(self, timeout_s: float) -> bool:
        self.limits.append(timeout_s)
        time.sleep(0.1)
        return False

    def shutdown(self, timeout_s: float) -> None:
        self.flush(timeout_s)


def test_the_exit_of_all_providers_together_is_bounded() -> None:
    sink = Slow()
    processor = DatadogSpanProcessor(LocalTraces(lambda chunk: None), sink, shutdown_timeout=0.15)
    for _ in range(3):
        processor.serve_one_more()
    for _ in range(3):
        processor.shutdown()
    first, second, third = sink.limits
    assert first == 0.15
    assert 0 <= second <= 0.05
    assert third == 0
