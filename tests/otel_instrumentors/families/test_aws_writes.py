"""Digests of what AWS calls have written; those expected are what other tracers make of the same."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from otel_instrumentors.families.aws_writes import written
from otel_instrumentors.kernel.switch import PREFIX

OBJECT = "aws.s3.object.digest"
ITEMS = "aws.dynamodb.item.digests"
TEXT, PAIR, BYTES = (
    "d2918414f60282f82e4b7ca15339ddd1",
    "a885ddb175d8bc46b20a481b48a4b32a",
    "fae9d9e6f345bbafd8690641c3fc4583",
)
KEY = {"cup": {"S": "grün"}}
STEP = {"TableName": "cups", "Key": KEY}


@pytest.mark.parametrize(
    ("operation", "response"),
    [
        ("PutObject", {"ETag": '"abc"'}),
        ("PutObject", {"ETag": "abc"}),
        ("CompleteMultipartUpload", {"ETag": '"abc"'}),
        ("CopyObject", {"CopyObjectResult": {"ETag": '"abc"'}}),
    ],
)
def test_an_object_is_its_bucket_its_key_and_its_version(operation: str, response: dict[str, Any]) -> None:
    told = written("s3", operation, {"Bucket": "cups", "Key": "grün/1"}, response)
    assert told == {OBJECT: "21ab061a2ab0e4597fc75183da673e9d"}


@pytest.mark.parametrize("operation", ["UpdateItem", "DeleteItem"])
@pytest.mark.parametrize(
    ("key", "digest"),
    [
        (KEY, TEXT),
        ({"cup": "grün"}, TEXT),
        ({"number": {"N": "7"}, "kind": {"S": "green"}}, PAIR),
        ({"number": 7, "kind": "green"}, PAIR),
        ({"number": Decimal("7.50")}, "4cded11def65ef7978ee71f97b287c5e"),
        ({"b": {"B": b"\x01"}}, BYTES),
        ({"b": b"\x01"}, BYTES),
        ({"b": SimpleNamespace(value=b"\x01")}, BYTES),
    ],
)
def test_an_item_is_its_table_and_its_primary_key(operation: str, key: dict[str, Any], digest: str) -> None:
    assert written("dynamodb", operation, {"TableName": "cups", "Key": key}, {}) == {ITEMS: [digest]}


def test_several_items_are_told_one_by_one() -> None:
    steps = [{"Delete": STEP}, {"Put": {"TableName": "cups", "Item": KEY}}, {"Update": STEP}, {"ConditionCheck": STEP}]
    assert written("dynamodb", "TransactWriteItems", {"TransactItems": steps}, {}) == {ITEMS: [TEXT, TEXT]}
    requests = {"cups": [{"DeleteRequest": {"Key": KEY}}]}
    assert written("dynamodb", "BatchWriteItem", {"RequestItems": requests}, {}) == {ITEMS: [TEXT]}


@pytest.mark.parametrize(
    ("prefix", "operation", "params", "response"),
    [
        ("s3", "GetObject", {"Bucket": "cups", "Key": "1"}, {"ETag": "abc"}),
        ("s3", "PutObject", {"Bucket": "cups", "Key": "1"}, {}),
        ("s3", "CopyObject", {"Bucket": "cups", "Key": "1"}, {}),
        ("s3", "PutObject", None, None),
        ("dynamodb", "PutItem", {"TableName": "cups", "Item": KEY}, {}),
        ("dynamodb", "DeleteItem", {"TableName": "cups"}, {}),
        ("dynamodb", "DeleteItem", {"TableName": "cups", "Key": {}}, {}),
        ("dynamodb", "DeleteItem", {"TableName": "cups", "Key": dict.fromkeys("abc", "1")}, {}),
        ("dynamodb", "DeleteItem", {"TableName": "cups", "Key": {"a": {"BOOL": True}}}, {}),
        ("dynamodb", "DeleteItem", {"TableName": "cups", "Key": {"a": True}}, {}),
        ("dynamodb", "DeleteItem", {"TableName": "cups", "Key": {"a": {"S": "1"}, "b": None}}, {}),
        ("dynamodb", "BatchWriteItem", {"RequestItems": {"cups": [{"PutRequest": {"Item": KEY}}]}}, {}),
        (
            "dynamodb",
            "BatchWriteItem",
            {"RequestItems": {"cups": [{"DeleteRequest": {"Key": KEY}}]}},
            {"UnprocessedItems": {"cups": [{"DeleteRequest": {"Key": KEY}}]}},
        ),
    ],
)
def test_what_is_not_written_or_not_known_has_no_digest(
    prefix: str, operation: str, params: Any, response: Any
) -> None:
    assert not written(prefix, operation, params, response)


PUT = {"TableName": "cups", "Item": {**KEY, "full": {"BOOL": True}}}


@pytest.fixture
def keys_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}AWS_TABLE_KEYS", '{"cups": ["cup"], "pots": ["number", "kind"]}')


def test_an_item_that_is_put_is_known_where_the_names_of_its_key_are_told(keys_told: None) -> None:
    assert written("dynamodb", "PutItem", PUT, {}) == {ITEMS: [TEXT]}
    pot = {"TableName": "cups", "Item": {"kind": "green"}}
    assert not written("dynamodb", "PutItem", pot, {})
    assert not written("dynamodb", "PutItem", {**PUT, "TableName": "lids"}, {})


def test_items_that_are_put_with_others_are_told_with_them(keys_told: None) -> None:
    requests = [{"PutRequest": {"Item": PUT["Item"]}}, {"DeleteRequest": {"Key": KEY}}]
    assert written("dynamodb", "BatchWriteItem", {"RequestItems": {"cups": requests}}, {}) == {ITEMS: [TEXT, TEXT]}
    assert not written("dynamodb", "BatchWriteItem", {"RequestItems": {"cups": requests, "lids": requests}}, {})
    steps = [{"Put": PUT}, {"Delete": STEP}, {"Put": {**PUT, "TableName": "lids"}}]
    assert written("dynamodb", "TransactWriteItems", {"TransactItems": steps}, {}) == {ITEMS: [TEXT, TEXT]}


@pytest.mark.parametrize("tables", ["no JSON", "[]", "7"])
def test_names_that_cannot_be_read_are_none(tables: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}AWS_TABLE_KEYS", tables)
    assert not written("dynamodb", "PutItem", PUT, {})


def test_digests_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written("dynamodb", "DeleteItem", STEP, {})
    monkeypatch.setenv(f"{PREFIX}AWS_DIGESTS", "false")
    assert not written("dynamodb", "DeleteItem", STEP, {})
