"""Everything a person runs: demo, tests, oldest, bench, outage, lint, types. `nox --list` says what is there.

What each session needs stands in `[dependency-groups]` of pyproject.toml, which Pythons are supported in its
classifiers.
"""

from __future__ import annotations

import pathlib
import sys
import tarfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.16"
nox.options.default_venv_backend = "uv|virtualenv"
# A Python that is not there is left out, and said so; with CI set it is an error. It is never fetched.
nox.options.download_python = "never"
nox.options.sessions = ["lint", "types", "tests"]

DDTRACE = "ddtrace==4.16.0"
PYPROJECT = nox.project.load_toml("pyproject.toml")
SUPPORTED = nox.project.python_versions(PYPROJECT)
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
# A machine that has only a newer Python than we know of tests on that one.
PYTHONS = [*SUPPORTED, *({RUNNING} - set(SUPPORTED))]


def install(session: nox.Session, group: str, *project: str) -> None:
    """Installs a dependency group, and the project itself where it is given, such as `.[all]`."""
    session.install(*project, *nox.project.dependency_groups(PYPROJECT, group))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, on each supported Python; what follows `--` goes to pytest."""
    install(session, "test", ".[all]")
    # As many at a time as there are cores; the tests of one file one after the other.
    session.run("pytest", "--numprocesses", "auto", "--dist", "loadfile", *session.posargs)


@nox.session(python="3.11")
def oldest(session: nox.Session) -> None:
    """Each plugin's tests on the oldest release that runs on Python 3.11; `-- flask` for one."""
    pins: dict[str, list[str]] = PYPROJECT["tool"]["otel-dd-distro"]["oldest"]
    # moto_server is found from here, too: it and the oldest botocore would not get on.
    install(session, "aws", "uv")
    for name in session.posargs or pins:
        folder = pathlib.Path(session.create_tmp()) / name
        python = str(folder / "bin" / "python")
        if not folder.exists():
            session.run("uv", "venv", "--quiet", "--python", str(Path(session.bin, "python")), str(folder))
        needed = (*nox.project.dependency_groups(PYPROJECT, "plugins"), *pins[name])
        session.run("uv", "pip", "install", "--quiet", "--python", python, "--editable", ".", *needed)
        # What old releases are warned of is not ours to mend.
        tests = f"tests/otel_instrumentors/test_{name}.py"
        session.run(python, "-m", "pytest", "--quiet", "-W", "default", tests, external=True)


@nox.session
def demo(session: nox.Session) -> None:
    """The example shop, traced without a change; `-- --serve` keeps it up."""
    install(session, "demo", ".[flask,jinja2,requests,sqlite3]")
    # Ctrl-C: the demo has processes of its own to stop.
    session.run("python", "examples/demo.py", *session.posargs, interrupt_timeout=15)


def peer(session: nox.Session, name: str, *requirements: str) -> str:
    """The Python of an environment beside the session's own, for a tracer to be compared with."""
    folder = pathlib.Path(session.create_tmp()) / name
    session.run("python", "-m", "venv", "--clear", str(folder))
    python = str(folder / "bin" / "python")
    # Contrib's releases are all betas of each other, which pip finds no way through. Compiled, as pip does it.
    session.install("uv")
    session.run("uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *requirements)
    return python


BENCH_LIBRARIES = ("django", "flask", "gunicorn", "jinja2", "psycopg[binary]", "redis", "requests")
BENCH_CONTRIB = ("django", "flask", "jinja2", "psycopg", "redis", "requests", "sqlite3")


@nox.session
def bench(session: nox.Session) -> None:
    """What tracing costs, five sides in turns; the table goes into the README, all of it into benchmarks/results."""
    extras = "django,flask,jinja2,psycopg,redis,requests,sqlite3"
    # Compiled as pip does it; without, the start-up of our side alone would compile every module.
    session.install(f".[{extras}]", *BENCH_LIBRARIES, "matplotlib", env={"UV_COMPILE_BYTECODE": "1"})
    bare = peer(session, "bare", *BENCH_LIBRARIES)
    ddtrace = peer(session, "ddtrace", DDTRACE, *BENCH_LIBRARIES)
    instrumentors = [f"opentelemetry-instrumentation-{name}" for name in BENCH_CONTRIB]
    exporter = "opentelemetry-exporter-otlp-proto-http"
    contrib = peer(session, "contrib", "opentelemetry-distro", exporter, *instrumentors, *BENCH_LIBRARIES)
    ours = str(pathlib.Path(session.bin, "python"))
    sides = ("--bare", bare, "--ours", ours, "--ddtrace", ddtrace, "--contrib", contrib)
    results = pathlib.Path(session.create_tmp(), "results")
    results.mkdir(exist_ok=True)

    def measure(part: str, *options: str) -> None:
        session.run("python", f"benchmarks/{part}.py", *options, "--json", str(results / f"{part}.json"))

    measure("startup", "--ours", ours, "--ddtrace", ddtrace, "--contrib", contrib)
    measure("span", "--ddtrace", ddtrace, "--otlp", contrib)
    measure("propagation", "--ddtrace", ddtrace)
    measure("applications", *sides)
    measure("saturation", *sides)
    for part in ("kernel", "wire", "sampling", "stats"):
        session.run("python", f"benchmarks/{part}.py")
    session.run("python", "benchmarks/report.py", str(results), "benchmarks/results")


@nox.session
def outage(session: nox.Session) -> None:
    """A minute of an Agent that is away, and one of an Agent that never answers, at 100 requests a second."""
    session.install(".[all]")
    session.run("python", "benchmarks/outage.py", *session.posargs)


@nox.session
def ddtrace(session: nox.Session) -> None:
    """The other side of `parity`: ddtrace, and the libraries that the extras name."""
    extras = PYPROJECT["project"]["optional-dependencies"]
    libraries = [line for name, lines in extras.items() if name not in ("all", "otlp") for line in lines]
    install(session, "ddtrace", *libraries)


@nox.session(requires=["ddtrace"])
def parity(session: nox.Session) -> None:
    """The same programs under ddtrace and under ours, span by span, in parity/report.html; `-- flask` for one."""
    install(session, "parity", ".[all]")
    other = Path(session.virtualenv.location).with_name("ddtrace") / "bin" / "python"
    session.run("python", "-m", "parity", "--ddtrace", str(other), *session.posargs)


@nox.session
def torture(session: nox.Session) -> None:
    """How programs are started and ended, and what their Agents do, in docs/torture.md; `-- --ci` for some of it."""
    install(session, "torture", ".[celery,django,flask,gevent,redis]")
    session.run("python", "-m", "torture", *session.posargs, interrupt_timeout=15)


@nox.session
def conformance(session: nox.Session) -> None:
    """The OpenTelemetry SDK's own tests of tracing, from its source distribution, on the light tracer."""
    session.install(".", "hatchling", "opentelemetry-test-utils", "pip", "pytest>=8")
    ask = "from importlib.metadata import version; print(version('opentelemetry-sdk'))"
    version = str(session.run("python", "-c", ask, silent=True)).strip()
    place = pathlib.Path(session.create_tmp())
    wanted = ("--no-deps", "--no-binary", ":all:", "--no-build-isolation", f"opentelemetry-sdk=={version}")
    session.run("python", "-m", "pip", "download", "--quiet", "--dest", str(place), *wanted)
    source = place / f"opentelemetry_sdk-{version}"
    with tarfile.open(f"{source}.tar.gz") as archive:
        archive.extractall(place)
    plugin = str(pathlib.Path("tests", "otel_dd_distro", "tracing").resolve())
    for way in ("full", "short"):
        with session.chdir(source):
            env = {"PYTHONPATH": plugin, "CONFORMANCE": way}
            session.run("pytest", "-c", "pyproject.toml", "-p", "conformance", "tests/trace", *session.posargs, env=env)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and format."""
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict."""
    install(session, "types", ".[all]")
    session.run("mypy", "src", "instrumentations/otel_instrumentors")


@nox.session
def dev(session: nox.Session) -> None:
    """A virtual environment to work in, with everything: `. .nox/dev/bin/activate`."""
    install(session, "dev")
    session.install("-e", ".[all]")
