"""botocore: keys of tables that are told, Lambda's context under one name, and parsing, as ddtrace's variables say."""

from __future__ import annotations

import base64
import functools
import json
import os
import urllib.request
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session
from steps import saw, step

SERVERS = ("aws",)
SETTINGS = {
    "DD_SERVICE": "Teahouse",
    "DD_BOTOCORE_DYNAMODB_TABLE_PRIMARY_KEYS": '{"cups": ["kind"], "pots": ["kind", "number"]}',
    "DD_BOTOCORE_INVOKE_WITH_LEGACY_CONTEXT": "true",
    "DD_BOTOCORE_INSTRUMENT_INTERNALS": "true",
}
URL = os.environ["TEST_AWS_URL"]
EMPTY = base64.b64encode(b"{}").decode()

urllib.request.urlopen(urllib.request.Request(f"{URL}/moto-api/reset", method="POST")).close()


@functools.cache
def client(service: str) -> Any:
    return get_session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=URL,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 0}),
    )


bodies: list[dict[str, Any]] = []
client("lambda").meta.events.register("before-call.lambda.Invoke", lambda params, **_event: bodies.append(params))
dynamodb = client("dynamodb")

with step("tables"):
    for table, names in (("cups", ["kind"]), ("pots", ["kind", "number"]), ("lids", ["kind"])):
        dynamodb.create_table(
            TableName=table,
            KeySchema=[
                {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            BillingMode="PAY_PER_REQUEST",
        )

GREEN = {"kind": {"S": "green"}, "number": {"S": "1"}, "full": {"BOOL": True}}

with step("an item is put"):
    dynamodb.put_item(TableName="cups", Item=GREEN)

with step("into a table with two keys"):
    dynamodb.put_item(TableName="pots", Item=GREEN)

with step("into one whose key is not told"):
    dynamodb.put_item(TableName="lids", Item=GREEN)

with step("several are put and deleted"):
    deleted = {"DeleteRequest": {"Key": {"kind": {"S": "green"}}}}
    black = {"PutRequest": {"Item": {**GREEN, "kind": {"S": "black"}}}}
    dynamodb.batch_write_item(RequestItems={"cups": [deleted, black]})

with step("one of them into a table whose key is not told"):
    white = {"PutRequest": {"Item": {**GREEN, "kind": {"S": "white"}}}}
    grey = {"PutRequest": {"Item": {**GREEN, "kind": {"S": "grey"}}}}
    dynamodb.batch_write_item(RequestItems={"cups": [white], "lids": [grey]})

with step("in a transaction"):
    red = {**GREEN, "kind": {"S": "red"}}
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "cups", "Item": red}}])

with step("a function that is not there", ClientError):
    client("lambda").invoke(FunctionName="brew", Payload=b"{}")

context = json.loads(base64.b64decode(bodies[0]["headers"].get("X-Amz-Client-Context", EMPTY)))
custom = context.get("custom", {})
saw("context", {"names": ",".join(sorted(custom)), "below": ",".join(sorted(custom.get("_datadog", ())))})
