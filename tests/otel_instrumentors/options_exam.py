"""What every plugin's exam asks of the options that the plugin offers; it reads them from `Instrumentor.options`."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import SpanKind

from otel_instrumentors.kernel.instrumentor import Instrumentor
from otel_instrumentors.kernel.options import EXCLUDED_URLS


class OptionsExam:
    """The part of `Contract` about options. `unasked` are hooks of which its `use` gives no occasion."""

    instrumentor: ClassVar[type[Instrumentor]]
    unasked: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def use() -> Any:
        raise NotImplementedError

    @classmethod
    def traces(cls, recorder: Any) -> list[str]:
        raise NotImplementedError

    def _hooks(self) -> list[str]:
        return [name for name in self.instrumentor.options.hooks if name not in self.unasked]

    def test_the_functions_that_an_application_gives_are_called_with_a_span(self, recorder: Any) -> None:
        called: dict[str, list[tuple[Any, ...]]] = {name: [] for name in self.instrumentor.options.hooks}
        of_spans = [
            name for name, hook in self.instrumentor.options.hooks.items() if hook.when not in ("wanted", "described")
        ]
        functions = {name: lambda *args, name=name: called[name].append(args) is None for name in called}
        from tests.otel_instrumentors.contract import instrumented

        with instrumented(self.instrumentor, recorder.provider, **functions):
            self.use()
        assert [name for name in self._hooks() if not called[name]] == []
        spans = {span.context.span_id for span in recorder.spans()}
        for name in of_spans:
            assert {args[0].get_span_context().span_id for args in called[name]} <= spans

    def test_functions_of_an_application_that_raise_change_nothing(
        self, recorder: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        from tests.otel_instrumentors.contract import boom, instrumented, said_by_us

        untraced = self.use()
        with instrumented(self.instrumentor, recorder.provider):
            usual = self.traces(recorder)
        with instrumented(self.instrumentor, recorder.provider, **dict.fromkeys(self.instrumentor.options.hooks, boom)):
            assert self.use() == untraced
            recorder.take()
            assert self.traces(recorder) == usual
        said = [line for line in said_by_us(caplog) if line.startswith("Tracing failed")]
        assert all("contract.boom" in line for line in said)
        assert bool(said) == bool(self._hooks())

    def test_what_is_excluded_has_no_span_and_nothing_below_it(
        self, recorder: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from tests.otel_instrumentors.contract import instrumented

        options = self.instrumentor.options
        kinds = [
            kind
            for kind, convention in ((SpanKind.SERVER, options.server), (SpanKind.CLIENT, options.client))
            if convention is not None and convention.excludes is not None and convention.variable == EXCLUDED_URLS
        ]
        monkeypatch.setenv("OTEL_PYTHON_EXCLUDED_URLS", "nothing-like-it,.*")
        untraced = self.use()
        with instrumented(self.instrumentor, recorder.provider):
            assert self.use() == untraced
        assert [span for span in recorder.spans() if span.kind in kinds] == []
        if SpanKind.SERVER in kinds and SpanKind.CLIENT not in kinds:
            assert recorder.spans() == []

    def test_calls_are_measured_where_a_meter_provider_is_given(self, recorder: Any) -> None:
        from tests.otel_instrumentors.contract import instrumented

        options = self.instrumentor.options
        conventions = {
            kind: convention
            for kind, convention in ((SpanKind.SERVER, options.server), (SpanKind.CLIENT, options.client))
            if convention is not None
        }
        durations = {kind: each.duration for kind, each in conventions.items() if each.duration is not None}
        if not durations:
            return
        reader = InMemoryMetricReader()
        provider = MeterProvider([reader])
        with instrumented(self.instrumentor, recorder.provider, meter_provider=provider):
            self.use()
        data = reader.get_metrics_data()
        provider.shutdown()
        points: dict[str, list[Any]] = {
            metric.name: list(metric.data.data_points)
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }
        for kind, duration in durations.items():
            spans = [span for span in recorder.spans() if span.kind is kind]
            counted = sum(point.count for point in points.get(duration.name, ()))
            assert counted == len(spans)
            for point in points.get(duration.name, ()):
                assert set(point.attributes or {}) <= duration.keys
                assert 0 <= point.min <= point.max < 600
            active = conventions[kind].active
            if active is not None and spans:
                assert {point.value for point in points[active.name]} == {0}
                assert {key for point in points[active.name] for key in point.attributes} <= active.keys
            for size in options.sizes:
                if size.kind is kind:
                    assert sum(point.count for point in points.get(size.name, ())) <= len(spans)

    def test_a_keyword_that_means_nothing_is_told(self, recorder: Any, caplog: pytest.LogCaptureFixture) -> None:
        from tests.otel_instrumentors.contract import instrumented, said_by_us

        with caplog.at_level(logging.WARNING), instrumented(self.instrumentor, recorder.provider, colour="green"):
            pass
        assert [line for line in said_by_us(caplog) if "colour" in line]
