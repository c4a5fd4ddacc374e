"""Fixtures that rooms share."""

from __future__ import annotations

# Before the first provider is made: see configurator.py.
import concurrent.futures.thread  # noqa: F401
import gc
import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.agents import RunningAgent, Session, running_test_agent
from tests.servers import SERVERS, running, session

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Without this, a failed assertion of the exam says `AssertionError` and shows no values.
pytest.register_assert_rewrite(
    "tests.otel_instrumentors.contract",
    "tests.otel_instrumentors.correlating",
    "tests.otel_instrumentors.options_exam",
)

HERE = Path(__file__).parent
# The libraries that want an environment of their own, which `nox -s tests` makes.
APART = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["tool"]["otel-dd-distro"]["apart"]
# What a release of Python may break; of each plugin, its exam's tests that are marked so.
ROOMS_THAT_DEPEND_ON_PYTHON = (
    "otel_dd_distro/export",
    "otel_dd_distro/gathering",
    "otel_dd_distro/local_trace",
    "otel_dd_distro/test_",
    "otel_dd_distro/tracing",
    "otel_instrumentors/families",
    "otel_instrumentors/kernel",
    "otel_instrumentors/test_asyncio.py",
    "otel_instrumentors/test_futures.py",
    "otel_instrumentors/test_gevent.py",
    "otel_instrumentors/test_sqlite3.py",
)

# What takes longest, in this order: begun last, it would keep one core busy while the others have nothing left to do.
SLOW = (
    "test_workers.py",
    "test_road.py",
    "test_install.py",
    "otel_dd_distro/propagation/test_chain.py",
    "otel_dd_distro/doctor/test_command.py",
    "otel_dd_distro/runtime_metrics/test_reporter.py",
    "otel_dd_distro/view/test_page.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--depends-on-python", action="store_true", help="only what depends on the Python, for those between the ends"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The tests of a plugin that stands apart are run where they are named, and not among the others."""
    apart = collection_path in {HERE / "otel_instrumentors" / f"test_{plugin}.py" for plugin in APART}
    named = {(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args}
    return True if apart and collection_path not in named else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ranks = {HERE / path: rank for rank, path in enumerate(SLOW)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))
    if not config.getoption("--depends-on-python"):
        return
    chosen, others = [], []
    for item in items:
        marked = item.get_closest_marker("depends_on_python") or _depends(item.path)
        (chosen if marked else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = chosen


def pytest_collection_finish() -> None:
    """What was collected stays: looked through at every collection, and at every search for what a library has made
    before, it would take more time than many a test. What tests make is seen as ever."""
    gc.collect()
    gc.freeze()


def _depends(path: Path) -> bool:
    return path.relative_to(HERE).as_posix().startswith(ROOMS_THAT_DEPEND_ON_PYTHON)


def pytest_configure(config: pytest.Config) -> None:
    """One set of servers for this run; xdist's workers, which start later, belong to it."""
    stack = ExitStack()
    stack.enter_context(session())
    config.add_cleanup(stack.close)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """What a library's set-up of logging leaves behind: at a lower level pytest would keep every later test's lines."""
    root, switched_off = logging.getLogger(), logging.root.manager.disable
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.disable(switched_off)


@pytest.fixture(scope="session")
def test_agent() -> Iterator[RunningAgent]:
    """Datadog's test agent: one process for the whole run, `session()` keeps the tests apart."""
    with running_test_agent() as agent:
        yield agent


@pytest.fixture
def agent_session(test_agent: RunningAgent) -> Session:
    return test_agent.session()


def _server(name: str) -> pytest.FixtureDef[str]:
    @pytest.fixture(scope="session", name=name)
    def server() -> Iterator[str]:
        with running(name) as variable:
            yield variable[SERVERS[name].variable]

    return server


# One fixture for each server, of its name: the URL, which stands in its variable as well.
globals().update({name: _server(name) for name in SERVERS})
