"""Pylons: requests by controller and action, templates, answers raised, failing, unknown; nothing of DD_* set."""

from __future__ import annotations

import http.client
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

import pylons_on_python3
from guest import serve
from steps import step

SETTINGS: dict[str, str] = {}
BESIDE = ("parity/guest.py", "tests/otel_instrumentors/pylons_on_python3.py")

warnings.simplefilter("ignore")
pylons_on_python3.install()

import pylons.templating  # noqa: E402
from beaker.middleware import SessionMiddleware  # noqa: E402
from jinja2 import DictLoader, Environment  # noqa: E402
from mako.lookup import TemplateLookup  # noqa: E402
from paste.registry import RegistryManager  # noqa: E402
from pylons.configuration import PylonsConfig  # noqa: E402
from pylons.controllers import WSGIController  # noqa: E402
from pylons.controllers.util import abort, redirect  # noqa: E402
from pylons.wsgiapp import PylonsApp  # noqa: E402
from routes import Mapper  # noqa: E402
from routes.middleware import RoutesMiddleware  # noqa: E402


class TeaController(WSGIController):
    def index(self) -> str:
        return "tea"

    def cups(self, id: str) -> str:
        return f"{id} cups"

    def menu(self) -> str:
        return str(pylons.templating.render_mako("menu.html", {"guest": "Alice"}))

    def part(self) -> str:
        return str(pylons.templating.render_mako_def("menu.html", "greeting"))

    def card(self) -> str:
        return str(pylons.templating.render_jinja2("card.html", {"guest": "Alice"}))

    def slow(self) -> Iterator[bytes]:
        return (str(number).encode() for number in range(3))

    def slow_broken(self) -> Iterator[bytes]:
        yield b"1"
        raise RuntimeError("the pot is empty")

    def session(self) -> str:
        pylons.session["cups"] = pylons.session.get("cups", 0) + 1
        return str(pylons.session["cups"])

    def boom(self) -> str:
        raise ValueError("no tea")

    def gone(self) -> None:
        abort(404, "no such tea")

    def refused(self) -> None:
        abort(403)

    def later(self) -> None:
        abort(503)

    def moved(self) -> None:
        redirect("/")

    def nothing(self) -> None:
        pylons.response.status = "503 Later"
        return ""

    def _private(self) -> str:
        return "private"


def module(name: str, **members: object) -> None:
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)


module("teahouse", __path__=[])
module("teahouse.controllers", __path__=[])
module("teahouse.controllers.tea", TeaController=TeaController)


class Globals:
    mako_lookup = TemplateLookup()
    jinja2_env = Environment(loader=DictLoader({"card.html": "hello {{guest}}"}))


Globals.mako_lookup.put_string("menu.html", "<%def name='greeting()'>hello</%def>${guest}")
Path("static").mkdir()
config = PylonsConfig()
folders = dict.fromkeys(("root", "controllers", "static_files"), str(Path.cwd()))
config.init_app({}, {}, package="teahouse", paths={**folders, "templates": []})
config["pylons.app_globals"] = Globals()
config["pylons.h"] = None

mapper = Mapper()
mapper.connect("/", controller="tea", action="index")
mapper.connect("/special/{action}/{id}", controller="tea")
mapper.connect("/{controller}/{action}")
mapper.create_regs(["tea"])

if "ddtrace" in sys.modules:
    # What it does to `PylonsApp` by itself breaks with Pylons 1.0: this is what its documentation says to do. To trace
    # templates it wants the configuration to be there before a request is.
    from ddtrace import tracer
    from ddtrace.contrib.pylons import PylonsTraceMiddleware

    PylonsApp.__init__ = PylonsApp.__init__.__wrapped__
    pylons.config.push_process_config(config)
    app = PylonsTraceMiddleware(PylonsApp(config=config), tracer)
else:
    app = PylonsApp(config=config)
app = RegistryManager(SessionMiddleware(RoutesMiddleware(app, mapper, singleton=False), config))


ask = serve(app)


with step("a page"):
    assert ask("/") == 200

with step("a controller and an action of the URL"):
    assert ask("/tea/index") == 200

with step("a route with arguments"):
    assert ask("/special/cups/2") == 200

with step("another method"):
    assert ask("/tea/index", "POST") == 200

with step("a page made by Mako"):
    assert ask("/tea/menu") == 200

with step("a part of it"):
    assert ask("/tea/part") == 200

with step("a page made by Jinja2"):
    assert ask("/tea/card") == 200

with step("a session"):
    assert ask("/tea/session") == 200

with step("a streamed body"):
    assert ask("/tea/slow") == 200

with step("a streamed body that breaks off", http.client.IncompleteRead, ConnectionError):
    ask("/tea/slow_broken")
    raise ConnectionError  # HTTP/1.0: the client cannot tell

with step("an exception in an action"):
    assert ask("/tea/boom") == 500

with step("a 404 that is raised"):
    assert ask("/tea/gone") == 404

with step("a 403 that is raised"):
    assert ask("/tea/refused") == 403

with step("an error that is raised"):
    assert ask("/tea/later") == 503

with step("an error by status alone"):
    assert ask("/tea/nothing") == 503

with step("moved elsewhere"):
    assert ask("/tea/moved") == 302

with step("no such action"):
    assert ask("/tea/no_such_action") == 404

with step("an action that is private"):
    assert ask("/tea/_private") == 404

with step("no such page"):
    assert ask("/no/such/page") == 404

with step("HEAD"):
    assert ask("/tea/index", "HEAD") == 200

with step("a method that nobody knows"):
    assert ask("/tea/index", "BREW") == 200

with step("secrets in the query"):
    assert ask("/?token=abc&page=1&password=hunter2") == 200

with step("an odd URL"):
    assert ask("/special/cups/gr%C3%BCn%3F?q=%20%C3%A9&empty") == 200

with step("another host, and where the guest comes from"):
    assert ask("/", Host="tea.example", Referer="https://guide.example/tea?page=1") == 200

with step("nobody says who asks"):
    assert ask("/", **{"User-Agent": ""}) == 200

with step("continued from a service traced by Datadog"):
    ask("/", **{"x-datadog-trace-id": "1311768467463790320", "x-datadog-parent-id": "77"})

with step("continued by W3C headers"):
    ask("/", traceparent="00-640cfd8d0000abcd12345678901234f1-000000000000004d-01", tracestate="dd=s:1,other=1")
