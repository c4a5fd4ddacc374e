from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_dd_distro import settings
from otel_dd_distro.translate.conventions.urls import LONGEST_QUERY, Urls

QUERIES = json.loads((Path(__file__).parents[1] / "recorded" / "queries.json").read_text())


def urls(**variables: str) -> Urls:
    return Urls(settings.read(variables, argv=["-"]))


@pytest.mark.parametrize(("query", "redacted"), QUERIES)
def test_queries_are_obfuscated_like_ddtraces(query: str, redacted: str) -> None:
    assert urls().obfuscated(query) == redacted


@given(
    st.lists(st.sampled_from(['token":"', "-----BEGIN ", "PRIVATE KEY-----", ".eyI", "%22", "a", " ", "ssh-rsa ", "A"]))
)
def test_what_is_cheaply_found_to_hold_no_secret_holds_none(parts: list[str]) -> None:
    query, prepared = "".join(parts), urls()
    assert prepared._pattern is not None
    assert prepared.obfuscated(query) == prepared._pattern.sub(r"\1<redacted>", query)


@pytest.mark.parametrize(
    "part",
    [
        "pass",
        "-----BEGIN a",
        "-----BEGIN PRIVATE ",
        ".eyIa",
        'token":"a',
        "token%20",
        "%2",
        "ecdsa-a-",
        "ssh-rsa ",
        "A",
    ],
)
def test_no_query_is_searched_for_longer_than_an_instant(part: str) -> None:
    query = part * 1_000_000
    begin = time.thread_time()
    urls().obfuscated(query)
    assert time.thread_time() - begin < 5


def test_of_a_query_too_long_to_search_the_searched_start_is_kept() -> None:
    query = "token=abc&" + "x=1&" * LONGEST_QUERY + "password=b"
    obfuscated = urls().obfuscated(query)
    assert obfuscated.startswith("<redacted>&x=1&")
    assert obfuscated.endswith("x=1&...")
    assert len(obfuscated) <= LONGEST_QUERY + 10
    assert urls().obfuscated("x=" + "a" * LONGEST_QUERY) == "..."


def test_a_pattern_of_ones_own_is_used_instead() -> None:
    own = urls(DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP="x=[0-9]+")
    assert own.obfuscated("token=abc&x=12") == "token=abc&<redacted>"


def test_an_empty_pattern_keeps_queries_as_they_are() -> None:
    own = urls(DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP="")
    assert own.requested("http://a/b?token=abc").url == "http://a/b?token=abc"
    assert own.served({"server.address": "a", "url.path": "/b", "url.query": "token=abc"}) == "http://a/b?token=abc"


def test_a_pattern_that_cannot_be_compiled_costs_the_query_and_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        own = urls(DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP="(")
    assert "DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP" in caplog.text
    assert own.requested("http://a/b?x=1#c").url == "http://a/b#c"
    assert own.served({"server.address": "a", "url.path": "/b", "url.query": "x=1"}) == "http://a/b"


@pytest.mark.parametrize(
    ("attributes", "url"),
    [
        ({"url.scheme": "https", "server.address": "a.example", "url.path": "/x"}, "https://a.example/x"),
        ({"server.address": "::1", "server.port": 8080, "url.path": "/"}, "http://[::1]:8080/"),
        ({"server.address": "[::1]", "url.path": "/"}, "http://[::1]/"),
        ({"server.address": "a", "url.path": "/%E2%82%AC%20%2F%3F%23%25%22%7F%00"}, 'http://a/€%20%2F%3F%23%25"%7F%00'),
        ({"server.address": "a", "url.path": "/%ff%zz%"}, "http://a/\ufffd%zz%"),
        ({}, "http://"),
        ({"server.address": 5, "url.path": 7, "url.query": 9}, "http://57?9"),
    ],
)
def test_a_served_url_is_made_of_its_parts(attributes: dict[str, object], url: str) -> None:
    assert urls().served(attributes) == url


@pytest.mark.parametrize(
    ("given_url", "url", "path", "domain"),
    [
        ("http://a.example/x/y?b=1#c", "http://a.example/x/y?b=1#c", "/x/y", "a.example"),
        ("http://User:pw@A.example:81/x;p=1?b=1#c", "http://A.example:81/x?b=1", "/x", "a.example:81"),
        ("http://a@b@c/x", "http://c/x", "/x", "c"),
        ("http://[::1]:80/x;y/z;w=1", "http://[::1]:80/x;y/z;w=1", "/x;y/z", "::1:80"),
        ("http://a", "http://a", "", "a"),
        ("http://a?token=1", "http://a?<redacted>", "", "a"),
        ("http://a/x?mail=b@c", "http://a/x?mail=b@c", "/x", "a"),
        ("", "", "", ""),
        ("not a url", "not a url", "", "not a url"),
        ("http://a/\ud800", "http://a/?", "/?", "a"),
    ],
)
def test_a_requested_url_is_told_without_its_credentials(given_url: str, url: str, path: str, domain: str) -> None:
    assert urls().requested(given_url) == (url, path, domain)


@given(st.text())
def test_any_text_may_be_a_url(url: str) -> None:
    for part in urls().requested(url):
        part.encode()
    urls().served({"url.path": url, "url.query": url, "server.address": url}).encode("utf-8", "replace")


def test_credentials_never_reach_the_url() -> None:
    assert "s3cret" not in str(urls().requested("https://me:s3cret@a.example/x?y=1"))
