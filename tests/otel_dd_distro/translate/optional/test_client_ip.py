"""Which address is the client's."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.capture import CLIENT_ADDRESS_HEADERS
from otel_dd_distro.translate import Translator
from otel_dd_distro.translate.optional.client_ip import forwarded

from ..spans import chunk, ours, span

ON = {"DD_SERVICE": "shop", "DD_TRACE_CLIENT_IP_ENABLED": "true"}


def meta(made: Any, **variables: str) -> dict[str, str]:
    translator = Translator(settings.read({**ON, **variables}, argv=["-"]))
    tags: dict[str, str] = translator.chunk(chunk(made), native_events=True)[0]["meta"]
    return tags


def served(peer: str = "10.9.9.9", **headers: str) -> Any:
    captured = {f"http.request.header.{name.replace('_', '-')}": (value,) for name, value in headers.items()}
    return ours("flask", {"http.request.method": "GET", "client.address": peer, **captured})


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("8.8.8.8, 1.1.1.1", "8.8.8.8"),
        ("10.0.0.1, 1.1.1.1", "1.1.1.1"),
        ("10.0.0.1, 192.168.0.1", "10.0.0.1"),
        (" 8.8.8.8 ,", "8.8.8.8"),
        ("8.8.8.8:443", "8.8.8.8"),
        ("[2001:4860:4860::8888]:443", "2001:4860:4860::8888"),
        ("2001:4860:4860::8888", "2001:4860:4860::8888"),
        ("fe80::1, 8.8.8.8", "8.8.8.8"),
        ("127.0.0.1", "127.0.0.1"),
        ("for=8.8.8.8", "8.8.8.8"),
        ("For=8.8.8.8;proto=https;by=203.0.113.43", "8.8.8.8"),
        ('by=1.1.1.1; for="[2001:4860:4860::8888]:80"', "2001:4860:4860::8888"),
        ('for=unknown, for="_hidden", for=8.8.4.4', "8.8.4.4"),
        ("unknown", "10.9.9.9"),
        ("", "10.9.9.9"),
        (",,;=,", "10.9.9.9"),
        ("999.999.999.999", "10.9.9.9"),
        ("1", "10.9.9.9"),
        ("for=", "10.9.9.9"),
        ("[::1", "::1"),
    ],
)
def test_the_first_public_address_else_the_first_private_one_else_the_peer(value: str, address: str) -> None:
    tags = meta(served(x_forwarded_for=value))
    assert (tags["http.client_ip"], tags["network.client.ip"]) == (address, "10.9.9.9")


def test_a_public_peer_goes_before_a_private_address_that_was_told() -> None:
    assert meta(served("8.8.8.8", x_forwarded_for="10.0.0.1"))["http.client_ip"] == "8.8.8.8"


@pytest.mark.parametrize("header", CLIENT_ADDRESS_HEADERS)
def test_each_usual_header_is_read_and_is_no_tag_itself(header: str) -> None:
    tags = meta(served(**{header.replace("-", "_"): "8.8.8.8"}))
    assert tags["http.client_ip"] == "8.8.8.8"
    assert not [key for key in tags if key.startswith("http.request.headers.")]


def test_the_first_header_that_is_there_is_believed_also_when_it_names_nobody() -> None:
    assert meta(served(x_real_ip="8.8.8.8", forwarded="for=1.1.1.1"))["http.client_ip"] == "8.8.8.8"
    assert meta(served(x_real_ip="nobody", forwarded="for=1.1.1.1"))["http.client_ip"] == "10.9.9.9"


@pytest.mark.parametrize(
    ("value", "address"),
    [("8.8.8.8", "8.8.8.8"), ("10.0.0.1", "10.0.0.1"), ("8.8.8.8, 1.1.1.1", "10.9.9.9"), ("x", "10.9.9.9")],
)
def test_one_header_may_be_the_only_one_believed(value: str, address: str) -> None:
    tags = meta(served(x_forwarded_for="1.1.1.1", x_mine=value), DD_TRACE_CLIENT_IP_HEADER="X-Mine")
    assert tags["http.client_ip"] == address


def test_a_header_that_is_to_be_a_tag_stays_one() -> None:
    tags = meta(served(x_forwarded_for="8.8.8.8"), DD_TRACE_HEADER_TAGS="X-Forwarded-For")
    assert tags["http.request.headers.x-forwarded-for"] == "8.8.8.8"


def test_requests_served_by_other_instrumentations_are_told_of_too() -> None:
    attributes = {"network.peer.address": "10.1.1.1", "http.request.header.x_forwarded_for": ["8.8.8.8"]}
    tags = meta(span(attributes=attributes, kind=SpanKind.SERVER))
    assert (tags["http.client_ip"], tags["network.client.ip"]) == ("8.8.8.8", "10.1.1.1")
    assert "http.request.headers.x_forwarded_for" not in tags


def test_only_requests_that_are_served_have_a_client() -> None:
    assert "http.client_ip" not in meta(ours("requests", {"http.request.header.x-forwarded-for": ("8.8.8.8",)}))
    assert "http.client_ip" not in meta(ours("flask", {"http.request.method": "GET"}))


def test_nobody_is_told_of_unless_asked_for() -> None:
    tags = meta(served(x_forwarded_for="8.8.8.8"), DD_TRACE_CLIENT_IP_ENABLED="false")
    assert not {"http.client_ip", "network.client.ip"} & tags.keys()


def test_what_the_user_said_of_the_client_stays() -> None:
    made = ours("flask", {"http.client_ip": "1.2.3.4", "client.address": "10.9.9.9"})
    assert meta(made)["http.client_ip"] == "1.2.3.4"


def test_a_hostile_header_costs_little() -> None:
    assert meta(served(x_forwarded_for="10.0.0.1," * 100_000))["http.client_ip"] == "10.0.0.1"
    assert forwarded(";" * 1_000 + "for=8.8.8.8") == "8.8.8.8"
