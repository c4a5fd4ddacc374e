"""The W3C baggage header, with Datadog's limits: 64 items, 8192 bytes, malformed anywhere means none."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from opentelemetry import baggage
from opentelemetry.baggage import _BAGGAGE_KEY
from opentelemetry.context import Context, set_value
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)

from ..interruptions import pass_on
from .headers import Headers
from .style import Put

log = logging.getLogger("otel_dd_distro")

BAGGAGE = "baggage"

MAX_ITEMS = 64
MAX_BYTES = 8192

# Beside letters and digits. "%" is not among them: what is encoded once must come out as it went in.
_IN_KEYS = "!#$&'*+-.^_`|~"
_IN_VALUES = _IN_KEYS + "()/:<>?@[]{}"


class BaggagePropagator(TextMapPropagator):
    """Reads and writes OpenTelemetry baggage, with or without a trace."""

    def find(self, headers: Headers) -> dict[str, str]:
        """All items, decoded; none where any of them is malformed. What is over the limits is dropped from the end."""
        text = ",".join(headers.several(BAGGAGE))
        if not text:
            return {}
        items: dict[str, str] = {}
        size = 0
        for pair in text.split(",", MAX_ITEMS)[:MAX_ITEMS]:
            key, equals, value = pair.partition("=")
            if not equals:
                return {}
            size += (len(pair) if pair.isascii() else len(pair.encode("utf-8", "replace"))) + bool(items)
            if size > MAX_BYTES:
                break
            key, value = key.strip(), value.strip()
            if "%" in pair:
                key, value = unquote(key), unquote(value)
            if not key or not value:
                return {}
            items[key] = value
        return items

    def write(self, items: Mapping[str, object], carrier: Any, put: Put) -> None:
        pairs: list[str] = []
        size = -1
        for key, value in items.items():
            pair = _encoded(key, _IN_KEYS) + "=" + _encoded(value, _IN_VALUES)
            # An item without key or value would make the receiver throw all of them away.
            if pair[0] == "=" or pair[-1] == "=":
                continue
            size += len(pair) + 1
            if size > MAX_BYTES or len(pairs) == MAX_ITEMS:
                break
            pairs.append(pair)
        if pairs:
            put(carrier, BAGGAGE, ",".join(pairs))

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        if context is None:
            context = Context()
        try:
            items = self.find(Headers(carrier, getter))
            return put_in(context, items) if items else context
        except Exception as error:  # the carrier and its getter are other people's code
            pass_on(error)
            log.debug("Could not read the baggage header", exc_info=True)
            return context

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        try:
            items = baggage.get_all(context)
            if items:
                self.write(items, carrier, setter.set)
        except Exception as error:  # the carrier and its setter are other people's code
            pass_on(error)
            log.debug("Could not write the baggage header", exc_info=True)

    @property
    def fields(self) -> set[str]:
        return {BAGGAGE}


def put_in(context: Context, items: Mapping[str, str]) -> Context:
    # As `set_baggage` for each, without a context for each.
    return set_value(_BAGGAGE_KEY, {**baggage.get_all(context), **items}, context)


def _encoded(value: object, unreserved: str) -> str:
    text = str(value).strip()
    if text.isascii() and text.isalnum():
        return text
    return quote(text, safe=unreserved, errors="replace")
