"""botocore: S3, SQS, SNS, Kinesis, DynamoDB, EventBridge, Lambda and Step Functions, and what each message bears."""

from __future__ import annotations

import base64
import functools
import json
import os
import urllib.request
from collections.abc import Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from botocore.session import get_session
from steps import saw, step

SERVERS = ("aws",)
SETTINGS = {"DD_SERVICE": "Teahouse", "DD_SERVICE_MAPPING": "aws.events:happenings"}
URL = os.environ["TEST_AWS_URL"]
EMPTY = base64.b64encode(b"{}").decode()

# Each side begins with nothing.
urllib.request.urlopen(urllib.request.Request(f"{URL}/moto-api/reset", method="POST")).close()


@functools.cache
def client(service: str, url: str = URL, region: str = "us-east-1") -> Any:
    return get_session().create_client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
    )


def note(params: dict[str, Any], model: Any, **_event: Any) -> None:
    """What a call is about to send."""
    bodies[model.name] = params


bodies: dict[str, dict[str, Any]] = {}
for service, event in (
    ("events", "eventbridge.PutEvents"),
    ("lambda", "lambda.Invoke"),
    ("sns", "sns.Publish"),
    ("sns", "sns.PublishBatch"),
    ("stepfunctions", "sfn.StartExecution"),
):
    client(service).meta.events.register(f"before-call.{event}", note)

s3, sqs, sns = client("s3"), client("sqs"), client("sns")

with step("a bucket and an object"):
    s3.create_bucket(Bucket="cups")
    s3.put_object(Bucket="cups", Key="green/1", Body=b"tea")

with step("read"):
    assert s3.get_object(Bucket="cups", Key="green/1")["Body"].read() == b"tea"

with step("copied"):
    s3.copy_object(Bucket="cups", Key="green/2", CopySource={"Bucket": "cups", "Key": "green/1"})

with step("sent in parts"):
    upload = s3.create_multipart_upload(Bucket="cups", Key="pot")["UploadId"]
    part = s3.upload_part(Bucket="cups", Key="pot", UploadId=upload, PartNumber=1, Body=b"tea")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="cups", Key="pot", UploadId=upload, MultipartUpload=parts)

with step("page by page"):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="cups", PaginationConfig={"PageSize": 2})
    assert sum(len(page["Contents"]) for page in pages) == 3

with step("no such object", ClientError):
    s3.get_object(Bucket="cups", Key="none")

with step("a head without a body", ClientError):
    s3.head_object(Bucket="cups", Key="none")

with step("no such bucket", ClientError):
    s3.list_objects(Bucket="none")

with step("a URL for others"):
    s3.generate_presigned_url("get_object", Params={"Bucket": "cups", "Key": "green/1"})

with step("all buckets"):
    s3.list_buckets()

with step("nobody listens", EndpointConnectionError):
    client("s3", "http://127.0.0.1:1").list_buckets()

with step("wrong parameters", ParamValidationError):
    s3.put_object(Bucket="cups", Key=7)

with step("a queue"):
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    sqs.list_queues()
    sqs.get_queue_url(QueueName="orders")


def see(pairs: Mapping[str, str]) -> None:
    """The context that something bears. The members of lists one by one: their order means nothing."""
    seen: dict[str, str] = {}
    for key, text in pairs.items():
        if key == "tracestate":
            for member, _, value in (part.partition("=") for part in text.split(",")):
                seen.update((f"tracestate {member} {key}", each) for key, _, each in map(split, value.split(";")))
        else:
            seen[key] = text
    saw("headers", seen)


def split(part: str) -> tuple[str, str, str]:
    return part.partition(":")


def read(*asked: str) -> None:
    """Tells what the messages in the queue bear, and deletes them."""
    contexts = []
    names = [*asked, "_datadog"]
    for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=names)["Messages"]:
        attributes = dict(message.get("MessageAttributes", {}))
        ours = attributes.pop("_datadog", {})
        contexts.append(ours.get("StringValue", "{}"))
        saw(message["Body"], {"type": ours.get("DataType", "none"), "others": json.dumps(attributes, sort_keys=True)})
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert len(set(contexts)) == 1
    see(json.loads(contexts[0]))


def one(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


with step("a message"):
    sqs.send_message(QueueUrl=queue, MessageBody="tea")

with step("received"):
    read()

with step("nothing to receive"):
    sqs.receive_message(QueueUrl=queue)

with step("a message for somebody who asks for no attributes"):
    sqs.send_message(QueueUrl=queue, MessageBody="tea")
    (unread,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    saw("message", {"attributes": str(sorted(unread.get("MessageAttributes", {})))})
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=unread["ReceiptHandle"])

with step("a message with attributes"):
    sqs.send_message(QueueUrl=queue, MessageBody="tea", MessageAttributes={"kind": one("green")})
    read("kind")

with step("a message with nine attributes"):
    sqs.send_message(QueueUrl=queue, MessageBody="tea", MessageAttributes={f"a{n}": one("1") for n in range(9)})
    read("All")

with step("a message with ten attributes"):
    sqs.send_message(QueueUrl=queue, MessageBody="tea", MessageAttributes={f"a{n}": one("1") for n in range(10)})
    read("All")

with step("a batch"):
    sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": str(n), "MessageBody": f"cup {n}"} for n in range(10)])
    read()

with step("no such queue", ClientError):
    sqs.send_message(QueueUrl=f"{URL}/123456789012/none", MessageBody="tea")

with step("a topic"):
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.list_topics()


def look(what: str, text: str) -> None:
    """Tells what a JSON object that was sent is made of, and what context it bears."""
    members = json.loads(text)
    context = members.pop("_datadog", {})
    saw(what, {"members": json.dumps(members, sort_keys=True)})
    see(context)


with step("a notification"):
    sns.publish(TopicArn=topic, Message="tea", MessageAttributes={"kind": one("green")})
    body = bodies["Publish"]["body"]
    names = {key: str(value) for key, value in body.items() if key.startswith("MessageAttributes")}
    encoded = next((names.pop(key) for key in list(names) if key.endswith("BinaryValue")), EMPTY)
    saw("attributes", names)
    see(json.loads(base64.b64decode(encoded)))

with step("a batch of notifications"):
    sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "tea"}])
    saw("attributes", dict.fromkeys(bodies["PublishBatch"]["body"], "there"))

with step("no such topic", ClientError):
    sns.publish(TopicArn=f"{topic}-none", Message="tea")

with step("no topic at all", ClientError):
    sns.publish(Message="tea", TargetArn="arn:aws:sns:us-east-1:123456789012:endpoint/none")

kinesis = client("kinesis")
with step("a stream"):
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    shard = kinesis.describe_stream(StreamName="orders")["StreamDescription"]["Shards"][0]["ShardId"]

with step("a record"):
    kinesis.put_record(StreamName="orders", Data='{"cup": 1}', PartitionKey="1")

with step("records of all kinds"):
    packed = base64.b64encode(b'{"cup": 4}')
    data = [b'{"cup": 2}\n', '{"cup": "drei", "n": 1.50}', packed, b"no json", b"\xff\x00"]
    kinesis.put_records(StreamName="orders", Records=[{"Data": each, "PartitionKey": "1"} for each in data])

with step("records, read"):
    place = kinesis.get_shard_iterator(StreamName="orders", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    got = [record["Data"] for record in kinesis.get_records(ShardIterator=place["ShardIterator"])["Records"]]

with step("what the records are"):
    saw("ends", {str(number): repr(each[-1:]) for number, each in enumerate(got[:3])})
    saw("no JSON", {str(number): repr(each) for number, each in enumerate(got[4:])})

for number, each in enumerate(got[:3]):
    with step(f"record {number}"):
        look("record", each.decode())

with step("the record in base64"):
    saw("record", {"is base64": str(not got[3].startswith(b"{"))})
    look("record", (got[3] if got[3].startswith(b"{") else base64.b64decode(got[3])).decode())

dynamodb = client("dynamodb")
with step("a table"):
    dynamodb.create_table(
        TableName="cups",
        KeySchema=[{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "kind", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )

key = {"kind": {"S": "green"}, "number": {"N": "1"}}
with step("an item"):
    dynamodb.put_item(TableName="cups", Item=key)
    dynamodb.get_item(TableName="cups", Key=key)

with step("an item is changed"):
    change = {"full": {"Value": {"BOOL": True}, "Action": "PUT"}}
    dynamodb.update_item(TableName="cups", Key=key, AttributeUpdates=change)

with step("an item is deleted"):
    dynamodb.delete_item(TableName="cups", Key=key)

with step("items in a batch"):
    dynamodb.batch_write_item(RequestItems={"cups": [{"DeleteRequest": {"Key": key}}]})

with step("items in a transaction"):
    dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "cups", "Item": {"kind": {"S": "black"}, "number": {"N": "7"}}}},
            {"Delete": {"TableName": "cups", "Key": key}},
        ]
    )

with step("a query"):
    dynamodb.query(
        TableName="cups",
        KeyConditionExpression="kind = :kind",
        ExpressionAttributeValues={":kind": {"S": "green"}},
    )

with step("no such table", ClientError):
    dynamodb.scan(TableName="none")

with step("an event"):
    client("events").put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": '{"order": 7}'}])
    (entry,) = json.loads(bodies["PutEvents"]["body"])["Entries"]
    look("detail", entry["Detail"])

with step("an event that is no JSON"):
    client("events").put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": "tea"}])

with step("a rule"):
    client("events").put_rule(Name="five", ScheduleExpression="rate(1 day)")

with step("a function that is not there", ClientError):
    client("lambda").invoke(FunctionName="brew", Payload=b"{}")

with step("what the function would have found"):
    headers = {name.lower(): value for name, value in bodies["Invoke"]["headers"].items()}
    context = json.loads(base64.b64decode(headers.get("x-amz-client-context", EMPTY)))
    see(context.get("custom", {}))

with step("a state machine"):
    machine = client("stepfunctions").create_state_machine(
        name="brewing",
        definition=json.dumps({"StartAt": "done", "States": {"done": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/brewer",
    )["stateMachineArn"]
    client("stepfunctions").start_execution(stateMachineArn=machine, input='{"cups": 2}')

with step("a state machine that is not there", ClientError):
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:none"
    client("stepfunctions").start_execution(stateMachineArn=arn, input='{"cups": 2}')

with step("what the state machine would have found"):
    look("input", json.loads(bodies["StartExecution"]["body"])["input"])

with step("another region"):
    client("sqs", region="cn-north-1").list_queues()
    client("sqs", region="us-gov-west-1").list_queues()

with step("a service with a name of its own"):
    client("cloudwatch").list_metrics()
