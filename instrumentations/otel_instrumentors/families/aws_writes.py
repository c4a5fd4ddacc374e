"""Digests of what a call has written to S3 or DynamoDB; whoever reads it later computes the same ones.

They are made of what names the thing (bucket, key and version of an object; table and primary key of an item), and tell
nothing of it. Where the primary key is not known there is none: of what is put into DynamoDB it is, where the variable
`OTEL_INSTRUMENTATION_AWS_TABLE_KEYS` has the names of its attributes, as JSON: `{"table": ["name"]}`.
`OTEL_INSTRUMENTATION_AWS_DIGESTS=false` switches all of them off.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from opentelemetry.util.types import AttributeValue

from ..kernel.switch import PREFIX, is_on
from ..semconv import aws

Params = Mapping[str, Any]
Written = Callable[[Params, Params], dict[str, AttributeValue]]


def written(prefix: str, operation: str, params: object, response: object) -> dict[str, AttributeValue] | None:
    """The attributes that tell what a call with these parameters has written, by its response."""
    told = _WRITING.get((prefix, operation))
    if told is None or not isinstance(params, Mapping) or not isinstance(response, Mapping):
        return None
    if not is_on("AWS_DIGESTS", otherwise=True):
        return None
    return told(params, response)


def _object(params: Params, response: Params) -> dict[str, AttributeValue]:
    bucket, key, tag = params.get("Bucket"), params.get("Key"), response.get("ETag")
    if not (isinstance(bucket, str) and isinstance(key, str) and isinstance(tag, str)):
        return {}
    parts = (bucket.encode(), key.encode(), tag.strip('"').encode())
    return {aws.AWS_S3_OBJECT_DIGEST: aws.digest(*parts)}


def _copy(params: Params, response: Params) -> dict[str, AttributeValue]:
    result = response.get("CopyObjectResult")
    return _object(params, result) if isinstance(result, Mapping) else {}


def _item(params: Params, _response: Params) -> dict[str, AttributeValue]:
    return _items([(params.get("TableName"), params.get("Key"))])


def _put(params: Params, _response: Params) -> dict[str, AttributeValue]:
    return _items([(params.get("TableName"), _key_of(params))])


def _batch(params: Params, response: Params) -> dict[str, AttributeValue]:
    """The items put and deleted: nothing where the key of one is not known, or the service has left some for later."""
    if response.get("UnprocessedItems"):
        return {}
    requests = [(table, request) for table, requests in params["RequestItems"].items() for request in requests]
    keys = [
        request["DeleteRequest"]["Key"]
        if "DeleteRequest" in request
        else _key_of({"TableName": table, **request.get("PutRequest", {})})
        for table, request in requests
    ]
    if None in keys:
        return {}
    return _items([(table, key) for (table, _), key in zip(requests, keys, strict=True)])


def _transaction(params: Params, _response: Params) -> dict[str, AttributeValue]:
    steps = [step for item in params["TransactItems"] for action, step in item.items() if action in _KEYED]
    return _items([(step.get("TableName"), step.get("Key") or _key_of(step)) for step in steps])


def _key_of(step: Params) -> Params | None:
    """The primary key of an item that is put, where its names are known and the item has them."""
    item, names = step.get("Item"), _names(os.environ.get(f"{PREFIX}AWS_TABLE_KEYS", "")).get(step.get("TableName"))
    if not names or not isinstance(item, Mapping) or not all(name in item for name in names):
        return None
    return {name: item[name] for name in names}


@functools.cache
def _names(tables: str) -> Mapping[Any, list[str]]:
    try:
        found = json.loads(tables) if tables else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _items(named: list[tuple[Any, Any]]) -> dict[str, AttributeValue]:
    digests = [digest for table, key in named if (digest := _digest(table, key))]
    return {aws.AWS_DYNAMODB_ITEM_DIGESTS: digests} if digests else {}


def _digest(table: object, key: object) -> str:
    """Of the table's name, and the names and values of one or two attributes, by name."""
    if not isinstance(table, str) or not isinstance(key, Mapping) or len(key) not in (1, 2):
        return ""
    parts = [part for name in sorted(key) for part in (name.encode(), *_plain(key[name]))]
    if len(parts) != 2 * len(key):
        return ""
    return aws.digest(table.encode(), *parts, *([b""] * (4 - len(parts))))


def _plain(value: object) -> Iterator[bytes]:
    """The value of a key: as the service's protocol has it (`{"S": "x"}`), or as boto3's resources have it (`"x"`)."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((kind, value),) = value.items()
        if kind not in ("S", "N", "B"):
            return
    value = getattr(value, "value", value)  # boto3's Binary
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, (str, int, Decimal)) and not isinstance(value, bool):
        yield str(value).encode()


_KEYED = ("Delete", "Put", "Update")

_WRITING: dict[tuple[str, str], Written] = {
    ("s3", "PutObject"): _object,
    ("s3", "CompleteMultipartUpload"): _object,
    ("s3", "CopyObject"): _copy,
    ("dynamodb", "PutItem"): _put,
    ("dynamodb", "UpdateItem"): _item,
    ("dynamodb", "DeleteItem"): _item,
    ("dynamodb", "BatchWriteItem"): _batch,
    ("dynamodb", "TransactWriteItems"): _transaction,
}
