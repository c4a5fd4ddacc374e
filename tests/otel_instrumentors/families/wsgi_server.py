"""Calls WSGI applications as a server does, and starts real servers of them."""

from __future__ import annotations

import io
import threading
from typing import Any
from wsgiref.util import setup_testing_defaults


def environment(path: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    """The environment of a request; `more` are further keys of it."""
    environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": method, "SERVER_PROTOCOL": "HTTP/1.1", **more}
    environ.setdefault("wsgi.errors", io.StringIO())
    setup_testing_defaults(environ)
    return environ


def asked(application: Any, path: str, method: str = "GET", **more: Any) -> tuple[str, bytes]:
    """The status line and the body."""
    statuses: list[str] = []
    body = application(environment(path, method, **more), lambda status, *_rest: statuses.append(status))
    content = b"".join(body)
    if hasattr(body, "close"):
        body.close()
    return statuses[-1], content


class serving:
    """A server of the application in a thread, or in a process of its own where it wants one; gives its port."""

    def __init__(self, server: str, application: Any) -> None:
        self.server = server
        self.application = application

    def __enter__(self) -> int:
        if self.server == "waitress":
            import waitress

            running: Any = waitress.create_server(self.application, host="127.0.0.1", port=0)
            stopped = threading.Event()
            self.stop = stopped.set
            self.thread = threading.Thread(target=self._waited_on, args=(running, stopped), daemon=True)
            port = running.effective_port
        elif self.server == "wsgiref":
            from wsgiref.simple_server import WSGIRequestHandler, make_server

            class Quiet(WSGIRequestHandler):
                def log_message(self, *_args: Any) -> None:
                    return

            running = make_server("127.0.0.1", 0, self.application, handler_class=Quiet)
            self.stop = running.shutdown
            self.thread = threading.Thread(target=self._served, args=(running,), daemon=True)
            port = running.server_port
        elif self.server == "aiohttp-wsgi":
            from aiohttp_wsgi.wsgi import run_server

            ready, ports, loops = threading.Event(), [], []

            def run() -> None:
                with run_server(self.application, host="127.0.0.1", port=0) as (loop, site):
                    ports.append(site._server.sockets[0].getsockname()[1])  # type: ignore[union-attr]
                    loops.append(loop)
                    ready.set()
                    loop.run_forever()

            self.thread = threading.Thread(target=run, daemon=True)
            self.thread.start()
            assert ready.wait(60)
            self.stop = lambda: loops[0].call_soon_threadsafe(loops[0].stop)
            return int(ports[0])
        else:
            import gevent
            from gevent.pywsgi import WSGIServer

            ready, stop, ports = threading.Event(), threading.Event(), []

            def run() -> None:
                running = WSGIServer(("127.0.0.1", 0), self.application, log=None)
                running.start()
                ports.append(running.server_port)
                ready.set()
                while not stop.is_set():
                    gevent.sleep(0.01)
                running.stop(timeout=1)

            self.thread = threading.Thread(target=run, daemon=True)
            self.thread.start()
            assert ready.wait(60)
            self.stop = stop.set
            return int(ports[0])
        self.thread.start()
        return int(port)

    @staticmethod
    def _waited_on(running: Any, stopped: threading.Event) -> None:
        while not stopped.is_set():
            running.asyncore.loop(timeout=0.01, map=running._map, count=1)
        running.task_dispatcher.shutdown()
        # Also the connections that clients have left, which waitress has not looked at again.
        running.asyncore.close_all(running._map, ignore_all=True)

    @staticmethod
    def _served(running: Any) -> None:
        with running:
            running.serve_forever(poll_interval=0.01)

    def __exit__(self, *_args: object) -> None:
        self.stop()
        self.thread.join(60)
