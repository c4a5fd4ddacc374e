"""The current context, by the shortest way."""

from __future__ import annotations

import contextvars
import logging
import subprocess
import sys

import pytest
from opentelemetry import context as context_api
from opentelemetry.context import set_value

from otel_instrumentors.kernel.current import attach, detach, get_current


def test_it_is_opentelemetrys_own() -> None:
    before = get_current()
    token = attach(set_value("cup", "big"))
    assert context_api.get_value("cup") == "big"
    inner = context_api.attach(set_value("cup", "small"))
    assert get_current().get("cup") == "small"
    detach(inner)
    assert context_api.get_value("cup") == "big"
    context_api.detach(token)
    assert get_current() is before


def test_a_token_of_elsewhere_is_told_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    token = contextvars.copy_context().run(attach, set_value("cup", "big"))
    before = get_current()
    with caplog.at_level(logging.ERROR, "opentelemetry"):
        detach(token)
    assert get_current() is before
    assert [record.getMessage() for record in caplog.records] == ["Failed to detach context"]


def test_where_contexts_are_kept_another_way_that_way_is_gone() -> None:
    program = """
from opentelemetry import context
class Kept:
    held = context.Context()
    def get_current(self): return self.held
    def attach(self, given): before, self.held = self.held, given; return before
    def detach(self, token): self.held = token
context._RUNTIME_CONTEXT = Kept()
from otel_instrumentors.kernel.current import attach, detach, get_current
token = attach(context.set_value("cup", "big"))
assert get_current().get("cup") == "big" == context.get_value("cup")
detach(token)
assert get_current().get("cup") is None
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
