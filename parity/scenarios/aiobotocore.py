"""aiobotocore: S3, SQS, SNS, DynamoDB and Kinesis, page by page, with waiters, read bodies and errors."""

from __future__ import annotations

import asyncio
import os
import urllib.request
from contextlib import AsyncExitStack
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from steps import saw, step

SERVERS = ("aws",)
SETTINGS = {"DD_TRACE_AIOBOTOCORE_ENABLED": "true"}
URL = os.environ["TEST_AWS_URL"]

# Each side begins with nothing.
urllib.request.urlopen(urllib.request.Request(f"{URL}/moto-api/reset", method="POST")).close()


def client(service: str, url: str = URL, region: str = "us-east-1") -> Any:
    return get_session().create_client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=AioConfig(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
    )


async def main() -> None:
    async with AsyncExitStack() as open_clients:
        opened = open_clients.enter_async_context
        s3, sqs, sns = [await opened(client(name)) for name in ("s3", "sqs", "sns")]

        with step("a bucket and an object"):
            await s3.create_bucket(Bucket="cups")
            await s3.put_object(Bucket="cups", Key="green/1", Body=b"tea")

        with step("read"):
            answer = await s3.get_object(Bucket="cups", Key="green/1")
            async with answer["Body"] as body:
                assert await body.read() == b"tea"

        with step("at the same time"):
            await asyncio.gather(*(s3.put_object(Bucket="cups", Key=f"pot/{n}", Body=b"tea") for n in range(2)))

        with step("page by page"):
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket="cups", PaginationConfig={"PageSize": 2})
            assert [len(page["Contents"]) async for page in pages] == [2, 1]

        with step("waited for"):
            await s3.get_waiter("object_exists").wait(Bucket="cups", Key="green/1")

        with step("no such object", ClientError):
            await s3.get_object(Bucket="cups", Key="none")

        with step("a URL for others"):
            await s3.generate_presigned_url("get_object", Params={"Bucket": "cups", "Key": "green/1"})

        with step("nobody listens", EndpointConnectionError):
            async with client("s3", "http://127.0.0.1:1") as nobody:
                await nobody.list_buckets()

        with step("wrong parameters", ParamValidationError):
            await s3.put_object(Bucket="cups", Key=7)

        with step("a queue"):
            queue = (await sqs.create_queue(QueueName="orders"))["QueueUrl"]
            await sqs.list_queues()

        with step("a message"):
            await sqs.send_message(QueueUrl=queue, MessageBody="tea")

        with step("received"):
            (message,) = (await sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]))["Messages"]
            saw("message", {"attributes": str(sorted(message.get("MessageAttributes", {})))})

        with step("no such queue", ClientError):
            await sqs.send_message(QueueUrl=f"{URL}/123456789012/none", MessageBody="tea")

        with step("a topic, and a notification"):
            topic = (await sns.create_topic(Name="news"))["TopicArn"]
            await sns.publish(TopicArn=topic, Message="tea")

        with step("a table"):
            dynamodb = await opened(client("dynamodb"))
            await dynamodb.create_table(
                TableName="cups",
                KeySchema=[{"AttributeName": "kind", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "kind", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )

        with step("an item is deleted"):
            await dynamodb.delete_item(TableName="cups", Key={"kind": {"S": "green"}})

        with step("a stream"):
            kinesis = await opened(client("kinesis"))
            await kinesis.create_stream(StreamName="orders", ShardCount=1)

        with step("another region"):
            china = await opened(client("sqs", region="cn-north-1"))
            await china.list_queues()


asyncio.run(main())
