"""The demo: runs the shop with no line of it changed, and shows the traces.

The view, in place of an Agent, and the three services run as processes of their own, the services under
`opentelemetry-instrument`.
`nox -s demo` makes the environment and runs this. Exits with 1, and says why, when something is missing.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from traces import SERVED, Span, distributed, milliseconds, missing, operations, outline, tree

HERE = Path(__file__).resolve().parent
FRONT, STOCK, DELIVERY = "shop-front", "shop-stock", "shop-delivery"
# 0 is any free one. The view does not take 8126, where other programs of this machine may send theirs by default.
PORTS = {"view": 8080, "otlp": 0, "front": 8000, "stock": 8001, "delivery": 8002}
REQUESTS = 200
CLIENTS = 4
START_TIMEOUT = 30  # seconds
ARRIVAL_TIMEOUT = 20
STOP_TIMEOUT = 5


class Failed(Exception):
    """The demo cannot go on; the message says why."""


class Visit(NamedTuple):
    """One request of a customer, the statuses that the shop may answer, and how often it asks other services for it."""

    method: str
    path: str
    statuses: frozenset[int]
    asks_stock: int = 0
    asks_delivery: int = 0
    form: Mapping[str, int] = {}


def look(path: str, status: int = 200) -> Visit:
    return Visit("GET", path, frozenset({status}))


def look_at(product: int) -> Visit:
    return Visit("GET", f"/product/{product}", frozenset({200}), 1, 1)


def buy(product: int, *statuses: int) -> Visit:
    return Visit("POST", "/checkout", frozenset(statuses), 1, 0, {"product": product, "quantity": 1})


# What twenty customers do. Of product 6 there are only three, product 13 is one that the stock service fails for.
VISITS = (
    *(look("/"), look_at(1), buy(1, 201), look_at(2), buy(2, 201)),
    *(look("/"), look_at(3), buy(3, 201), look_at(6), buy(6, 201, 409)),
    *(look("/"), look_at(4), buy(4, 201), look("/product/404", 404), look("/broken", 500)),
    *(look("/"), look_at(13), buy(13, 502), look("/orders.csv"), look("/no/such/page", 404)),
)


class Process:
    """A child process whose output goes to a file. Leaving the `with` block stops it, whatever happened."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], directory: Path) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        with self.log.open("wb") as output:
            # In a session of its own, Ctrl-C reaches the demo alone: the services stop before the view does.
            self.child = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                start_new_session=True,
            )

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.child.terminate()
            with suppress(subprocess.TimeoutExpired):  # how_it_stopped() tells
                self.child.wait(STOP_TIMEOUT)
        finally:
            self.child.kill()
            self.child.wait()

    def lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines()

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(f"    {self.name} | {line}" for line in self.lines()[-20:])

    def about_tracing(self) -> str:
        """What it logged until its first request, and about tracing since: not what the shop says of its own errors."""
        lines = self.lines()
        start = list(itertools.takewhile(lambda line: " HTTP/1." not in line, lines))
        later = [line for line in lines[len(start) :] if "otel" in line.lower() or "datadog" in line.lower()]
        return "\n".join(f"    {self.name} | {line}" for line in [*start[-20:], *later[-20:]])

    def check(self) -> None:
        """Raises Failed when it does not run any more."""
        if (status := self.child.poll()) is not None:
            raise Failed(f"{self.name} died with status {status}; the end of its log:\n{self.tail()}")

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Raises Failed when it has died, or is not ready in time."""
        deadline = time.monotonic() + START_TIMEOUT
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} is not ready after {START_TIMEOUT} s; the end of its log:\n{self.tail()}")
            time.sleep(0.05)
        self.check()

    def how_it_stopped(self) -> list[str]:
        if self.child.returncode == -signal.SIGKILL:
            return [f"{self.name} did not stop within {STOP_TIMEOUT} s of SIGTERM"]
        if self.child.returncode:
            return [f"{self.name} stopped with status {self.child.returncode} on SIGTERM"]
        return []


def free_ports(wanted: Mapping[str, int]) -> dict[str, int]:
    """Each port where nobody listens on it, another one where somebody does."""
    with ExitStack() as held:
        return {name: held.enter_context(bound(port)).getsockname()[1] for name, port in wanted.items()}


def bound(port: int) -> socket.socket:
    sock = socket.socket()
    # A port whose last connections still linger is free: only a listening one is taken.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.bind(("127.0.0.1", 0))
    return sock


def clean_environment(**extra: str) -> dict[str, str]:
    """Ours, without what would configure a tracer or send local requests through a proxy."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "_DD_", "OTEL_"))}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONUNBUFFERED": "1", **extra}


def beside_python(command: str) -> str:
    """The path of a command that is installed in this environment."""
    found = shutil.which(command, path=str(Path(sys.executable).parent))
    if found is None:
        raise Failed(f"{command} is not installed beside {sys.executable}: run the demo with `nox -s demo`")
    return found


def answers(session: requests.Session, url: str) -> bool:
    try:
        return session.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def listens(port: int) -> bool:
    """Asked with a bare connection: a request would be traced."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Demo:
    """The four processes, and what a customer and an onlooker do with them."""

    def __init__(self, stack: ExitStack, launcher: Sequence[str]) -> None:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shop-")))
        self.session = stack.enter_context(requests.Session())
        self.session.trust_env = False
        ports = free_ports(PORTS)
        self.view_url = f"http://127.0.0.1:{ports['view']}"
        self.front_url = f"http://127.0.0.1:{ports['front']}"
        self.stock_url = f"http://127.0.0.1:{ports['stock']}"
        self.delivery_url = f"http://127.0.0.1:{ports['delivery']}"
        self.answered: Counter[str] = Counter()

        self.view = stack.enter_context(
            Process(
                "view",
                [
                    *(sys.executable, "-m", "otel_dd_distro", "view"),
                    *("--port", str(ports["view"]), "--otlp-port", str(ports["otlp"])),
                ],
                clean_environment(),
                directory,
            )
        )
        self.view.wait_until(lambda: answers(self.session, f"{self.view_url}/info"))

        def service(name: str, script: str, port: int, *arguments: str) -> Process:
            return Process(
                name,
                [
                    *(*launcher, str(HERE / "shop" / script), "--port", str(port)),
                    *("--database", str(directory / f"{name}.sqlite"), *arguments),
                ],
                # Without a variable of its own, a request of FastAPI bears the service `fastapi`, as with ddtrace.
                clean_environment(
                    DD_SERVICE=name,
                    DD_FASTAPI_SERVICE=name,
                    DD_ENV="demo",
                    DD_VERSION="1.0",
                    DD_TRACE_AGENT_URL=self.view_url,
                ),
                directory,
            )

        self.stock = stack.enter_context(service(STOCK, "stock.py", ports["stock"]))
        self.delivery = stack.enter_context(service(DELIVERY, "delivery.py", ports["delivery"]))
        asked = ("--stock-url", self.stock_url, "--delivery-url", self.delivery_url)
        self.front = stack.enter_context(service(FRONT, "front.py", ports["front"], *asked))
        self.processes = (self.view, self.stock, self.delivery, self.front)
        self.stock.wait_until(lambda: listens(ports["stock"]))
        self.delivery.wait_until(lambda: listens(ports["delivery"]))
        self.front.wait_until(lambda: listens(ports["front"]))

    def check(self) -> None:
        for process in self.processes:
            process.check()

    def ask(self, method: str, url: str, data: Mapping[str, int] | None = None) -> requests.Response:
        try:
            return self.session.request(method, url, data=data, timeout=10)
        except requests.RequestException as error:
            time.sleep(0.2)  # a dying process breaks its connections a moment before it is gone
            self.check()
            raise Failed(f"no answer to {method} {url}: {error}") from error

    def make(self, visit: Visit) -> None:
        """Raises Failed when the shop answers something else than it should."""
        answer = self.ask(visit.method, self.front_url + visit.path, data=visit.form)
        if answer.status_code not in visit.statuses:
            self.check()
            raise Failed(
                f"{FRONT} answered {visit.method} {visit.path} with {answer.status_code} instead of"
                f" {' or '.join(map(str, sorted(visit.statuses)))}; the end of its log:\n{self.front.tail()}"
            )

    def make_all(self, visits: Sequence[Visit], progress: Progress) -> None:
        bar = progress.add_task("sending requests", total=len(visits))
        clients = ThreadPoolExecutor(CLIENTS)
        try:
            for done in as_completed([clients.submit(self.make, visit) for visit in visits]):
                done.result()
                progress.advance(bar)
        finally:
            clients.shutdown(cancel_futures=True)
        self.answered[FRONT] += len(visits)
        self.answered[STOCK] += sum(visit.asks_stock for visit in visits)
        self.answered[DELIVERY] += sum(visit.asks_delivery for visit in visits)

    def spans(self) -> list[Span]:
        """Every span that the view has."""
        lines = self.ask("GET", f"{self.view_url}/api/traces").iter_lines()
        return [{"trace": trace["trace_id"], **span} for trace in map(json.loads, lines) for span in trace["spans"]]

    def wait_for_spans(self, progress: Progress) -> list[Span]:
        """Every span, as soon as there is one for each request, or after ARRIVAL_TIMEOUT what is there."""
        wanted = self.answered.total()
        bar = progress.add_task("waiting for their spans", total=wanted)
        deadline = time.monotonic() + ARRIVAL_TIMEOUT
        while True:
            self.check()
            spans = self.spans()
            arrived = sum(span["name"] in SERVED for span in spans)
            progress.update(bar, completed=min(arrived, wanted))
            if arrived >= wanted or time.monotonic() > deadline:
                return spans
            time.sleep(0.3)

    def serve(self) -> None:
        """A visit a second, until Ctrl-C."""
        for visit in itertools.cycle(VISITS):
            self.check()
            self.make(visit)
            time.sleep(1)


def trace_table(trace: Sequence[Span]) -> Table:
    table = Table(title=f"One trace, {len(trace)} spans", title_justify="left", title_style="bold")
    table.add_column("service", style="cyan", no_wrap=True)
    table.add_column("operation", no_wrap=True)
    table.add_column("resource", style="dim")  # the one column that gives way to a narrow terminal
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for guide, span in outline(tree(trace)):
        table.add_row(
            span["service"],
            Text(guide, style="dim").append(span["name"], style="bold"),
            Text(" ".join(span["resource"].split()), no_wrap=True, overflow="ellipsis"),
            f"{milliseconds(span):.2f}",
            Text("ERROR", style="bold red") if span["error"] else "",
        )
    return table


def operations_table(spans: Iterable[Span]) -> Table:
    table = Table(title="All operations", title_justify="left", title_style="bold")
    table.add_column("service", style="cyan", no_wrap=True)
    table.add_column("operation", style="bold", no_wrap=True)
    table.add_column("type", no_wrap=True)
    for heading in ("count", "errors", "p50 ms", "p95 ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in operations(spans):
        errors = Text(str(row.errors), style="bold red" if row.errors else "")
        table.add_row(row.service, row.name, row.type, str(row.count), errors, f"{row.p50:.2f}", f"{row.p95:.2f}")
    return table


def run(console: Console, launcher: Sequence[str], serve: bool) -> list[str]:
    """Shows the demo. What is returned is missing or went wrong: a sentence each."""
    began = time.monotonic()
    with ExitStack() as stack:
        console.print("starting the view and the shop's three services ...")
        demo = Demo(stack, launcher)
        columns = (TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            demo.make_all(list(itertools.islice(itertools.cycle(VISITS), REQUESTS)), progress)
            spans = demo.wait_for_spans(progress)
        problems = missing(spans, demo.answered, FRONT, STOCK, DELIVERY)
        for trace in distributed(spans, FRONT, DELIVERY)[:1]:
            console.print(trace_table(trace))
        console.print(operations_table(spans))
        if problems:
            return [*problems, *(f"what {p.name} logged:\n{p.about_tracing()}" for p in demo.processes)]
        console.print(f"\n{len(spans)} spans of {REQUESTS} requests, in {time.monotonic() - began:.1f} s.")
        if serve:
            console.print(f"The traces: {demo.view_url}/\nThe shop:   {demo.front_url}/\nCtrl-C stops all.")
            try:
                demo.serve()
            except KeyboardInterrupt:
                console.print("stopping ...")
        else:
            console.print(f"Their page was {demo.view_url}/: `nox -s demo -- --serve` keeps it up.")
    return [each for process in demo.processes[1:] for each in process.how_it_stopped()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help="keep everything up, with a little traffic, until Ctrl-C")
    parser.add_argument(
        "--launcher",
        nargs="+",
        metavar="WORD",
        help="the command that runs a Python file, when not `opentelemetry-instrument python`:"
        " shows the same shop under another tracer",
    )
    options = parser.parse_args()
    for unwanted in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(unwanted, lambda number, _: sys.exit(128 + number))  # as an exception, it tears everything down
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 150
    try:
        launcher = options.launcher or [beside_python("opentelemetry-instrument"), sys.executable]
        problems = run(console, launcher, options.serve)
    except Failed as failure:
        problems = [str(failure)]
    except KeyboardInterrupt:
        return 130
    for problem in problems:
        console.print(Text(problem, style="red"))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
