"""A Dramatiq application: `dramatiq actors`. BROKER says over what, NAMESPACE which of its users on that Redis."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from opentelemetry import trace

broker = RedisBroker(url=os.environ["BROKER"], namespace=os.environ["NAMESPACE"])
dramatiq.set_broker(broker)


@dramatiq.actor
def inside(name: str) -> None:
    with trace.get_tracer("app").start_as_current_span(name):
        pass
