"""Jobs for workers that are started by `rq worker`."""

from __future__ import annotations

import os
import time

from opentelemetry import trace


def inside(name: str) -> str:
    with trace.get_tracer("app").start_as_current_span(name):
        return name


def fails() -> None:
    raise ValueError("no box")


def sleeps() -> None:
    time.sleep(60)


def exits() -> None:
    os._exit(3)
