"""boto 2: EC2, SNS, STS, S3, Kinesis and DynamoDB, errors."""

from __future__ import annotations

import os
import urllib.request
from urllib.parse import urlsplit

import boto
import boto.dynamodb2
import boto.ec2
import boto.exception
import boto.kinesis
import boto.s3.connection
import boto.sns
import boto.sts
from steps import step

SERVERS = ("aws",)
SETTINGS = {"PYTHONWARNINGS": "ignore"}
URL = os.environ["TEST_AWS_URL"]

# Each side begins with nothing.
urllib.request.urlopen(urllib.request.Request(f"{URL}/moto-api/reset", method="POST")).close()
boto.config.add_section("Boto")
boto.config.set("Boto", "num_retries", "0")

os.environ.pop("NO_PROXY", None)
# By a proxy: so the hosts are those of AWS, by which services and regions are known.
there = urlsplit(URL)
reached = {
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
    "proxy": there.hostname,
    "proxy_port": str(there.port),
    "is_secure": False,
}

ec2 = boto.ec2.connect_to_region("us-west-2", **reached)
with step("a query"):
    assert ec2.get_all_reservations() == []

with step("a query that is refused", boto.exception.EC2ResponseError):
    ec2.get_all_reservations(["i-0123456789"])

sns = boto.sns.connect_to_region("us-west-2", **reached)
with step("a topic, and a notification"):
    topic = sns.create_topic("news")["CreateTopicResponse"]["CreateTopicResult"]["TopicArn"]
    sns.publish(topic, "tea")

with step("another service"):
    boto.sts.connect_to_region("us-gov-west-1", **reached).get_session_token()

ways = boto.s3.connection.OrdinaryCallingFormat()
s3 = boto.s3.connection.S3Connection(calling_format=ways, **reached)
with step("a bucket"):
    bucket = s3.create_bucket("cups")
    assert [each.name for each in s3.get_all_buckets()] == ["cups"]

with step("an object"):
    key = bucket.new_key("tea")
    key.set_contents_from_string("green")
    assert bucket.get_key("tea").get_contents_as_string() == b"green"

with step("an object that is not there"):
    assert bucket.get_key("none") is None

with step("all objects"):
    assert [each.name for each in bucket] == ["tea"]

with step("a bucket that is not there", boto.exception.S3ResponseError):
    s3.get_bucket("none")

with step("by JSON"):
    boto.kinesis.connect_to_region("us-west-2", **reached).list_streams()
    boto.dynamodb2.connect_to_region("us-west-2", **reached).list_tables()

reached["proxy_port"] = "1"
with step("nobody listens, to a query", OSError):
    boto.ec2.connect_to_region("us-west-2", **reached).get_all_regions()

with step("nobody listens", OSError):
    boto.s3.connection.S3Connection(calling_format=ways, **reached).get_all_buckets()
