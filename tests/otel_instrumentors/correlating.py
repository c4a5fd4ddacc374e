"""The exam of a plugin of a logging library: it makes no span, and puts the current trace on each record."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from opentelemetry import trace

from tests.otel_instrumentors.contract import Contract, Recorder, boom, instrumented, said_by_us

WHERE = "otel_instrumentors.families.log_records.get_global_textmap"


class Fields:
    """A propagator for records, as somebody who sends logs somewhere has it."""

    def inject(self, carrier: dict[str, Any]) -> None:
        context = trace.get_current_span().get_span_context()
        carrier["tea.is_inside"] = context.is_valid
        carrier["tea.shop"] = "corner"


class Correlating(Contract):
    """`use` logs some records, and returns the fields of each: as the library's own formats see them."""

    test_a_use_is_traced_by_this_plugin_and_nothing_of_it_fails = None  # type: ignore[assignment]
    test_spans_speak_the_conventions_and_name_no_vendor = None  # type: ignore[assignment]
    test_no_span_leaves_the_plain_dict_in_which_the_light_tracer_keeps_its_attributes = None  # type: ignore[assignment]
    test_suppressed_means_no_span = None  # type: ignore[assignment]

    @classmethod
    def traces(cls, recorder: Recorder) -> list[str]:
        with patch(WHERE, lambda: SimpleNamespace(records=Fields())):
            outside = cls.use()
            with recorder.provider.get_tracer("application").start_as_current_span("work"):
                inside = cls.use()
        recorder.take()
        return [
            " ".join(f"{name}={record.get(name)}" for name in ("tea.is_inside", "tea.shop"))
            for record in (*outside, *inside)
        ]

    def test_each_record_bears_the_fields_inside_of_a_span_and_outside(self, recorder: Recorder) -> None:
        number = len(self.use())
        assert self.traces(recorder) == ["tea.is_inside=None tea.shop=None"] * 2 * number
        with instrumented(self.instrumentor, recorder.provider):
            outside, inside = "tea.is_inside=False tea.shop=corner", "tea.is_inside=True tea.shop=corner"
            assert self.traces(recorder) == [outside] * number + [inside] * number

    def test_where_nobody_asks_for_fields_records_stay_as_they_are(self, recorder: Recorder) -> None:
        untraced = [sorted(record) for record in self.use()]
        with instrumented(self.instrumentor, recorder.provider):
            assert [sorted(record) for record in self.use()] == untraced

    def test_what_breaks_on_our_side_the_application_does_not_see(  # type: ignore[override]
        self, recorder: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        untraced = [sorted(record) for record in self.use()]
        broken = SimpleNamespace(records=SimpleNamespace(inject=boom))
        with (
            instrumented(self.instrumentor, recorder.provider),
            patch(WHERE, lambda: broken),
            caplog.at_level(logging.WARNING, "otel_instrumentors"),
        ):
            for _ in range(3):
                assert [sorted(record) for record in self.use()] == untraced
        said = said_by_us(caplog)
        assert said
        assert len(said) == len(set(said)), "the same line twice within a minute"
