"""Clients of the AWS API whose methods are coroutine functions, as aiobotocore's are."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.trace import get_current_span

from otel_instrumentors.families import aws
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Recorder

ANSWER = {"ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 1, "RequestId": "abc"}}


class Refused(Exception):
    response = {"ResponseMetadata": {"HTTPStatusCode": 404}}


class Signer:
    async def sign(
        self, operation_name: str, request: Any, region_name: str | None = None, signing_type: str = "standard"
    ) -> dict[str, str]:
        await asyncio.sleep(0)
        return dict(request.headers)


class Client:
    def __init__(self, signing_type: str = "standard") -> None:
        model = SimpleNamespace(endpoint_prefix="sqs", service_id="SQS")
        self.meta = SimpleNamespace(region_name="eu-west-1", service_model=model)
        self.signing_type = signing_type
        self.sent: list[Any] = []
        self.signed: dict[str, str] = {}

    async def _make_api_call(self, operation_name: str, api_params: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.sent.append(api_params)
        request = SimpleNamespace(headers={"x": "1"})
        self.signed = await Signer().sign(operation_name, request, None, signing_type=self.signing_type)
        if operation_name == "Refuse":
            raise Refused("no")
        if operation_name == "Wait":
            await asyncio.sleep(60)
        return ANSWER


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    scope = Scope(recorder.provider.get_tracer("aws"))
    for owner, name, hook in ((Client, "_make_api_call", aws.api_call()), (Signer, "sign", aws.signing())):
        function = getattr(owner, name)
        monkeypatch.setattr(owner, name, hook.wrap(Target(function, owner, is_method=True), scope))
    return recorder


def call(client: Client, operation: str, params: dict[str, Any], **ways: Any) -> Any:
    return asyncio.run(client._make_api_call(operation, params, **ways))


def test_a_call_is_a_span_until_it_is_answered(recorder: Recorder) -> None:
    client, params = Client(), {"MessageBody": "tea"}

    assert call(client, "SendMessage", params) is ANSWER

    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert (span.name, attributes["http.response.status_code"], attributes["http.request.resend_count"]) == (
        "SQS.SendMessage",
        200,
        1,
    )
    (sent,) = client.sent
    assert f"{span.context.span_id:016x}" in sent["MessageAttributes"]["traceparent"]["StringValue"]
    assert f"{span.context.span_id:016x}" in client.signed["traceparent"]
    assert params == {"MessageBody": "tea"}


def test_a_call_may_name_its_arguments(recorder: Recorder) -> None:
    client = Client()
    asyncio.run(client._make_api_call(operation_name="SendMessage", api_params={}))

    assert [span.name for span in recorder.take()] == ["SQS.SendMessage"]
    assert "MessageAttributes" in client.sent[0]


def test_a_refusal_has_its_status(recorder: Recorder) -> None:
    with pytest.raises(Refused):
        call(Client(), "Refuse", {})

    (span,) = recorder.take()
    assert (span.attributes or {})["http.response.status_code"] == 404
    assert not span.status.is_ok


def test_a_call_that_is_cancelled_ends_without_an_error(recorder: Recorder) -> None:
    async def impatient() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(Client()._make_api_call("Wait", {}), 0.01)
        assert not get_current_span().get_span_context().is_valid

    asyncio.run(impatient())

    (span,) = recorder.take()
    assert (span.name, span.status.is_unset) == ("SQS.Wait", True)


def test_calls_beside_each_other_stay_apart(recorder: Recorder) -> None:
    clients = [Client() for _ in range(10)]

    async def together() -> None:
        await asyncio.gather(*(client._make_api_call("SendMessage", {}) for client in clients))

    asyncio.run(together())

    spans = {f"{span.context.span_id:016x}" for span in recorder.take()}
    assert len(spans) == 10
    assert {client.signed["traceparent"].split("-")[2] for client in clients} == spans


@pytest.mark.parametrize("signing_type", ["presign-url", "presign-post"])
def test_what_is_signed_for_others_gets_no_headers(recorder: Recorder, signing_type: str) -> None:
    client = Client(signing_type)
    call(client, "SendMessage", {})

    assert client.signed == {"x": "1"}


def test_what_is_signed_outside_of_calls_gets_no_headers(recorder: Recorder) -> None:
    with recorder.provider.get_tracer("shop").start_as_current_span("around"):
        assert asyncio.run(Signer().sign("Do", SimpleNamespace(headers={}))) == {}
