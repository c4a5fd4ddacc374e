"""OpenSearch: a span for each request."""

from __future__ import annotations

from .families.elasticsearch import requests
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .semconv import db

_request = requests("opensearch")


class OpensearchInstrumentor(Instrumentor):
    options = Options(client=db.CLIENT)
    hooks = {
        "opensearchpy.transport": {"Transport.perform_request": _request},
        "opensearchpy._async.transport": {"AsyncTransport.perform_request": _request},
    }
