"""The example shop, untraced: it is an ordinary application."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

SHOP = Path(__file__).parents[2] / "examples" / "shop"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextmanager
def service(script: str, *arguments: str) -> Iterator[str]:
    """Its address. It must have ended well, without a warning, when it was asked to."""
    port = free_port()
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "OTEL_"))}
    command = [sys.executable, "-W", "error", str(SHOP / script), "--port", str(port), *arguments]
    with subprocess.Popen(command, env=plain, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 60
            with socket.socket() as sock:
                while sock.connect_ex(("127.0.0.1", port)) and process.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, log
    assert "Warning:" not in log


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with service("stock.py", "--database", str(tmp_path_factory.mktemp("stock") / "stock.sqlite")) as url:
        yield url


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with service("delivery.py", "--database", str(tmp_path_factory.mktemp("delivery") / "delivery.sqlite")) as url:
        yield url


@pytest.fixture(scope="module")
def front(stock: str, delivery: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = tmp_path_factory.mktemp("front") / "front.sqlite"
    asked = ("--stock-url", stock, "--delivery-url", delivery)
    with service("front.py", *asked, "--database", str(database)) as url:
        yield url


def buy(front: str, product: int, quantity: int = 1) -> requests.Response:
    return requests.post(f"{front}/checkout", data={"product": product, "quantity": quantity}, timeout=60)


def test_the_front_page_lists_the_products(front: str) -> None:
    answer = requests.get(f"{front}/", timeout=60)

    assert answer.status_code == 200
    assert '<a href="/product/1">Teapot</a> 39.00' in answer.text


def test_a_product_page_tells_what_is_left_and_when_it_arrives(front: str) -> None:
    answer = requests.get(f"{front}/product/6", timeout=60)

    assert answer.status_code == 200
    assert "249.00, 3 left, at your door in 14 days" in answer.text


def test_an_order_is_reserved_written_down_and_listed(front: str, stock: str) -> None:
    bought = buy(front, product=2, quantity=4)
    left = requests.get(f"{stock}/stock/2", timeout=60).json()
    listed = requests.get(f"{front}/orders.csv", timeout=60)

    assert bought.status_code == 201
    assert "4 x Cup at 8.50\ntotal 34.00\n" in bought.text
    assert left == {"product": 2, "quantity": 9996}
    assert listed.headers["Content-Type"].startswith("text/csv")
    assert listed.text == "order,product,quantity,price\r\n1,Cup,4,34.00\r\n"


def test_more_than_is_left_is_not_sold(front: str) -> None:
    answer = buy(front, product=6, quantity=4)

    assert answer.status_code == 409
    assert "fewer than 4 left" in answer.text


def test_a_failing_stock_service_is_a_bad_gateway(front: str, stock: str) -> None:
    asked = requests.post(f"{stock}/reserve", json={"product": 13, "quantity": 1}, timeout=60)

    assert asked.status_code == 500
    assert buy(front, product=13).status_code == 502


@pytest.mark.parametrize(
    ("path", "status"), [("/product/404", 404), ("/no/such/page", 404), ("/broken", 500), ("/product/13", 200)]
)
def test_pages_answer_with_their_status(front: str, path: str, status: int) -> None:
    assert requests.get(front + path, timeout=60).status_code == status


def test_the_delivery_service_tells_the_days_and_what_it_does_not_know(delivery: str) -> None:
    known = requests.get(f"{delivery}/delivery/4", timeout=60)
    unknown = requests.get(f"{delivery}/delivery/99", timeout=60)

    assert (known.status_code, known.json()) == (200, {"product": 4, "days": 3})
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "product 99 is not known here"})


def test_the_stock_service_explains_in_json_what_it_refuses(stock: str) -> None:
    unknown = requests.get(f"{stock}/stock/99", timeout=60)
    senseless = requests.post(f"{stock}/reserve", json={"product": 1, "quantity": 0}, timeout=60)

    assert (unknown.status_code, unknown.json()) == (404, {"error": "product 99 is not known here"})
    assert (senseless.status_code, senseless.json()["error"][:14]) == (400, "send a product")
