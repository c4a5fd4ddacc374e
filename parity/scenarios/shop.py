"""The shop: the two services of examples/shop, one distributed trace for each visit."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from steps import step

# This program sends the visits; what it starts with the words of its command line is traced.
STARTS = "examples/shop"
SETTINGS = {"DD_ENV": "demo", "DD_VERSION": "1.0"}

SHOP = Path(os.environ["PARITY_SHOP"])
LAUNCHER = sys.argv[1:]
START_TIMEOUT = 30  # seconds


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def start(stack: ExitStack, name: str, *arguments: str) -> str:
    """Its address, as soon as it listens."""
    port = free_port()
    script = str(SHOP / f"{name}.py")
    command = [*LAUNCHER, script, "--port", str(port), "--database", f"{name}.sqlite", *arguments]
    service = subprocess.Popen(
        command, env={**os.environ, "DD_SERVICE": f"shop-{name}"}, stdin=subprocess.DEVNULL, stdout=sys.stderr
    )
    stack.callback(service.wait, 10)
    stack.callback(service.send_signal, signal.SIGTERM)
    deadline = time.monotonic() + START_TIMEOUT
    while not listens(port):
        if service.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{name} does not start")
        time.sleep(0.05)
    return f"http://127.0.0.1:{port}"


def ask(path: str, **form: int) -> int:
    data = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(front + path, data=data, headers={"User-Agent": "guest/1"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()
    except urllib.error.HTTPError as refused:
        refused.read()
        return refused.code
    return answer.status


with ExitStack() as stack:
    # What a service does before it serves is compared as well, service by service.
    with step("the stock service starts"):
        stock = start(stack, "stock")
    with step("the front starts"):
        front = start(stack, "front", "--stock-url", stock)
    with step("the front page"):
        assert ask("/") == 200
    with step("a product"):
        assert ask("/product/1") == 200
    with step("an order"):
        assert ask("/checkout", product=2, quantity=1) == 201
    with step("more than there is"):
        assert ask("/checkout", product=6, quantity=5) == 409
    with step("the stock service fails"):
        assert ask("/checkout", product=13, quantity=1) == 502
    with step("all orders, streamed"):
        assert ask("/orders.csv") == 200
    with step("no such product"):
        assert ask("/product/404") == 404
    with step("no such page"):
        assert ask("/no/such/page") == 404
    with step("a page that fails"):
        assert ask("/broken") == 500
