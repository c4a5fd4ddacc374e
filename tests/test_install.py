"""The built wheel in clean virtual environments: what it drags in, what it stands beside, and that it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.agents import RunningAgent, clean_environ

ROOT = Path(__file__).parents[1]
NATIVE_OR_HEAVY = {"protobuf", "grpcio", "googleapis-common-protos", "requests", "cffi", "numpy"}
PROGRAM = """
from opentelemetry import trace
with trace.get_tracer("app").start_as_current_span("work"):
    pass
"""


def pip(*arguments: str) -> str:
    """pip of this environment or of the one that runs the tests, on behalf of an environment named by `--python`."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=clean_environ())
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """The Python of an empty virtual environment."""
    venv.create(tmp_path / "env", with_pip=False)
    return tmp_path / "env" / "bin" / "python"


def installed(python: Path) -> dict[str, str]:
    listed = json.loads(pip("--python", str(python), "list", "--format", "json"))
    return {entry["name"].lower().replace("_", "-"): entry["version"] for entry in listed}


def run(
    python: Path, agent: RunningAgent, token: str, *command: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    headers = f"X-Datadog-Test-Session-Token:{token}"
    return subprocess.run(
        command,
        env=clean_environ(
            PATH=f"{python.parent}{os.pathsep}{os.environ['PATH']}",
            DD_TRACE_AGENT_URL=agent.url,
            _DD_TRACE_WRITER_ADDITIONAL_HEADERS=headers,
            **variables,
        ),
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_wheel_is_pure_small_and_holds_both_halves(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    assert wheel.stat().st_size < 1_000_000
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("otel_dd_distro/py.typed", "otel_instrumentors/py.typed", "otel_instrumentors/flask.py"):
        assert needed in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "otel_dd_distro",
        "otel_instrumentors",
    }
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_base_install_drags_in_little_and_runs(wheel: Path, environment: Path, test_agent: RunningAgent) -> None:
    pip("--python", str(environment), "install", "--quiet", str(wheel))
    found = installed(environment)
    assert set(found) == {
        "otel-dd-distro",
        "opentelemetry-api",
        "opentelemetry-sdk",
        "opentelemetry-semantic-conventions",
        "opentelemetry-instrumentation",
        "ormsgpack",
        "packaging",
        "typing-extensions",
        "wrapt",
    }
    assert not NATIVE_OR_HEAVY & set(found)

    session = test_agent.session()
    done = run(environment, test_agent, session.token, "opentelemetry-instrument", str(environment), "-c", PROGRAM)
    assert (done.returncode, done.stderr) == (0, "")
    assert [span["resource"] for span in session.spans()] == ["work"]


@pytest.mark.parametrize(
    "beside",
    [
        ("protobuf==3.20.3", "wrapt<2"),
        ("protobuf>=4,<5", "wrapt>=2"),
        ("protobuf>=5,<6",),
        ("protobuf>=6,<7",),
        ("protobuf>=7",),
    ],
    ids=lambda requirements: " ".join(requirements),
)
def test_the_current_releases_resolve_beside_an_applications_own(
    wheel: Path, environment: Path, beside: tuple[str, ...], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    pip(
        *("--python", str(environment), "install", "--quiet", "--dry-run", "--report", str(report)),
        *(str(wheel), "opentelemetry-sdk>=1.45", *beside),
    )
    chosen = {
        entry["metadata"]["name"].lower(): entry["metadata"]["version"]
        for entry in json.loads(report.read_text())["install"]
    }
    assert "opentelemetry-sdk" in chosen
    assert "protobuf" in chosen


def test_it_runs_on_the_oldest_sdk_that_it_allows(wheel: Path, environment: Path, test_agent: RunningAgent) -> None:
    oldest = ("opentelemetry-sdk==1.36.0", "opentelemetry-instrumentation==0.57b0", "wrapt<2", "ormsgpack==1.10.0")
    pip("--python", str(environment), "install", "--quiet", f"{wheel}[flask,requests]", *oldest)
    session = test_agent.session()
    done = run(
        environment,
        test_agent,
        session.token,
        "opentelemetry-instrument",
        str(environment),
        str(ROOT / "tests" / "apps" / "hello.py"),
        "/rows",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "/rows [(1,)]\n", "")
    assert sorted(span["name"] for span in session.spans()) == ["flask.request", "sqlite.query"]


def test_the_otlp_exporter_runs_beside_ours_or_instead(
    wheel: Path, environment: Path, test_agent: RunningAgent
) -> None:
    pip("--python", str(environment), "install", "--quiet", f"{wheel}[otlp]")
    for exporters, native in (("datadog,otlp", ["work"]), ("otlp", [])):
        session = test_agent.session()
        done = run(
            environment,
            test_agent,
            session.token,
            *("opentelemetry-instrument", str(environment), "-c", PROGRAM),
            OTEL_TRACES_EXPORTER=exporters,
            OTEL_EXPORTER_OTLP_ENDPOINT=test_agent.otlp_url,
            OTEL_EXPORTER_OTLP_HEADERS=f"X-Datadog-Test-Session-Token={session.token}",
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert [span["resource"] for span in session.spans()] == native
        (payload,) = session.otlp_traces()
        (scope,) = payload["resource_spans"][0]["scope_spans"]
        assert [span["name"] for span in scope["spans"]] == ["work"]
