"""Cassandra: a span for each statement and each page of its rows, until the answer is there."""

from __future__ import annotations

import re
from typing import Any

from opentelemetry.semconv.attributes.db_attributes import DB_NAMESPACE, DB_OPERATION_BATCH_SIZE
from opentelemetry.semconv.attributes.server_attributes import SERVER_PORT
from opentelemetry.util.types import AttributeValue

from .families import context
from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hooks.span_per_answer import SpanPerAnswer
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .semconv import db
from .semconv.db import DB_ROW_COUNT

CLUSTER_NAME = "cassandra.cluster.name"
CONSISTENCY_LEVEL = "cassandra.consistency_level"
"""How many replicas have to answer, by the protocol's number for it."""
PAGE_NUMBER = "cassandra.page.number"
PAGINATED = "cassandra.result.paginated"
"""Whether a result has several pages."""

_MOST_OF_A_BATCH = 2
_MOST_OF_A_STATEMENT = 5_000
# The driver has put the parameters of a batch's statements into their text: strings, blobs, uuids, numbers. In strings
# between dollars and in comments a quote is no quote.
_BEYOND_US = ("$$", "--", "//", "/*")
_LITERALS = re.compile(r"'(?:[^']|'')*'?|(?<![\w.])(?:0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|[+-]?\d[\w.+-]*)", re.I)


def execute(call: Call) -> SpanSpec:
    return described(call.arg(0, "query"), call.instance)


def fetch(call: Call) -> SpanSpec | None:
    """The next page, if there is one."""
    future = call.instance
    return described(future.query, future.session) if future.has_more_pages else None


def described(query: Any, session: Any) -> SpanSpec:
    cluster = session.cluster
    known: dict[str, AttributeValue] = {**db.connection(session.keyspace), SERVER_PORT: cluster.port}
    if cluster.metadata.cluster_name:
        known[CLUSTER_NAME] = cluster.metadata.cluster_name
    batch = getattr(query, "_statements_and_parameters", None)
    if batch is None:
        return db.query("cassandra", statement(query), "execute", known)
    known[DB_OPERATION_BATCH_SIZE] = len(batch)
    spec = db.query("cassandra", batch_text(batch), "batch", known)
    spec.name = "BATCH"
    return spec


def statement(query: Any) -> Any:
    """The text of a statement, its parameters not in it; None for one that has none."""
    if isinstance(query, str):
        return query
    return getattr(getattr(query, "prepared_statement", None) or query, "query_string", None)


def batch_text(batch: Any) -> str:
    """The first statements of a batch, those that are not prepared: of these the driver keeps no text."""
    texts = (text for is_prepared, text, _ in batch[:_MOST_OF_A_BATCH] if not is_prepared)
    return "; ".join(map(_without_literals, texts))


def _without_literals(text: str) -> str:
    if any(sign in text for sign in _BEYOND_US):
        return "?"
    return _LITERALS.sub("?", text[:_MOST_OF_A_STATEMENT])


def answered(call: Call, page: int) -> Outcome:
    future, rows = call.instance, call.arg(0, "response")
    attributes: dict[str, AttributeValue] = {DB_ROW_COUNT: len(rows) if isinstance(rows, (list, tuple)) else 0}
    attributes.update(coordinator(future))
    query = future.query
    level = getattr(query, "consistency_level", None)
    if level:
        attributes[CONSISTENCY_LEVEL] = level
    if getattr(query, "keyspace", None):
        attributes[DB_NAMESPACE] = query.keyspace
    is_paginated = future.has_more_pages or page > 1
    attributes[PAGINATED] = is_paginated
    if is_paginated:
        attributes[PAGE_NUMBER] = page
    return Outcome(attributes)


def coordinator(future: Any) -> dict[str, AttributeValue]:
    """Which host has answered."""
    host = getattr(future, "coordinator_host", None) or future._current_host
    endpoint = getattr(host, "endpoint", None)
    port = getattr(endpoint, "port", None) or future.session.cluster.port
    return db.connection(address=getattr(host, "address", None), port=port)


def error(call: Call) -> BaseException:
    found: BaseException = call.arg(0, "response")
    return found


def failed(call: Call, _page: int) -> Outcome:
    return Outcome(coordinator(call.instance))


_answers = SpanPerAnswer()


class CassandraInstrumentor(Instrumentor):
    options = Options(client=db.CLIENT)
    hooks = {
        "cassandra.cluster": {
            # All ways of executing come by here, before anything is sent.
            "Session._create_response_future": _answers.ask(execute),
            "ResponseFuture.start_fetching_next_page": _answers.ask_again(fetch),
            "ResponseFuture._set_final_result": _answers.answer(answered),
            "ResponseFuture._set_final_exception": _answers.fail(error, failed),
            "ResponseFuture.add_callback": context.carried(0, "fn"),
            "ResponseFuture.add_errback": context.carried(0, "fn"),
        }
    }
