"""How the programs of the cells are started, and which ends each of them may meet."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

END = "end"
SIGTERM = "SIGTERM"
SIGINT = "SIGINT"
SIGKILL = "SIGKILL of a worker"
MAX_REQUESTS = "max requests"
OS_EXIT = "os._exit"
EXCEPTION = "unhandled exception"
STOPS = (END, SIGTERM, SIGINT, SIGKILL, MAX_REQUESTS, OS_EXIT, EXCEPTION)

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Start:
    name: str
    kind: str
    """program: runs by itself. server: is asked over HTTP. tasks: is sent tasks over Redis."""
    command: tuple[str, ...]
    """As at a shell's prompt; `{stop}` and `{port}` are filled in."""
    stops: tuple[str, ...]
    """The first is the one that it meets with every Agent."""
    launcher: str = "one start"
    """one start: `python -m otel_dd_distro`. instrument: `opentelemetry-instrument`. none: the program does it."""
    with_max_requests: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    loading: int = 1
    """How many processes load the application before it is asked: uWSGI's master does not end while one does."""

    def words(self, stop: str, port: int, *, traced: bool) -> list[str]:
        """The command, under the launcher where it is traced."""
        words = [word.format(stop=stop, port=port) for word in self.command]
        if stop == MAX_REQUESTS:
            words += self.with_max_requests
        name, *arguments = words
        if self.launcher == "one start":
            program = arguments if name == "python" else ["-m", name, *arguments]
            return [sys.executable, *(("-m", "otel_dd_distro") if traced else ()), *program]
        words = [str(BIN / name), *arguments]
        return [str(BIN / "opentelemetry-instrument"), *words] if traced and self.launcher == "instrument" else words


ENDS = (END, SIGTERM, SIGINT, OS_EXIT, EXCEPTION)
SERVED = (SIGTERM, SIGINT, SIGKILL, MAX_REQUESTS, OS_EXIT, EXCEPTION)
WITHOUT_WORKERS = tuple(stop for stop in SERVED if stop not in (SIGKILL, MAX_REQUESTS))


def gunicorn(name: str, *options: str, app: str = "web:app", launcher: str = "one start") -> Start:
    command = ("gunicorn", app, "--bind", "127.0.0.1:{port}", "--workers", "2", "--log-level", "warning", *options)
    return Start(f"gunicorn {name}", "server", command, SERVED, launcher, ("--max-requests", "12"))


GRACEFUL = ("--master", "--hook-master-start", "unix_signal:15 gracefully_kill_them_all")
"""Else SIGTERM reloads the workers, or kills them at once: a busy one then ends without Python's exit."""


def uwsgi(name: str, *options: str, stops: tuple[str, ...] = SERVED, loading: int = 1) -> Start:
    command = (
        "uwsgi",
        "--http-socket",
        "127.0.0.1:{port}",
        "--module",
        "web:app",
        "--virtualenv",
        sys.prefix,
        "--processes",
        "2",
    )
    command += ("--disable-logging", "--need-app", *options)
    return Start(f"uWSGI {name}", "server", command, stops, "instrument", ("--max-requests", "12"), loading=loading)


def uvicorn(name: str, *options: str, stops: tuple[str, ...] = WITHOUT_WORKERS) -> Start:
    command = ("uvicorn", "garden:asgi", "--port", "{port}", "--log-level", "warning", "--lifespan", "off", *options)
    return Start(f"uvicorn {name}", "server", command, stops, with_max_requests=("--limit-max-requests", "12"))


def celery(name: str, *options: str, stops: tuple[str, ...]) -> Start:
    command = ("celery", "-A", "tasks", "worker", "--loglevel", "ERROR", "--without-gossip", "--without-mingle")
    command += ("--without-heartbeat", "--concurrency", "2", "--pool", *options)
    return Start(f"Celery {name}", "tasks", command, stops, "instrument", ("--max-tasks-per-child", "6"))


def program(name: str, way: str = "", launcher: str = "one start", stops: tuple[str, ...] = ENDS) -> Start:
    variables = {"TORTURE_INSTALL": "1"} if launcher == "none" else {}
    command = ("python", "program.py", "{stop}", *([way] if way else []))
    return Start(name, "program", command, stops, launcher, variables=variables)


STARTS = {
    start.name: start
    for start in (
        program("script", launcher="none"),
        program("opentelemetry-instrument", launcher="instrument"),
        program("python -m otel_dd_distro"),
        *(program(f"multiprocessing {way}", way, stops=(*ENDS, SIGKILL)) for way in ("fork", "spawn", "forkserver")),
        program("multiprocessing pool", "pool", stops=(END, SIGTERM, SIGINT)),
        program("double fork", "double", stops=(END, SIGTERM, SIGINT)),
        gunicorn("sync"),
        gunicorn("gthread", "--threads", "4", launcher="instrument"),
        gunicorn("gevent", "--worker-class", "gevent"),
        gunicorn("uvicorn", "--worker-class", "uvicorn_worker.UvicornWorker", app="garden:asgi"),
        gunicorn("preload", "--preload"),
        # Its first worker is the main process: os._exit there ends the server, and in the other one it does not.
        uwsgi("prefork", "--enable-threads", "--die-on-term", stops=tuple(stop for stop in SERVED if stop != OS_EXIT)),
        uwsgi("master", "--enable-threads", *GRACEFUL),
        uwsgi("threads", "--threads", "4", *GRACEFUL),
        uwsgi("lazy-apps", "--enable-threads", "--lazy-apps", *GRACEFUL, loading=2),
        uwsgi("no threads", *GRACEFUL),
        uvicorn("one process"),
        uvicorn("workers", "--workers", "2", stops=SERVED),
        uvicorn("reload", "--reload"),
        celery("prefork", "prefork", stops=SERVED),
        celery("threads", "threads", stops=WITHOUT_WORKERS),
        celery("gevent", "gevent", stops=WITHOUT_WORKERS),
        Start("Django runserver", "server", ("python", "garden.py", "runserver", "{port}"), WITHOUT_WORKERS),
    )
}
