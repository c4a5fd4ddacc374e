"""What `python -m otel_dd_distro` sets up, in its own process and in the Pythons that a program starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from otel_dd_distro.bootstrap import CHILDREN
from tests.agents import Session, clean_environ

APPS = Path(__file__).parents[1] / "apps"
SPANS = Counter(
    [
        ("flask.request", "greeter", "GET /hello/<name>"),
        ("flask.request", "greeter", "GET /rows"),
        ("sqlite.query", "sqlite", "SELECT 1"),
    ]
)


def started(*command: str, cwd: Path = APPS, **variables: str) -> subprocess.CompletedProcess[str]:
    """Of this Python, to its end."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = clean_environ(**{"DD_SERVICE": "greeter", "PATH": path, **variables})
    return subprocess.run([sys.executable, *command], env=environ, cwd=cwd, capture_output=True, text=True, timeout=120)


def run(*command: str, cwd: Path = APPS, **variables: str) -> str:
    """What it prints; nothing on stderr."""
    done = started("-m", "otel_dd_distro", *command, cwd=cwd, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def sending(session: Session) -> dict[str, str]:
    headers = ",".join(f"{key}:{value}" for key, value in session.headers.items())
    url = session.agent.url
    return {
        "DD_TRACE_AGENT_URL": url,
        "_DD_TRACE_WRITER_ADDITIONAL_HEADERS": headers,
    }


def arrived(session: Session) -> Counter[tuple[Any, ...]]:
    return Counter((span["name"], span["service"], span["resource"]) for span in session.spans())


@pytest.mark.parametrize("program", [("hello.py",), ("-m", "hello")])
def test_a_program_is_traced_with_no_line_changed(agent_session: Session, program: tuple[str, ...]) -> None:
    run(*program, "/hello/you", "/rows", **sending(agent_session))
    assert arrived(agent_session) == SPANS


WORK = "from opentelemetry import trace\nwith trace.get_tracer('shop').start_as_current_span('work'): pass\n"


@pytest.mark.parametrize(
    ("program", "service"), [(("work.py",), "{folder}"), (("-m", "work"), "unnamed-python-service")]
)
def test_a_program_without_a_service_has_the_one_that_is_inferred_of_it(
    agent_session: Session, tmp_path: Path, program: tuple[str, ...], service: str
) -> None:
    (tmp_path / "work.py").write_text(WORK)
    run(*program, cwd=tmp_path, **sending(agent_session), DD_SERVICE="")
    assert [span["service"] for span in agent_session.spans()] == [service.format(folder=tmp_path.name)]


def test_a_program_that_is_debugged_says_what_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "idle.py").write_text("")
    lines = started("-m", "otel_dd_distro", "idle.py", cwd=tmp_path, DD_TRACE_DEBUG="true").stderr.splitlines()
    assert sum("DATADOG TRACER CONFIGURATION - {" in line for line in lines) == 1


@pytest.mark.parametrize("light", ["true", "false"])
def test_datadogs_switch_goes_before_opentelemetrys(agent_session: Session, light: str) -> None:
    switches = {"DD_TRACE_OTEL_ENABLED": "true", "OTEL_SDK_DISABLED": "true", "OTEL_DD_LIGHT_TRACER": light}
    run("hello.py", "/hello/you", "/rows", **sending(agent_session), **switches)
    assert arrived(agent_session) == SPANS


CHILD = "import subprocess, sys; subprocess.run([sys.executable, 'hello.py', '/hello/you', '/rows'], check=True)"
SPAWNED = """
import multiprocessing, runpy, sys
def child():
    sys.argv[1:] = ["/hello/you", "/rows"]
    runpy.run_path("hello.py", run_name="__main__")
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=child)
    process.start(); process.join()
"""
FORKED = SPAWNED.replace("spawn", "fork")
AGAIN = "import os, sys; os.execv(sys.executable, [sys.executable, 'hello.py', '/hello/you', '/rows'])"
AS_STARTED = """
import os, sys
if sys.argv[1:] == ["again"]:
    sys.argv[1:] = ["/hello/you", "/rows"]
    import runpy
    runpy.run_path("hello.py", run_name="__main__")
else:
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], "again"])
"""


@pytest.mark.parametrize("source", [CHILD, SPAWNED, FORKED, AGAIN, AS_STARTED], ids=str.split)
def test_what_it_starts_is_traced_too(agent_session: Session, tmp_path: Path, source: str) -> None:
    (tmp_path / "starts.py").write_text(source)
    run(str(tmp_path / "starts.py"), **sending(agent_session))
    assert arrived(agent_session) == SPANS


def test_under_opentelemetry_instrument_it_does_nothing_more(agent_session: Session) -> None:
    instrument = str(Path(sys.executable).with_name("opentelemetry-instrument"))
    program = (sys.executable, "-m", "otel_dd_distro", "hello.py", "/hello/you", "/rows")
    done = started(instrument, *program, **sending(agent_session))
    assert (done.returncode, done.stderr) == (0, "")
    assert arrived(agent_session) == SPANS


TOLD = """
import os, sys
names = ("opentelemetry.sdk.trace", "opentelemetry.sdk.metrics", "opentelemetry.sdk._logs")
print([name for name in names if name in sys.modules])
print(sorted(name for name in sys.modules if name.startswith("otel_instrumentors.") and name.count(".") == 1))
print(os.environ.get("PYTHONPATH"))
"""


def told(tmp_path: Path, source: str = TOLD, **variables: str) -> list[str]:
    (tmp_path / "told.py").write_text(source)
    return run("told.py", cwd=tmp_path, **variables).splitlines()


FROZEN = "import gc; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"


def test_the_garbage_collector_is_spared_what_stays_to_the_end(tmp_path: Path) -> None:
    instrument = str(Path(sys.executable).with_name("opentelemetry-instrument"))
    assert told(tmp_path, FROZEN) == ["True True"]
    assert told(tmp_path, FROZEN, DD_TRACE_ENABLED="false") == ["True False"]
    assert started(instrument, sys.executable, "told.py", cwd=tmp_path).stdout == "True True\n"
    assert started("told.py", cwd=tmp_path).stdout == "True False\n"


def test_nothing_is_loaded_that_nobody_asked_for(tmp_path: Path) -> None:
    sdk, instrumentors, path = told(tmp_path, "import flask\n" + TOLD, PYTHONPATH="/nowhere")
    assert sdk == "['opentelemetry.sdk.trace']"
    assert "otel_instrumentors.flask" in instrumentors
    assert "otel_instrumentors.django" not in instrumentors
    assert "otel_instrumentors.psycopg" not in instrumentors
    assert path == f"{CHILDREN}{os.pathsep}/nowhere"


LATE = (
    *("otel_dd_distro.translate", "otel_dd_distro.stats", "otel_dd_distro.otlp.shown", "otel_dd_distro.doctor"),
    *("ormsgpack", "http.client", "opentelemetry.exporter", "opentelemetry.sdk.metrics", "opentelemetry.sdk._logs"),
)
IMPORTED = "import sys\nprint(' '.join(sys.modules))\n"
WITH_A_CALL = """
from opentelemetry import propagate, trace
with trace.get_tracer("shop").start_as_current_span("work"):
    propagate.inject({})
"""


@pytest.mark.parametrize("program", ["import sqlite3\n", WITH_A_CALL], ids=["without spans", "that calls another"])
def test_until_spans_are_sent_a_program_imports_nothing_that_translates_or_sends_them(
    agent_session: Session, tmp_path: Path, program: str
) -> None:
    (line,) = told(tmp_path, program + IMPORTED, **sending(agent_session))
    imported = line.split()
    assert "otel_dd_distro.pipeline" in imported
    assert [name for name in imported if name.startswith(LATE)] == []


def test_what_decides_by_the_names_of_spans_has_them_before_the_first_request(tmp_path: Path) -> None:
    rules = '[{"resource": "GET /", "sample_rate": 1}]'
    (line,) = told(tmp_path, IMPORTED, DD_TRACE_SAMPLING_RULES=rules)
    assert "otel_dd_distro.translate" in line.split()


def test_switched_off_it_does_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, DD_TRACE_ENABLED="false", DD_LOGS_INJECTION="false") == ["[]", "[]", "None"]
    assert told(tmp_path, OTEL_SDK_DISABLED="true", PYTHONPATH="/nowhere")[2] == "/nowhere"


def test_switched_off_it_does_nothing_but_for_log_records(tmp_path: Path) -> None:
    sdk, instrumentors, _ = told(tmp_path, DD_TRACE_ENABLED="false")
    assert (sdk, instrumentors) == (
        "[]",
        "['otel_instrumentors.families', 'otel_instrumentors.kernel', 'otel_instrumentors.logging']",
    )


@pytest.mark.parametrize("variable", ["DD_TRACE_FLASK_ENABLED=false", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=flask"])
def test_an_instrumentor_that_is_switched_off_is_not_loaded(tmp_path: Path, variable: str) -> None:
    name, _, value = variable.partition("=")
    _, instrumentors, _ = told(tmp_path, "import flask\n" + TOLD, **{name: value})
    assert "otel_instrumentors.flask" not in instrumentors
    assert "otel_instrumentors.jinja2" in instrumentors


FOREIGN = """
import os
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

class Nothing:
    def instrumentation_dependencies(self): return []
    def _uninstrument(self, **_): pass

class Instrumentor(Nothing, BaseInstrumentor):
    def _instrument(self, **_): print("foreign, children:", os.environ.get("PYTHONPATH", "").endswith("children"))

class Broken(Nothing, BaseInstrumentor):
    def _instrument(self, **_): raise ValueError("broken")

class Flask(Nothing, BaseInstrumentor):
    def _instrument(self, **_): print("another Flask")

class Absent(Nothing, BaseInstrumentor):
    def _instrument(self, **_): import a_library_that_nobody_has

class Half(Nothing, BaseInstrumentor):
    def _instrument(self, **_): from os import nothing_of_the_kind

def before(): print("before")
def after(): print("after")
"""
NAMES = """\
[opentelemetry_pre_instrument]
foreign = foreign:before
[opentelemetry_instrumentor]
aaa = foreign:Broken
absent = foreign:Absent
flask = foreign:Flask
foreign = foreign:Instrumentor
half = foreign:Half
[opentelemetry_post_instrument]
foreign = foreign:after
"""


def foreign(folder: Path, name: str, *, requires: str = "", names: str = NAMES) -> None:
    """A distribution of somebody else's in `folder`."""
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}")
    (information / "entry_points.txt").write_text(names)


def test_instrumentors_of_others_are_loaded_as_upstream_does(tmp_path: Path) -> None:
    (tmp_path / "foreign.py").write_text(FOREIGN)
    (tmp_path / "told.py").write_text("print('program')")
    foreign(tmp_path, "foreign")
    requires = 'Requires-Dist: packaging<1; extra == "instruments"\nProvides-Extra: instruments\n'
    foreign(tmp_path, "unfit", requires=requires, names="[opentelemetry_instrumentor]\nunfit = foreign:Instrumentor\n")
    requires = requires.replace("packaging<1", "a-library-that-nobody-has")
    foreign(tmp_path, "idle", requires=requires, names="[opentelemetry_instrumentor]\nidle = foreign:Instrumentor\n")

    done = started("-m", "otel_dd_distro", "told.py", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.stdout == "before\nforeign, children: False\nafter\nprogram\n"
    said = sorted(line.partition(":")[0].removesuffix(" and is skipped") for line in done.stderr.splitlines())
    assert said == ["Instrumentor aaa failed", "Instrumentor half cannot be imported", "Instrumentor unfit"]


def test_what_cannot_be_set_up_is_said_and_the_program_runs(tmp_path: Path) -> None:
    (tmp_path / "foreign.py").write_text("def before(): raise ValueError('broken')")
    (tmp_path / "told.py").write_text("print('program')")
    foreign(tmp_path, "foreign", names="[opentelemetry_pre_instrument]\nforeign = foreign:before\n")
    done = started("-m", "otel_dd_distro", "told.py", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "program\n")
    assert done.stderr.startswith("Tracing could not be set up; the program runs without it\n")
    assert done.stderr.endswith("ValueError: broken\n")


def test_the_standard_library_can_be_patched_first(tmp_path: Path) -> None:
    source = "from gevent import monkey; print(monkey.is_module_patched('socket'))"
    variable = "OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH"
    assert told(tmp_path, source, **{variable: "patch_all"}) == ["True"]
    assert told(tmp_path, source) == ["False"]


@pytest.mark.parametrize("broken", [False, True])
def test_another_sitecustomize_of_a_child_runs_as_it_would(tmp_path: Path, broken: bool) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('theirs')" + "\nimport a_library_that_nobody_has" * broken)
    program = "import sys; print('otel_dd_distro.bootstrap' in sys.modules)"
    done = started("-c", program, PYTHONPATH=f"{CHILDREN}{os.pathsep}{tmp_path}")
    assert (done.returncode, done.stdout) == (0, "theirs\nTrue\n")
    assert ("a_library_that_nobody_has" in done.stderr) == broken


def test_a_child_that_has_not_got_us_runs_as_it_would(tmp_path: Path) -> None:
    """Such as the Python of another environment."""
    program = "import sys; print('otel_dd_distro' in sys.modules)"
    done = started("-S", "-c", f"import sitecustomize; {program}", cwd=tmp_path, PYTHONPATH=CHILDREN)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")
