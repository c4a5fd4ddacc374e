"""aiobotocore: a span for each call of the AWS API, its context in what is sent."""

from __future__ import annotations

from .families import aws
from .kernel.instrumentor import Instrumentor


class AiobotocoreInstrumentor(Instrumentor):
    options = aws.OPTIONS
    hooks = {
        "aiobotocore.client": {"AioBaseClient._make_api_call": aws.api_call()},
        # Before 1.0 botocore signs.
        "aiobotocore.args": {"AioRequestSigner.sign": aws.signing(), "RequestSigner.sign": aws.signing()},
    }
