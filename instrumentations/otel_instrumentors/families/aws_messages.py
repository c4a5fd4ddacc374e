"""Trace context inside what is sent through AWS: attributes of messages, members of JSON, the context of a client.

Whoever sets the process's propagator says how a message bears a context: where the global propagator has an attribute
`envelope`, all pairs stand together under that name, as one JSON object. Without it each pair is an attribute of the
message (`traceparent`), as the OpenTelemetry conventions have it, and what has no attributes stays as it is: JSON that
belongs to the application gets no further members unless somebody wants them.

What is given here is never changed: requests are made anew as far as they differ. A request that would exceed a limit
of the service keeps the context of as many messages as fit, the first ones.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.propagate import extract, get_global_textmap
from opentelemetry.trace import SpanContext, get_current_span

from ..kernel.switch import is_on

MOST_ATTRIBUTES = 10
MOST_BYTES = 1 << 18
"""Of a message, of a batch of them, of the events of one request, of the input of a state machine."""
MOST_RECORD_BYTES = 1 << 20
MOST_RECORDS_BYTES = 5 << 20
MOST_CLIENT_CONTEXT = 3_583
"""Characters of base64."""

_OF_ATTRIBUTES = ("MessageAttributes", "MD5OfMessageAttributes")

Params = Mapping[str, Any]
Pairs = Mapping[str, str]
Put = Callable[[Params, Pairs, str | None], Params | None]


def with_context(prefix: str, operation: str, params: Params, pairs: Pairs) -> Params | None:
    """The parameters of a call with the context `pairs` in its messages; None where they stay as they are."""
    put = _PUT.get((prefix, operation))
    return None if put is None else put(params, pairs, envelope())


def bears_context(prefix: str, operation: str) -> bool:
    """Whether what such a call sends or receives has a place for a context."""
    return (prefix, operation) in _PUT


def envelope() -> str | None:
    """The name under which the pairs of a context stand together in a message; None where each stands by itself."""
    return getattr(get_global_textmap(), "envelope", None)


def received(prefix: str, operation: str, response: object) -> list[SpanContext]:
    """The contexts that the messages of a response came with, each once."""
    if (prefix, operation) != ("sqs", "ReceiveMessage") or not isinstance(response, Mapping):
        return []
    contexts: dict[tuple[int, int], SpanContext] = {}
    for message in response.get("Messages") or ():
        context = _context(message)
        if context is not None and context.is_valid:
            contexts[context.trace_id, context.span_id] = context
    return list(contexts.values())


def as_asked(prefix: str, operation: str, params: Params, response: Any) -> Any:
    """The response without the attributes of messages that only we asked for; the same where it has none."""
    if (prefix, operation) != ("sqs", "ReceiveMessage") or not isinstance(response, Mapping):
        return response
    asked, ours = _names(params)
    messages = response.get("Messages")
    if not ours or not isinstance(messages, list):
        return response
    prefixes = tuple(name[:-2] for name in asked if isinstance(name, str) and name.endswith(".*"))
    unasked = {name for name in ours if not name.startswith(prefixes)}
    if not any(unasked.intersection(_attributes_of(message)) for message in messages):
        return response
    return {**response, "Messages": [_without(message, unasked) for message in messages]}


def _attributes_of(message: object) -> Mapping[str, Any]:
    attributes = message.get("MessageAttributes") if isinstance(message, Mapping) else None
    return attributes if isinstance(attributes, Mapping) else {}


def _without(message: Any, unasked: set[str]) -> Any:
    attributes = _attributes_of(message)
    if unasked.isdisjoint(attributes):
        return message
    rest = {name: attribute for name, attribute in attributes.items() if name not in unasked}
    bare = {key: value for key, value in message.items() if key not in _OF_ATTRIBUTES}
    if not rest:
        return bare
    return {**bare, "MessageAttributes": rest, "MD5OfMessageAttributes": _digest(rest)}


def _digest(attributes: Mapping[str, Any]) -> str:
    """Of the attributes of a message, for those who compare it. Source: SQS, calculating the MD5 message digest."""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        is_binary = attribute["DataType"].startswith("Binary")
        value = attribute["BinaryValue"] if is_binary else attribute["StringValue"].encode()
        for part in (name.encode(), attribute["DataType"].encode()):
            digest.update(len(part).to_bytes(4, "big") + part)
        digest.update((b"\2" if is_binary else b"\1") + len(value).to_bytes(4, "big") + value)
    return digest.hexdigest()


# Messages with attributes: SQS and SNS


def _attributes_in(entries: str | None, body: str, data_type: str) -> Put:
    """Puts the context into the attributes of one message, the parameters themselves, or of each in the list `entries`.

    `data_type` is that of the one attribute with all pairs.
    """

    def put(params: Params, pairs: Pairs, name: str | None) -> Params | None:
        if name is None:
            added = {key: {"DataType": "String", "StringValue": value} for key, value in pairs.items()}
        else:
            added = {name: {"DataType": data_type, f"{data_type}Value": json.dumps(pairs)}}
        if not added:
            return None
        messages = [params] if entries is None else params.get(entries)
        if not isinstance(messages, (list, tuple)):
            return None
        left = MOST_BYTES - sum(_size(message, body) for message in messages)
        needed = sum(map(_attribute_size, added.items()))
        changed: list[Params] = []
        for message in messages:
            attributes = message.get("MessageAttributes", {}) if isinstance(message, Mapping) else None
            if needed <= left and isinstance(attributes, Mapping):
                together = {**attributes, **added}
                if len(together) <= MOST_ATTRIBUTES:
                    left -= needed
                    message = {**message, "MessageAttributes": together}
            changed.append(message)
        return changed[0] if entries is None else {**params, entries: changed}

    return put


def _size(message: object, body: str) -> int:
    """The bytes of a message that count: its body and subject, and its attributes with their names and types."""
    if not isinstance(message, Mapping):
        return 0
    attributes = message.get("MessageAttributes")
    size = _length(message.get(body)) + _length(message.get("Subject"))
    return size + sum(map(_attribute_size, attributes.items())) if isinstance(attributes, Mapping) else size


def _attribute_size(item: tuple[Any, Any]) -> int:
    name, attribute = item
    return _length(name) + (sum(map(_length, attribute.values())) if isinstance(attribute, Mapping) else 0)


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
    return len(value) if isinstance(value, (bytes, bytearray)) else 0


def _asking(params: Params, _pairs: Pairs, _name: str | None) -> Params | None:
    """Asks for the attributes that bear a context beside those that the application asks for."""
    asked, missing = _names(params)
    return {**params, "MessageAttributeNames": [*asked, *missing]} if missing else None


def _names(params: Params) -> tuple[list[Any], list[str]]:
    """The names of attributes that the application asks for, and those that bear a context and it does not."""
    asked = params.get("MessageAttributeNames", ())
    if not isinstance(asked, (list, tuple)) or "All" in asked or ".*" in asked:
        return [], []
    name = envelope()
    wanted = sorted(get_global_textmap().fields) if name is None else [name]
    return list(asked), [field for field in wanted if field not in asked]


def _context(message: Params) -> SpanContext | None:
    """The context in the attributes of a message of SQS, or in the notification or event that is its body."""
    pairs = _read(message.get("MessageAttributes"), "StringValue", "BinaryValue") or _in_body(message.get("Body"))
    return get_current_span(extract(pairs, Context())).get_span_context() if pairs else None


def _in_body(body: object) -> dict[str, str]:
    """The pairs in a notification of SNS, or in the detail of an event."""
    name = envelope()
    if not isinstance(body, str) or (name or '"Notification"') not in body:
        return {}
    found = _object(body) or {}
    pairs = _read(found.get("MessageAttributes"), "Value", None)
    detail = found.get("detail")
    return pairs or (_pairs(detail.get(name)) if isinstance(detail, dict) and name is not None else {})


def _pairs(found: object) -> dict[str, str]:
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def _read(attributes: object, text: str, binary: str | None) -> dict[str, str]:
    """The pairs in the attributes of a message; `text` and `binary` are where these have their values."""
    if not isinstance(attributes, Mapping):
        return {}
    name = envelope()
    found: dict[str, str] = {}
    for key in (name,) if name is not None else get_global_textmap().fields:
        attribute = attributes.get(key)
        if not isinstance(attribute, Mapping):
            continue
        value = attribute.get(text)
        if value is None and binary is not None:
            value = attribute.get(binary)
        elif attribute.get("Type") == "Binary":
            value = _decoded(value)
        if name is not None:
            return _pairs(_object(value))
        if isinstance(value, str):
            found[key] = value
    return found


# JSON: Kinesis, EventBridge, Step Functions


def _record(params: Params, pairs: Pairs, name: str | None) -> Params | None:
    if name is None:
        return None
    return _in_record(params, pairs, name, MOST_RECORD_BYTES)


def _records(params: Params, pairs: Pairs, name: str | None) -> Params | None:
    records = params.get("Records")
    if name is None or not isinstance(records, (list, tuple)):
        return None
    left = MOST_RECORDS_BYTES - sum(_record_size(record) for record in records)
    changed = []
    for record in records:
        larger = _in_record(record, pairs, name, MOST_RECORD_BYTES) if isinstance(record, Mapping) else None
        growth = 0 if larger is None else _record_size(larger) - _record_size(record)
        if larger is not None and growth <= left:
            left -= growth
            record = larger
        changed.append(record)
    return {**params, "Records": changed}


def _record_size(record: object) -> int:
    return _length(record.get("Data")) + _length(record.get("PartitionKey")) if isinstance(record, Mapping) else 0


def _in_record(record: Params, pairs: Pairs, name: str, most: int) -> Params | None:
    """The record with the context in its data: JSON, or JSON in base64, in which case that is what it becomes again."""
    data = record.get("Data")
    if not isinstance(data, (str, bytes)):
        return None
    text = data if isinstance(data, str) else _utf8(data)
    written = None if text is None else with_member(text, name, pairs)
    if written is None:
        text = _utf8(_decoded(data))
        plain = None if text is None else with_member(text, name, pairs)
        if plain is None:
            return None
        written = base64.b64encode(plain.encode()).decode()
    changed = {**record, "Data": written if isinstance(data, str) else written.encode()}
    return changed if _record_size(changed) <= most else None


def _events(params: Params, pairs: Pairs, name: str | None) -> Params | None:
    entries = params.get("Entries")
    if name is None or not isinstance(entries, (list, tuple)):
        return None
    left = MOST_BYTES - sum(_event_size(entry) for entry in entries)
    changed = []
    for entry in entries:
        detail = entry.get("Detail") if isinstance(entry, Mapping) else None
        written = with_member(detail, name, pairs) if isinstance(detail, str) else None
        if written is not None and _length(written) - _length(detail) <= left:
            left -= _length(written) - _length(detail)
            entry = {**entry, "Detail": written}
        changed.append(entry)
    return {**params, "Entries": changed}


def _event_size(entry: object) -> int:
    """The bytes of an event that count: its texts and resources, and 14 for its time."""
    return sum(map(_part_size, entry.values())) if isinstance(entry, Mapping) else 0


def _part_size(part: object) -> int:
    if isinstance(part, (list, tuple)):
        return sum(map(_length, part))
    return _length(part) if isinstance(part, str) else 14


def _input(params: Params, pairs: Pairs, name: str | None) -> Params | None:
    """An input that has the member already was given it by whoever started this program, and keeps it."""
    text = params.get("input")
    if name is None or not isinstance(text, str) or f'"{name}"' in text:
        return None
    written = with_member(text, name, pairs)
    return {**params, "input": written} if written is not None and _length(written) <= MOST_BYTES else None


def with_member(text: str, name: str, pairs: Pairs) -> str | None:
    """The JSON object `text` with a member more, or with a new one of that name; None where it is no JSON object.

    All the rest stays as it is written: order, spaces, numbers of any length.
    """
    found = _object(text)
    if found is None:
        return None
    if name in found:
        return json.dumps({**found, name: pairs})
    inside = text.rstrip()
    end = text[len(inside) :]
    comma = ", " if found else ""
    return f"{inside[:-1]}{comma}{json.dumps(name)}: {json.dumps(pairs)}}}{end}"


# The client context of Lambda


def _client_context(params: Params, pairs: Pairs, name: str | None) -> Params | None:
    """Adds the pairs to what the called function finds in `context.client_context.custom`.

    `OTEL_INSTRUMENTATION_AWS_NESTED_CONTEXT=true` puts them together under the envelope's name there.
    """
    if name is not None and is_on("AWS_NESTED_CONTEXT"):
        return _in_client_context(params, {name: pairs})
    return _in_client_context(params, pairs)


def _in_client_context(params: Params, added: Mapping[str, Any]) -> Params | None:
    given = params.get("ClientContext")
    known: dict[str, Any] | None = {} if given is None else _object(_utf8(_decoded(given)))
    custom = None if known is None else known.get("custom", {})
    if known is None or not isinstance(custom, dict):
        return None
    text = json.dumps({**known, "custom": {**custom, **added}})
    written = base64.b64encode(text.encode()).decode()
    return {**params, "ClientContext": written} if len(written) <= MOST_CLIENT_CONTEXT else None


def _object(text: object) -> dict[str, Any] | None:
    """The JSON object that a text is; None for anything else."""
    if isinstance(text, (bytes, bytearray)):
        text = _utf8(bytes(text))
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _decoded(data: object) -> bytes | None:
    """What was written in base64; None for what is none."""
    if not isinstance(data, (str, bytes)):
        return None
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None


def _utf8(data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None


_PUT: dict[tuple[str, str], Put] = {
    ("sqs", "SendMessage"): _attributes_in(None, "MessageBody", "String"),
    ("sqs", "SendMessageBatch"): _attributes_in("Entries", "MessageBody", "String"),
    ("sqs", "ReceiveMessage"): _asking,
    # Binary: filter policies of subscriptions fail silently on JSON in a String.
    ("sns", "Publish"): _attributes_in(None, "Message", "Binary"),
    ("sns", "PublishBatch"): _attributes_in("PublishBatchRequestEntries", "Message", "Binary"),
    ("kinesis", "PutRecord"): _record,
    ("kinesis", "PutRecords"): _records,
    ("events", "PutEvents"): _events,
    ("states", "StartExecution"): _input,
    ("states", "StartSyncExecution"): _input,
    ("lambda", "Invoke"): _client_context,
}
