"""Elasticsearch: a span for each request, in place of those that the client makes of its own accord."""

from __future__ import annotations

from .families.elasticsearch import requests, without_own_spans
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .semconv import db

_request = requests("elasticsearch")
_none = without_own_spans()


class ElasticsearchInstrumentor(Instrumentor):
    options = Options(client=db.CLIENT)
    hooks = {
        # From 8 on
        "elastic_transport._transport": {"Transport.perform_request": _request},
        "elastic_transport._async_transport": {"AsyncTransport.perform_request": _request},
        # Its own spans, from 8.13 on, know neither the status nor how long the server took.
        "elasticsearch._otel": {
            "OpenTelemetry.span": _none,
            "OpenTelemetry.helpers_span": _none,
            "OpenTelemetry.use_span": _none,
        },
        # Up to 7, and those releases under a name of their own
        **{
            f"{package}.{module}": {f"{cls}.perform_request": _request}
            for package in ("elasticsearch", *(f"elasticsearch{version}" for version in (1, 2, 5, 6, 7)))
            for module, cls in (("transport", "Transport"), ("_async.transport", "AsyncTransport"))
        },
    }
