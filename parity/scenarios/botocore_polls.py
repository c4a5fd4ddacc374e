"""botocore: polls of a queue, where ddtrace's variable asks for no spans of empty ones."""

from __future__ import annotations

import os
import urllib.request

from botocore.session import get_session
from steps import step

SERVERS = ("aws",)
SETTINGS = {"DD_SERVICE": "Teahouse", "DD_BOTOCORE_EMPTY_POLL_ENABLED": "false"}
URL = os.environ["TEST_AWS_URL"]

urllib.request.urlopen(urllib.request.Request(f"{URL}/moto-api/reset", method="POST")).close()
sqs = get_session().create_client(
    "sqs", region_name="us-east-1", endpoint_url=URL, aws_access_key_id="key", aws_secret_access_key="secret"
)

with step("a queue"):
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]

with step("an empty poll"):
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)

with step("a message"):
    sqs.send_message(QueueUrl=queue, MessageBody="tea")
    assert len(sqs.receive_message(QueueUrl=queue)["Messages"]) == 1
