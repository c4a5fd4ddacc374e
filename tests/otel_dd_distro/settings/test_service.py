"""The service of a command line: what ddtrace-run 4.16 gave for the same tree."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from otel_dd_distro.settings import read
from otel_dd_distro.settings.service import inferred_service

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture
def tree(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    root = tmp_path / "prop"
    for name in ("a/app.py", "a/sub/app.py", "a/pkg/app.py", "a/pkg/__init__.py", "b/tool.py", "b/tool", "c/bin/run"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(root / "a")
    return root


@pytest.mark.parametrize(
    ("argv", "service"),
    [
        (["app.py"], "a"),
        (["sub/app.py"], "a"),
        (["pkg/app.py"], "pkg"),
        (["../b/tool.py", "a=1", "--x", "y"], "b"),
        (["../b/tool"], "b"),
        (["../c/bin/run"], ""),
        (["../c/bin/run", "-w", "2", "-c", "/dev/null", "--chdir", "../b", "tool:app"], "dev"),
        (["../c/bin/run", "app:app", "-b", "127.0.0.1:8000"], ""),
        (["../c/bin/run", "--app", "pkg.app", "run"], ""),
        (["../c/bin/run", "--config", "../b/tool.py"], "b"),
        (["-m"], ""),
        (["-m", "app:app", "-b", "127.0.0.1:8000"], ""),
        (["-c"], ""),
        (["python3.11", "app.py"], "a"),
        ([], ""),
        (["\x00", "x" * 100_000, "app.py"], "a"),
    ],
)
def test_a_command_line_gives_the_service_that_ddtrace_gives(tree: pathlib.Path, argv: list[str], service: str) -> None:
    assert inferred_service(argv) == service
    assert read({}, argv=argv).service == (service or "unnamed-python-service")
    assert read({}, argv=argv).service_is_explicit is False


def test_inside_a_package_its_directory_names_the_service(tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "a" / "pkg")
    assert inferred_service(["app.py"]) == "pkg"
    (tree / "a" / "__init__.py").touch()
    assert inferred_service(["app.py"]) == "a.pkg"


def test_at_start_up_the_command_line_is_already_there(tree: pathlib.Path) -> None:
    site = tree / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("from otel_dd_distro import settings; print(settings.read({}).service)")
    sources = [str(site), str(ROOT / "src")]
    environ = {"PYTHONPATH": os.pathsep.join(sources)}
    result = subprocess.run([sys.executable, "sub/app.py"], env=environ, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["a"]
