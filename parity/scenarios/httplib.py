"""http.client: requests, also line by line and by urllib.request; statuses, errors, bodies, headers, secrets."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request

from backend import HOST, URL, sent, server
from steps import saw, step

SETTINGS = {"DD_TRACE_HTTPLIB_ENABLED": "true", "DD_TRACE_HEADER_TAGS": "x-tea:tea,content-type"}
BESIDE = ("parity/backend.py",)
connection = http.client.HTTPConnection(HOST)

with step("a call, and the headers that tell the next service"):
    connection.request("GET", "/tea/200")
    assert connection.getresponse().read() == b"kettle"
    saw("headers", dict(sent(server.headers)))

with step("data is sent, on the same connection"):
    connection.request("POST", "/tea/201", b"green", {"X-Tea": "green", "Content-Type": "text/tea"})
    connection.getresponse().read()

with step("line by line"):
    connection.putrequest("POST", "/tea/200?sort=price")
    connection.putheader("Content-Length", "5")
    connection.endheaders()
    connection.send(b"green")
    connection.getresponse().read()

with step("no body"):
    connection.request("HEAD", "/tea/200")
    connection.getresponse().read()

with step("not found"):
    connection.request("GET", "/tea/404")
    connection.getresponse().read()

with step("the other side fails"):
    connection.request("GET", "/tea/503")
    connection.getresponse().read()

with step("a body that breaks off", http.client.IncompleteRead):
    connection.request("GET", "/short")
    connection.getresponse().read()

with step("an odd method"):
    connection.request("BREW", "/tea/200")
    connection.getresponse().read()

with step("secrets in the query"):
    connection.request("GET", "/tea/200?token=abc&kind=green&api_key=k1&password=hunter2")
    connection.getresponse().read()

with step("nobody listens", ConnectionRefusedError):
    http.client.HTTPConnection("127.0.0.1", 1).request("GET", "/tea")

with step("a path that is none", http.client.InvalidURL):
    http.client.HTTPConnection(HOST).request("GET", "/two words")

with step("urllib"), urllib.request.urlopen(f"{URL}/tea/200?kind=green") as answer:
    assert answer.read() == b"kettle"

with step("urllib, a user agent"):
    request = urllib.request.Request(f"{URL}/tea/200", headers={"User-Agent": "shop/1"})
    with urllib.request.urlopen(request) as answer:
        answer.read()

with step("urllib, redirected"), urllib.request.urlopen(f"{URL}/tea/302") as answer:
    answer.read()

with step("urllib, not found"):
    try:
        urllib.request.urlopen(f"{URL}/tea/404")
    except urllib.error.HTTPError as error:
        # It is the response as well, and in a circle: without this its span ends with a garbage collection.
        error.close()

with step("urllib, nobody listens", urllib.error.URLError):
    urllib.request.urlopen("http://127.0.0.1:1/tea")

with step("by a proxy"):
    connection.request("GET", "http://tea.example:8080/tea/200?kind=green")
    connection.getresponse().read()

with step("by a tunnel"):
    tunnel = http.client.HTTPConnection(HOST)
    tunnel.set_tunnel("tea.example", 8080)
    tunnel.request("GET", "/tea/200?kind=green")
    tunnel.getresponse().read()
