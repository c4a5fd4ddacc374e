"""botocore: a span for each call of the AWS API, boto3's included, its context in what is sent."""

from __future__ import annotations

from .families import aws
from .kernel.instrumentor import Instrumentor


class BotocoreInstrumentor(Instrumentor):
    options = aws.OPTIONS
    hooks = {
        "botocore.client": {"BaseClient._make_api_call": aws.api_call()},
        "botocore.signers": {"RequestSigner.sign": aws.signing()},
    }
