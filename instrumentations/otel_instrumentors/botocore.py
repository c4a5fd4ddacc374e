"""botocore: a span for each call of the AWS API, boto3's included, its context in what is sent."""

from __future__ import annotations

from .families import aws
from .kernel.call import Call, SpanSpec
from .kernel.hooks.opt_in import opt_in
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor

STEP = "botocore.step"
"""What is done within a call."""


def parse(_call: Call) -> SpanSpec:
    return SpanSpec("parse", attributes={STEP: "parse"})


class BotocoreInstrumentor(Instrumentor):
    options = aws.OPTIONS
    hooks = {
        "botocore.client": {"BaseClient._make_api_call": aws.api_call()},
        "botocore.parsers": {"ResponseParser.parse": opt_in("BOTOCORE_PARSING", traced(parse))},
        "botocore.signers": {"RequestSigner.sign": aws.signing()},
    }
