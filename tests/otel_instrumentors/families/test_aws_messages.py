"""Contexts in what is sent through AWS, as pure functions."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.propagate import get_global_textmap, set_global_textmap
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_instrumentors.families import aws_messages
from otel_instrumentors.kernel.switch import PREFIX

PAIRS = {"traceparent": "00-1-2-01", "tracestate": "tea=1"}
NAME = "_context"
TOGETHER = json.dumps(PAIRS)
ONE = {"DataType": "Number", "StringValue": "1"}


@pytest.fixture(autouse=True)
def envelope(request: pytest.FixtureRequest) -> Iterator[None]:
    """The propagator wants all pairs under one name; with the mark `apart` each by itself."""
    before = get_global_textmap()
    propagator = TraceContextTextMapPropagator()
    if not getattr(request, "param", None):
        propagator.envelope = NAME  # type: ignore[attr-defined]
    set_global_textmap(propagator)
    yield
    set_global_textmap(before)


apart = pytest.mark.parametrize("envelope", [True], indirect=True)


def put(prefix: str, operation: str, params: dict[str, Any]) -> Any:
    """What is sent; what was given has stayed as it was."""
    before = json.dumps(params, default=repr)
    changed = aws_messages.with_context(prefix, operation, params, PAIRS)
    assert json.dumps(params, default=repr) == before
    return params if changed is None else changed


def many(number: int) -> dict[str, dict[str, str]]:
    return {f"a{each}": ONE for each in range(number)}


@pytest.mark.parametrize(
    ("prefix", "operation", "attribute"),
    [
        ("sqs", "SendMessage", {"DataType": "String", "StringValue": TOGETHER}),
        ("sns", "Publish", {"DataType": "Binary", "BinaryValue": TOGETHER}),
    ],
)
def test_all_pairs_are_one_attribute(prefix: str, operation: str, attribute: dict[str, str]) -> None:
    assert put(prefix, operation, {"MessageAttributes": {"a": ONE}}) == {
        "MessageAttributes": {"a": ONE, NAME: attribute}
    }


@apart
@pytest.mark.parametrize(("prefix", "operation"), [("sqs", "SendMessage"), ("sns", "Publish")])
def test_each_pair_is_an_attribute_where_the_propagator_says_nothing_else(prefix: str, operation: str) -> None:
    assert put(prefix, operation, {})["MessageAttributes"] == {
        key: {"DataType": "String", "StringValue": value} for key, value in PAIRS.items()
    }


@pytest.mark.parametrize(("given", "fits"), [(0, True), (9, True), (10, False), (11, False)])
def test_ten_attributes_are_the_most(given: int, fits: bool) -> None:
    assert (NAME in put("sqs", "SendMessage", {"MessageAttributes": many(given)})["MessageAttributes"]) == fits


@apart
@pytest.mark.parametrize(("given", "fits"), [(8, True), (9, False)])
def test_all_pairs_fit_or_none_goes(given: int, fits: bool) -> None:
    attributes = put("sqs", "SendMessage", {"MessageAttributes": many(given)})["MessageAttributes"]
    assert len(attributes) == (10 if fits else given)


def test_an_attribute_that_a_message_was_received_with_is_replaced() -> None:
    given = {**many(9), NAME: {"DataType": "String", "StringValue": "{}"}}
    assert put("sqs", "SendMessage", {"MessageAttributes": given})["MessageAttributes"] == {
        **many(9),
        NAME: {"DataType": "String", "StringValue": TOGETHER},
    }


@pytest.mark.parametrize(
    ("prefix", "operation", "entries"),
    [("sqs", "SendMessageBatch", "Entries"), ("sns", "PublishBatch", "PublishBatchRequestEntries")],
)
def test_each_message_of_a_batch_is_looked_at(prefix: str, operation: str, entries: str) -> None:
    given = {entries: [{"Id": "1"}, {"Id": "2", "MessageAttributes": many(10)}, {"Id": "3"}]}
    sent = put(prefix, operation, given)[entries]
    assert [NAME in entry.get("MessageAttributes", {}) for entry in sent] == [True, False, True]


SIZE = len(NAME) + len("String") + len(TOGETHER)


@pytest.mark.parametrize(("length", "fits"), [(256 * 1024 - SIZE, True), (256 * 1024 - SIZE + 1, False)])
@pytest.mark.parametrize("sign", ["t", "é"])
def test_a_message_stays_below_256_kib(length: int, fits: bool, sign: str) -> None:
    text = sign * (length // len(sign.encode())) + "t" * (length % len(sign.encode()))
    assert ("MessageAttributes" in put("sqs", "SendMessage", {"MessageBody": text})) == fits


def test_a_batch_stays_below_256_kib_together() -> None:
    body = "t" * ((256 * 1024 - 2 * SIZE) // 10)
    sent = put("sqs", "SendMessageBatch", {"Entries": [{"Id": str(n), "MessageBody": body} for n in range(10)]})
    assert ["MessageAttributes" in entry for entry in sent["Entries"]] == [True] * 2 + [False] * 8


@pytest.mark.parametrize(
    ("prefix", "operation", "params"),
    [
        ("sqs", "SendMessage", {"MessageAttributes": None}),
        ("sqs", "SendMessage", {"MessageAttributes": "none"}),
        ("sqs", "SendMessageBatch", {"Entries": None}),
        ("sqs", "SendMessageBatch", {}),
        ("sqs", "SendMessageBatch", {"Entries": [None, "tea"]}),
        ("sqs", "ReceiveMessage", {"MessageAttributeNames": "All"}),
        ("sqs", "DeleteMessage", {}),
        ("kinesis", "PutRecord", {}),
        ("kinesis", "PutRecord", {"Data": 7}),
        ("kinesis", "PutRecords", {"Records": None}),
        ("kinesis", "PutRecords", {"Records": [None]}),
        ("events", "PutEvents", {"Entries": [{"Source": "shop"}, {"Detail": 7}, None]}),
        ("states", "StartExecution", {}),
        ("lambda", "Invoke", {"ClientContext": "no base64"}),
        ("lambda", "Invoke", {"ClientContext": 7}),
    ],
)
def test_what_is_not_as_it_should_be_is_left_to_the_library(
    prefix: str, operation: str, params: dict[str, Any]
) -> None:
    assert put(prefix, operation, params) == params


@pytest.mark.parametrize(
    ("asked", "then"),
    [
        (None, [NAME]),
        (["kind"], ["kind", NAME]),
        ([NAME], [NAME]),
        (["All"], ["All"]),
        ([".*"], [".*"]),
    ],
)
def test_a_receiver_asks_for_the_attribute(asked: list[str] | None, then: list[str]) -> None:
    given = {} if asked is None else {"MessageAttributeNames": asked}
    assert put("sqs", "ReceiveMessage", given) == {"MessageAttributeNames": then}


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


MEMBER = f'"{NAME}": {TOGETHER}'


def filled(length: int) -> str:
    """A JSON object of this length."""
    return json.dumps({"t": "t" * (length - len(json.dumps({"t": ""})))})


GROWTH = len(", ") + len(MEMBER)


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        ('{"cup": 1}', f'{{"cup": 1, {MEMBER}}}'),
        (b'{"cup": 1}', f'{{"cup": 1, {MEMBER}}}'.encode()),
        ("{}", f"{{{MEMBER}}}"),
        (" {\n } \n", f" {{\n {MEMBER}}} \n"),
        ('{"n": 1.50, "t": "\\u00e9é" }\n', f'{{"n": 1.50, "t": "\\u00e9é" , {MEMBER}}}\n'),
        (packed('{"cup": 1}'), packed(f'{{"cup": 1, {MEMBER}}}')),
        (packed('{"cup": 1}').encode(), packed(f'{{"cup": 1, {MEMBER}}}').encode()),
        (f'{{"{NAME}": {{"old": "1"}}, "cup": 1}}', f'{{{MEMBER}, "cup": 1}}'),
    ],
)
def test_json_gets_a_member_more_and_is_otherwise_what_it_was(data: str | bytes, sent: str | bytes) -> None:
    assert put("kinesis", "PutRecord", {"Data": data}) == {"Data": sent}


@pytest.mark.parametrize(
    "data",
    [
        "tea",
        b"tea",
        "[1]",
        "7",
        '"{"',
        "null",
        '{"cup": ',
        "",
        b"\xff\x00",
        packed("tea"),
        packed("[1]"),
        "{" * 100_000,
    ],
)
def test_what_is_no_json_object_is_sent_as_it_is(data: str | bytes) -> None:
    assert put("kinesis", "PutRecord", {"Data": data}) == {"Data": data}
    assert put("kinesis", "PutRecords", {"Records": [{"Data": data}]}) == {"Records": [{"Data": data}]}


def test_a_record_stays_below_one_mib() -> None:
    room = (1 << 20) - GROWTH - len("key")
    for length, fits in ((room, True), (room + 1, False)):
        sent = put("kinesis", "PutRecord", {"Data": filled(length), "PartitionKey": "key"})
        assert (NAME in sent["Data"]) == fits


def test_records_stay_below_five_mib_together() -> None:
    lengths = [1 << 19] * 9 + [(1 << 19) - 11 * len("key") - GROWTH - 10, 9]
    records = [{"Data": filled(length), "PartitionKey": "key"} for length in lengths]
    sent = put("kinesis", "PutRecords", {"Records": records})["Records"]
    assert [NAME in each["Data"] for each in sent] == [True] + [False] * 10


def test_an_event_gets_it_where_it_has_a_detail_and_the_request_stays_below_256_kib() -> None:
    entry = {"Source": "shop", "Detail": '{"cup": 1}'}
    assert put("events", "PutEvents", {"Entries": [entry, {"Detail": "tea"}]}) == {
        "Entries": [{"Source": "shop", "Detail": f'{{"cup": 1, {MEMBER}}}'}, {"Detail": "tea"}]
    }
    rest = {"Time": None, "Resources": ["tea"]}
    room = 256 * 1024 - GROWTH - 14 - len("tea")
    for length, fits in ((room, True), (room + 1, False)):
        (sent,) = put("events", "PutEvents", {"Entries": [{"Detail": filled(length), **rest}]})["Entries"]
        assert (NAME in sent["Detail"]) == fits


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ('{"cup": 1}', f'{{"cup": 1, {MEMBER}}}'),
        (f'{{"{NAME}": {{}}}}', f'{{"{NAME}": {{}}}}'),
        ("[]", "[]"),
        (filled(256 * 1024), filled(256 * 1024)),
    ],
)
def test_a_state_machine_gets_it_with_its_input(text: str, sent: str) -> None:
    assert put("states", "StartExecution", {"input": text}) == {"input": sent}
    assert put("states", "StartSyncExecution", {"input": text}) == {"input": sent}


@apart
@pytest.mark.parametrize(
    ("prefix", "operation", "params"),
    [
        ("kinesis", "PutRecord", {"Data": "{}"}),
        ("kinesis", "PutRecords", {"Records": [{"Data": "{}"}]}),
        ("events", "PutEvents", {"Entries": [{"Detail": "{}"}]}),
        ("states", "StartExecution", {"input": "{}"}),
    ],
)
def test_json_stays_as_it_is_where_nobody_wants_a_member_in_it(
    prefix: str, operation: str, params: dict[str, Any]
) -> None:
    assert put(prefix, operation, params) == params


@pytest.mark.parametrize("envelope", [False, True], indirect=True)
@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (None, {"custom": PAIRS}),
        ({"client": 1}, {"client": 1, "custom": PAIRS}),
        ({"custom": {"cup": 1}}, {"custom": {"cup": 1, **PAIRS}}),
        ({"custom": 7}, {"custom": 7}),
        ({"t": "t" * 2_700}, {"t": "t" * 2_700}),
    ],
)
def test_a_function_gets_it_with_its_client_context(given: dict[str, Any] | None, sent: dict[str, Any]) -> None:
    params = {} if given is None else {"ClientContext": packed(json.dumps(given))}
    changed = put("lambda", "Invoke", params)
    assert json.loads(base64.b64decode(changed["ClientContext"])) == sent


@pytest.mark.parametrize("envelope", [False, True], indirect=True)
def test_in_a_client_context_it_can_stand_under_the_envelopes_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}AWS_NESTED_CONTEXT", "true")
    changed = put("lambda", "Invoke", {"ClientContext": packed('{"custom": {"cup": 1}}')})
    name = aws_messages.envelope()
    told = PAIRS if name is None else {name: PAIRS}
    assert json.loads(base64.b64decode(changed["ClientContext"])) == {"custom": {"cup": 1, **told}}


def test_a_client_context_may_come_as_bytes() -> None:
    changed = put("lambda", "Invoke", {"ClientContext": packed("{}").encode()})
    assert json.loads(base64.b64decode(changed["ClientContext"])) == {"custom": PAIRS}


KIND = {"DataType": "String", "StringValue": "green"}
DATA = {"DataType": "Binary", "BinaryValue": b"\0\1"}
OURS = {NAME: {"DataType": "String", "StringValue": "{}"}}


@pytest.mark.parametrize(
    ("asked", "attributes", "then"),
    [
        (None, OURS, None),
        ([], OURS, None),
        (["kind"], {"kind": KIND, **OURS}, {"kind": KIND}),
        (["kind", "data"], {"kind": KIND, "data": DATA, **OURS}, {"kind": KIND, "data": DATA}),
        (["kind"], {"kind": KIND}, {"kind": KIND}),
        ([NAME], OURS, OURS),
        (["All"], {"kind": KIND, **OURS}, {"kind": KIND, **OURS}),
        ([".*"], OURS, OURS),
        ([NAME[:3] + ".*"], OURS, OURS),
    ],
)
def test_attributes_that_only_we_asked_for_are_taken_out_of_the_response(
    asked: list[str] | None, attributes: dict[str, Any], then: dict[str, Any] | None
) -> None:
    params = {} if asked is None else {"MessageAttributeNames": asked}
    message = {"Body": "tea", "MessageAttributes": attributes, "MD5OfMessageAttributes": "theirs"}
    response = {"Messages": [message, {"Body": "bare"}], "ResponseMetadata": {}}
    before = copy.deepcopy(response)
    changed = aws_messages.as_asked("sqs", "ReceiveMessage", params, response)
    assert response == before, "what is given is never changed"
    first, second = changed["Messages"]
    assert (first.get("MessageAttributes"), second) == (then, {"Body": "bare"})
    assert ("MD5OfMessageAttributes" in first) == (then is not None)
    assert (changed is response) == (then == attributes)


def test_the_digest_is_that_of_the_attributes_that_are_left() -> None:
    # As SQS answers for these two; see its documentation, calculating the MD5 message digest.
    message = {"MessageAttributes": {"kind": KIND, "data": DATA, **OURS}, "MD5OfMessageAttributes": "theirs"}
    asked = {"MessageAttributeNames": ["kind", "data"]}
    changed = aws_messages.as_asked("sqs", "ReceiveMessage", asked, {"Messages": [message]})
    parts = b"".join(
        len(part).to_bytes(4, "big") + part if isinstance(part, bytes) else bytes([part])
        for part in (b"data", b"Binary", 2, b"\0\1", b"kind", b"String", 1, b"green")
    )
    assert changed["Messages"][0]["MD5OfMessageAttributes"] == hashlib.md5(parts).hexdigest()


@pytest.mark.parametrize("response", [None, "x", {}, {"Messages": None}, {"Messages": ["x", {"MessageAttributes": 7}]}])
def test_a_response_of_another_shape_stays(response: object) -> None:
    assert aws_messages.as_asked("sqs", "ReceiveMessage", {}, response) is response
    assert aws_messages.as_asked("sns", "Publish", {}, response) is response


TRACE, SPAN = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
SENT = {"traceparent": f"00-{TRACE:032x}-{SPAN:016x}-01"}


def told(*messages: object) -> list[tuple[int, int]]:
    contexts = aws_messages.received("sqs", "ReceiveMessage", {"Messages": list(messages)})
    return [(context.trace_id, context.span_id) for context in contexts]


def notification(attribute: dict[str, str]) -> dict[str, str]:
    return {"Body": json.dumps({"Type": "Notification", "MessageAttributes": {NAME: attribute}})}


@pytest.mark.parametrize(
    "message",
    [
        {"MessageAttributes": {NAME: {"StringValue": json.dumps(SENT), "DataType": "String"}}},
        {"MessageAttributes": {NAME: {"BinaryValue": json.dumps(SENT).encode(), "DataType": "Binary"}}},
        notification({"Type": "Binary", "Value": packed(json.dumps(SENT))}),
        notification({"Type": "String", "Value": json.dumps(SENT)}),
        {"Body": json.dumps({"detail-type": "order", "detail": {"cup": 1, NAME: SENT}})},
    ],
)
def test_a_message_tells_where_it_was_sent(message: dict[str, Any]) -> None:
    assert told(message) == [(TRACE, SPAN)]
    assert told(message, message) == [(TRACE, SPAN)]


@apart
def test_a_message_tells_it_with_an_attribute_for_each_pair() -> None:
    assert told({"MessageAttributes": {"traceparent": {"StringValue": SENT["traceparent"]}}}) == [(TRACE, SPAN)]
    body = {"Type": "Notification", "MessageAttributes": {"traceparent": {"Value": SENT["traceparent"]}}}
    assert told({"Body": json.dumps(body)}) == [(TRACE, SPAN)]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"Body": "tea"},
        {"Body": '{"Type": "Notification"'},
        {"Body": '{"Type": "Notification", "MessageAttributes": 7}'},
        {"MessageAttributes": {NAME: {"StringValue": "tea"}}},
        {"MessageAttributes": {NAME: {"StringValue": "{}"}}},
        {"MessageAttributes": {NAME: {"StringValue": '{"traceparent": 7}'}}},
        {"MessageAttributes": {NAME: {"BinaryValue": b"\xff"}}},
        notification({"Type": "Binary", "Value": "no base64"}),
        {"Body": json.dumps({"detail": NAME})},
        {"Body": json.dumps({"detail": {NAME: "tea"}})},
    ],
)
def test_a_message_that_bears_nothing_tells_nothing(message: dict[str, Any]) -> None:
    assert told(message) == []


def test_nothing_but_messages_is_looked_at() -> None:
    assert aws_messages.received("logs", "ReceiveMessage", {"Messages": [7]}) == []
    assert aws_messages.received("sqs", "ReceiveMessage", {}) == []
