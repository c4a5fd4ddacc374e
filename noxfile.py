"""Everything a person runs: demo, tests, oldest, bench, outage, lint, types. `nox --list` says what is there.

What each session needs stands in `[dependency-groups]` of pyproject.toml, which Pythons are supported in its
classifiers; of these, `newest` there names those that only the session of this name runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.10.16"
# Not pip: it knows no overrides, which pyproject.toml has some of.
nox.options.default_venv_backend = "uv"
# A Python that is not there is left out, and said so; with CI set it is an error. It is never fetched.
nox.options.download_python = "never"
nox.options.sessions = ["lint", "types", "tests"]

DDTRACE = "ddtrace==4.16.0"
PYPROJECT = nox.project.load_toml("pyproject.toml")
TABLES = PYPROJECT["tool"]["otel-dd-distro"]
OLDEST, APART, PEERS = TABLES["oldest"], TABLES["apart"], TABLES["peers"]
PLUGINS = PYPROJECT["project"]["entry-points"]["opentelemetry_instrumentor"]
EXTRAS: Mapping[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
# This project with every library that gets on with the others.
EVERYTHING = f".[{','.join(['all', 'view', *(name for name in TABLES['not-in-all'] if name not in APART)])}]"
# Those that a machine has, and CI wants; `newest` gets the others itself.
SUPPORTED = [python for python in nox.project.python_versions(PYPROJECT) if python not in TABLES["newest"]]
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
# A machine that has only a newer Python than we know of tests on that one. The ends come first: they tell most.
PYTHONS = [SUPPORTED[-1], SUPPORTED[0], *SUPPORTED[1:-1], *({RUNNING} - set(SUPPORTED))]
# The Python of old releases, of libraries and of ddtrace.
PYTHON_OF_THE_OLD = "3.11"
DEBIAN = Path("tests", "servers", "packages.txt")
# Of .ci/run's hour: what is to be left for all that follows the tests on the newest Python.
LEFT_FOR_THE_REST_S = 2400
# As many tests at a time as there are cores; those of one file one after the other, the files as they are collected.
TOGETHER = ("--numprocesses", "auto", "--dist", "loadfile", "--no-loadscope-reorder")


def install(session: nox.Session, group: str, *project: str) -> None:
    """Installs a dependency group, and the project itself where it is given, such as `.[all]`."""
    session.install(*project, *nox.project.dependency_groups(PYPROJECT, group))


def environment(session: nox.Session, name: str, *requirements: str, python: str = "") -> str:
    """The Python of a new environment beside the session's own."""
    folder = Path(session.create_tmp(), name).absolute()
    made_by = python or str(Path(session.bin, "python"))
    session.run("uv", "venv", "--quiet", "--clear", "--no-python-downloads", "--python", made_by, str(folder))
    found = str(folder / "bin" / "python")
    session.run("uv", "pip", "install", "--quiet", "--python", found, *requirements)
    return found


def test_file(plugin: str) -> str:
    return f"tests/otel_instrumentors/test_{plugin}.py"


@cache
def there(python: str) -> bool:
    """Whether a Python is installed: the shims of pyenv are, and need not run."""
    command = shutil.which(f"python{python}")
    return bool(command) and subprocess.run([command, "-c", ""], capture_output=True).returncode == 0


@nox.session(python=False)
def servers(session: nox.Session) -> None:
    """What the tests' servers come from: Debian's packages, installed where that is allowed, and jars from Maven."""
    named = [line for line in DEBIAN.read_text().splitlines() if line and not line.startswith("#")]
    ask = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}"]
    debian = all(map(shutil.which, ("apt-get", "dpkg-query")))
    missing = [
        name for name in named if debian and subprocess.run([*ask, name], capture_output=True).stdout != b"installed"
    ]
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if not debian:
        session.warn('this is not Debian: what is missing has to come from elsewhere (CONTRIBUTING.md, "Servers")')
    elif missing and os.geteuid() != 0:
        session.warn(f"missing, and only root may install it: {' '.join(command)}")
    elif missing:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        # What fails here is what the tests then say is missing.
        session.run("apt-get", "update", "--quiet", env=quiet, silent=True, success_codes=range(256))
        session.run(*command, env=quiet, silent=True, success_codes=range(256))
    session.run(sys.executable, "-m", "tests.servers", success_codes=(0, 1))


@nox.session(python=PYTHONS, requires=["servers"])
def tests(session: nox.Session) -> None:
    """The tests, on each supported Python; what follows `--` goes to pytest.

    All of them on the newest and on the oldest Python that is there, and on those between what depends on the Python.
    So on the oldest one where .ci/run has used a third of its time before: what comes after tells more.
    """
    in_time(session)
    ends = [python for python in SUPPORTED if there(python)]
    in_part = session.python in ends[1:-1] and not session.posargs
    if session.python == ends[0] and len(ends) > 1 and seconds_left() < LEFT_FOR_THE_REST_S and not session.posargs:
        print(f"left out for time: {session.name}, what does not depend on the Python", flush=True)
        in_part = True
    arguments = ["--depends-on-python"] if in_part else session.posargs
    apart = [plugin for plugin in APART if not session.posargs or test_file(plugin) in session.posargs]
    shared = [argument for argument in arguments if argument not in map(test_file, apart)]
    if shared or not session.posargs:
        install(session, "test", EVERYTHING)
        session.run("pytest", *TOGETHER, *shared)
    for plugin in apart:
        needed = (*nox.project.dependency_groups(PYPROJECT, "plugins"), *APART[plugin])
        python = environment(session, plugin, f".[{plugin}]", *needed)
        session.run(python, "-m", "pytest", *(arguments if in_part else ()), test_file(plugin), external=True)


@nox.session(python=PYTHON_OF_THE_OLD, requires=["servers"])
def oldest(session: nox.Session) -> None:
    """Each plugin's tests on the oldest release that runs on Python 3.11; `-- flask` for one."""
    # moto_server is found from here, too: it and the oldest botocore would not get on.
    install(session, "aws")
    group = nox.project.dependency_groups(PYPROJECT, "plugins")

    def tested(plugin: str) -> None:
        python = environment(session, plugin, "--editable", ".", *group, *OLDEST[plugin])
        # What old releases are warned of is not ours to mend.
        command = (python, "-m", "pytest", "--quiet", "-W", "default", test_file(plugin))
        session.run(*command, external=True, silent=True)

    together(session, {plugin: partial(tested, plugin) for plugin in session.posargs or OLDEST})


def together(session: nox.Session, jobs: Mapping[str, Callable[[], None]]) -> None:
    """Runs each, as many at a time as there are cores; fails with the names of those that fail."""

    def ran(name: str) -> bool:
        began, word = time.monotonic(), "passed"
        try:
            jobs[name]()
        except CommandFailed:
            word = "FAILED"
        session.log(f"{name}: {word} after {time.monotonic() - began:.0f} s")
        return word == "passed"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = [name for name, passed in zip(jobs, pool.map(ran, jobs), strict=True) if not passed]
    if failed:
        session.error(f"failed: {', '.join(failed)}")


def seconds_left() -> float:
    """Until .ci/run begins nothing more; without it there is no end."""
    return float(os.environ.get("CI_NOTHING_BEGINS_AFTER", "inf")) - time.time()


def in_time(session: nox.Session) -> None:
    """Leaves the session out where .ci/run has no time left for it."""
    if seconds_left() < 0:
        print(f"left out for time: {session.name}", flush=True)
        session.skip("no time left")


@nox.session
def demo(session: nox.Session) -> None:
    """The example shop, traced without a change; `-- --serve` keeps it up."""
    install(session, "demo", ".[fastapi,flask,jinja2,requests,sqlite3,view]")
    # Ctrl-C: the demo has processes of its own to stop.
    session.run("python", "examples/demo.py", *session.posargs, interrupt_timeout=15)


BENCH_LIBRARIES = (
    *(
        "aiohttp",
        "aiokafka",
        "botocore",
        "celery",
        "confluent-kafka",
        "django",
        "fastapi",
        "flask",
        "gunicorn",
        "httpx",
    ),
    *("jinja2", "psycopg[binary]", "redis", "requests"),
)
BENCH_CONTRIB = (
    *("aiohttp-client", "aiokafka", "botocore", "celery", "confluent-kafka", "django", "fastapi", "flask", "httpx"),
    *("jinja2", "psycopg", "redis", "requests", "sqlite3"),
)


@nox.session
def bench(session: nox.Session) -> None:
    """What tracing costs, five sides in turns; the table goes into the README, all of it into benchmarks/results."""
    extras = (
        "aiohttp,aiokafka,botocore,celery,confluent_kafka,django,fastapi,flask,httpx,jinja2,psycopg,redis,requests,"
        "sqlite3"
    )
    # Compiled as pip does it; without, the start-up of our side alone would compile every module.
    session.install(f".[{extras}]", *BENCH_LIBRARIES, "matplotlib", env={"UV_COMPILE_BYTECODE": "1"})
    beside = partial(environment, session)
    bare = beside("bare", "--compile-bytecode", *BENCH_LIBRARIES)
    ddtrace = beside("ddtrace", "--compile-bytecode", DDTRACE, *BENCH_LIBRARIES)
    instrumentors = [f"opentelemetry-instrumentation-{name}" for name in BENCH_CONTRIB]
    exporter = "opentelemetry-exporter-otlp-proto-http"
    distro = ("opentelemetry-distro", exporter, *instrumentors)
    contrib = beside("contrib", "--compile-bytecode", *distro, *BENCH_LIBRARIES)
    # Apart: it would add its handler to what the others do.
    logging = beside(
        "contrib-logging", "--compile-bytecode", "opentelemetry-sdk", "opentelemetry-instrumentation-logging"
    )
    ours = str(Path(session.bin, "python"))
    sides = ("--bare", bare, "--ours", ours, "--ddtrace", ddtrace, "--contrib", contrib)
    results = Path(session.create_tmp(), "results")
    results.mkdir(exist_ok=True)

    def measure(part: str, *options: str, of: str = "") -> None:
        session.run("python", f"benchmarks/{part}.py", *options, "--json", str(results / f"{part}{of}.json"))

    measure("startup", "--ours", ours, "--ddtrace", ddtrace, "--contrib", contrib)
    measure("span", "--ddtrace", ddtrace, "--otlp", contrib)
    for kind in ("http", "db", "instrumentor"):
        only = ("light", "plain", "ddtrace", "otlp")
        options = ("--only", *only, "--attributes", kind)
        measure("span", "--ddtrace", ddtrace, "--otlp", contrib, *options, of=f"_{kind}")
    measure("propagation", "--ddtrace", ddtrace)
    measure("log_records", "--ddtrace", ddtrace, "--contrib", logging)
    measure("applications", *sides)
    measure("saturation", *sides)
    for part in ("layers", "wire"):
        session.run("python", f"benchmarks/{part}.py", "--markdown", f"benchmarks/results/{part}.md")
    for part in ("kernel", "gathering", "sampling", "stats"):
        session.run("python", f"benchmarks/{part}.py")
    session.run("python", "benchmarks/report.py", str(results), "benchmarks/results")


@nox.session
def outage(session: nox.Session) -> None:
    """A minute of an Agent that is away, and one of an Agent that never answers, at 100 requests a second."""
    session.install(".[all]")
    session.run("python", "benchmarks/outage.py", *session.posargs)


@nox.session
def streams(session: nox.Session) -> None:
    """Memory over 100,000 streamed requests."""
    session.install(".[starlette]")
    session.run("python", "benchmarks/streams.py", *session.posargs)


@nox.session
def ddtrace(session: nox.Session) -> None:
    """The other side of `parity`: ddtrace, and the libraries that the extras name."""
    libraries = [line for name in PLUGINS if name not in APART for line in EXTRAS[name]]
    install(session, "ddtrace", *libraries)


# Of `parity`, what is no scenario: both sides are one process.
RUNTIME_METRICS = "runtime_metrics"


@nox.session(requires=["servers", "ddtrace"])
def parity(session: nox.Session) -> None:
    """The same programs under ddtrace and under ours, span by span, in parity/report.html; `-- flask` for one.

    And the runtime metrics of both, of one process: `-- runtime_metrics`.
    """
    install(session, "parity", EVERYTHING)
    other = Path(session.virtualenv.location).with_name("ddtrace") / "bin" / "python"
    everything = [RUNTIME_METRICS, *sorted(path.stem for path in Path("parity", "scenarios").glob("*.py"))]
    asked = session.posargs or everything
    if RUNTIME_METRICS in asked:
        both = environment(session, "both", DDTRACE, ".", python=PYTHON_OF_THE_OLD)
        session.run(both, "-m", f"parity.{RUNTIME_METRICS}", external=True)
    scenarios = [name for name in asked if name != RUNTIME_METRICS]
    alone = {name: plugin_of(name) for name in scenarios if plugin_of(name) in {*APART, *PEERS}}
    shared = [name for name in scenarios if name not in alone]
    if shared:
        session.run("python", "-m", "parity", "--ddtrace", str(other), *shared)
    for plugin in sorted(set(alone.values())):
        compared = nox.project.dependency_groups(PYPROJECT, "compared")
        # What stands apart has nothing beside it but what it names.
        libraries = (*EXTRAS[plugin], *APART.get(plugin, compared))
        theirs = (*PEERS.get(plugin, (DDTRACE,)), *libraries)
        ours = (*nox.project.dependency_groups(PYPROJECT, "agent", "demo"), "tomli", f".[{plugin}]", *libraries)
        sides = [
            environment(session, f"{plugin}-{side}", *requirements, python=PYTHON_OF_THE_OLD)
            for side, requirements in (("ours", ours), ("ddtrace", theirs))
        ]
        named = [name for name in alone if alone[name] == plugin]
        page = ("--page", f"parity/report-{plugin}.html")
        session.run(sides[0], "-m", "parity", "--ddtrace", sides[1], *page, *named, external=True)


def plugin_of(scenario: str) -> str:
    """A scenario's name begins with its plugin's."""
    return max((name for name in PLUGINS if f"{scenario}_".startswith(f"{name}_")), key=len, default="")


@nox.session(python=PYTHON_OF_THE_OLD, requires=["servers"])
def torture(session: nox.Session) -> None:
    """How programs are started and ended, and what their Agents do, in docs/torture.md; `-- --ci` for some of it."""
    in_time(session)
    install(session, "torture", ".[celery,django,flask,gevent,redis]")
    session.run("python", "-m", "torture", *session.posargs, interrupt_timeout=15)


@nox.session(python=PYTHON_OF_THE_OLD, requires=["servers"])
def transparency(session: nox.Session) -> None:
    """Libraries' own tests, bare and traced, in docs/transparency.md; `-- flask` for one, `-- --ci` for some."""
    in_time(session)
    install(session, "transparency", ".[redis]")
    # The environments and the sources stay for the next time.
    place = str(Path(session.create_tmp()).absolute())
    session.run("python", "-m", "transparency", *session.posargs, env={"TRANSPARENCY_PLACE": place})


@nox.session(requires=["servers"])
def newest(session: nox.Session) -> None:
    """Plugins' tests on Python 3.14 and 3.15, in docs/newest-python.md; `-- --python 3.15 flask` for one."""
    install(session, "newest", ".[redis]")
    session.run("python", "-m", "newest", *session.posargs, interrupt_timeout=15)


@nox.session
def conformance(session: nox.Session) -> None:
    """The OpenTelemetry SDK's own tests of tracing, from its source distribution, on the light tracer."""
    session.install(".", "hatchling", "opentelemetry-test-utils", "pip", "pytest>=8")
    ask = "from importlib.metadata import version; print(version('opentelemetry-sdk'))"
    version = str(session.run("python", "-c", ask, silent=True)).strip()
    place = Path(session.create_tmp())
    wanted = ("--no-deps", "--no-binary", ":all:", "--no-build-isolation", f"opentelemetry-sdk=={version}")
    session.run("python", "-m", "pip", "download", "--quiet", "--dest", str(place), *wanted)
    source = place / f"opentelemetry_sdk-{version}"
    with tarfile.open(f"{source}.tar.gz") as archive:
        archive.extractall(place)
    plugin = str(Path("tests", "otel_dd_distro", "tracing").resolve())
    for way in ("full", "short"):
        with session.chdir(source):
            env = {"PYTHONPATH": plugin, "CONFORMANCE": way}
            session.run("pytest", "-c", "pyproject.toml", "-p", "conformance", "tests/trace", *session.posargs, env=env)


CONTRIB = (
    # Those that take longest come first.
    *("botocore", "httpx", "celery", "aiohttp_client", "aiohttp_server"),
    *("aio_pika", "aiokafka", "aiopg", "asgi", "asyncio", "asyncpg", "boto3sqs", "cassandra", "confluent_kafka"),
    *("django", "falcon", "fastapi", "flask", "grpc", "jinja2", "kafka", "logging", "mysql", "mysqlclient", "pika"),
    *("psycopg", "psycopg2", "pymemcache", "pymongo", "pymysql", "pyramid", "redis", "requests", "sqlalchemy"),
    *("sqlite3", "starlette", "structlog", "threading", "tornado", "urllib3", "wsgi"),
)
"""The packages of opentelemetry-python-contrib of which ours has a counterpart, by the names of their modules."""

CONTRIB_NAMES = {"kafka": "kafka_python"}
"""What their distributions are named after, where that is not the module."""

CONTRIB_IN_CI = ("django", "flask", "grpc", "logging", "redis", "requests", "sqlalchemy", "starlette", "urllib3")
"""With these CI is done in a few minutes."""


@nox.session(python=PYTHON_OF_THE_OLD, requires=["servers"])
def contrib(session: nox.Session) -> None:
    """contrib's own tests, from their source distributions, on our instrumentors; `-- flask`: one, `-- --ci`: some.

    All of them write what came of them into docs/migrating-from-opentelemetry.md.
    """
    in_time(session)
    packages = CONTRIB_IN_CI if session.posargs == ["--ci"] else session.posargs or CONTRIB
    distributions = {
        name: f"opentelemetry-instrumentation-{CONTRIB_NAMES.get(name, name).replace('_', '-')}" for name in CONTRIB
    }
    install(session, "contrib", EVERYTHING, *distributions.values())
    # Theirs want plugins of pytest that ours does not.
    only = () if packages is CONTRIB else ("-k", " or ".join(("not exam", *packages)))
    own = ("contrib/test_company.py", "contrib/test_middlewares.py")
    session.run("python", "-m", "pytest", "-p", "no:asyncio", "-p", "no:aiohttp", *only, *own)
    place = Path(session.create_tmp()).absolute()
    # As they are installed: tests and what they look into are of one release.
    wanted = [distributions[name] for name in packages]
    ask = f"from importlib.metadata import version; print(*(f'{{n}}=={{version(n)}}' for n in {wanted}))"
    pinned = str(session.run("python", "-c", ask, silent=True)).split()
    flags = ("--quiet", "--no-deps", "--no-binary", ":all:", "--no-build-isolation")
    session.run("python", "-m", "pip", "download", *flags, "--dest", str(place), *pinned)
    python = str(Path(session.bin, "python").absolute())
    results = place / "results"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir()

    def tested(name: str) -> None:
        (archive,) = place.glob(f"opentelemetry_instrumentation_{CONTRIB_NAMES.get(name, name)}-[0-9]*.tar.gz")
        with tarfile.open(archive) as found:
            found.extractall(place)
        folder = str(archive).removesuffix(".tar.gz")
        # Theirs and ours are called `tests`; the generated code in gRPC's is of an old protobuf.
        paths = os.pathsep.join([folder, os.getcwd()])
        env = {"CONTRIB": name, "CONTRIB_RESULTS": str(results), "PYTHONPATH": paths}
        env["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
        quiet = ("-q", "-W", "ignore", "-p", "no:cacheprovider", "--timeout", "120")
        command = (python, "-m", "pytest", "-p", "contrib.alias", *quiet, f"{folder}/tests")
        session.run(*command, env=env, external=True, silent=True)

    try:
        together(session, {name: partial(tested, name) for name in packages})
    finally:
        session.run("python", "-m", "contrib.results", str(results), *(() if packages is CONTRIB else packages))


@nox.session(python=PYTHON_OF_THE_OLD, requires=["servers"])
def examples(session: nox.Session) -> None:
    """The spans on the pages of instrumentations, recorded again in docs/examples.json; `-- flask` for one."""
    record = "docs/record_examples.py"
    shared = [name for name in session.posargs if name not in APART]
    if shared or not session.posargs:
        install(session, "test", EVERYTHING)
        session.run("python", record, *shared)
    for plugin in APART:
        if plugin in session.posargs or not session.posargs:
            needed = (*nox.project.dependency_groups(PYPROJECT, "plugins"), *APART[plugin])
            session.run(environment(session, plugin, f".[{plugin}]", *needed), record, plugin, external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as a site, in site/; a link inside of it that leads nowhere is an error."""
    install(session, "docs", ".")
    session.run("python", "docs/gather.py")
    session.run("zensical", "build", "--clean", "--strict")


@nox.session
def lint(session: nox.Session) -> None:
    """Style and format."""
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict."""
    install(session, "types", EVERYTHING)
    session.run("mypy", "src", "instrumentations/otel_instrumentors")


@nox.session
def dev(session: nox.Session) -> None:
    """A virtual environment to work in, with everything: `. .nox/dev/bin/activate`."""
    install(session, "dev")
    session.install("-e", EVERYTHING)
