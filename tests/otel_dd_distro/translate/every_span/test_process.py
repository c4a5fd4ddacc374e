"""How the process was started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from otel_dd_distro.settings import UNNAMED_SERVICE
from otel_dd_distro.translate.every_span import process


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "Tea House"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def told(service: str = "shop", is_explicit: bool = True) -> str:
    return process.tags(service, is_explicit)["_dd.tags.process"]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["app.py"], "entrypoint.basedir:tea_house,entrypoint.name:app,entrypoint.type:script,"),
        (["./Shop.App.py", "x"], "entrypoint.basedir:tea_house,entrypoint.name:shop.app,entrypoint.type:script,"),
        (["-c"], "entrypoint.basedir:tea_house,entrypoint.name:-c,entrypoint.type:script,"),
        (["/usr/bin/gunicorn", "app:app"], "entrypoint.name:gunicorn,entrypoint.type:script,"),
        ([], ""),
    ],
)
def test_the_tags_of_a_command_line(
    directory: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], expected: str
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    assert told() == f"{expected}entrypoint.workdir:tea_house,svc.user:true"


def test_a_module_is_named_by_the_interpreters_own_command_line(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["-m", "x"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "-W", "error", "-m", "shop.app", "x"])
    assert told().startswith("entrypoint.basedir:tea_house,entrypoint.name:shop.app,entrypoint.type:module,")


def test_a_service_that_nobody_named_is_told_as_found(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py"])
    assert told("Tea, cups & more", False).endswith("svc.auto:tea_cups_more")
    assert told(UNNAMED_SERVICE, False).endswith("svc.auto:app")


def test_a_working_directory_that_is_gone_is_not_told(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/srv/app.py"])
    directory.rmdir()
    assert told() == "entrypoint.basedir:srv,entrypoint.name:app,entrypoint.type:script,svc.user:true"


def test_an_interpreter_without_a_script_names_none(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [""])
    assert "entrypoint.name" not in told()


def test_names_are_cut_and_cleaned(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py"])
    assert told("x" * 200, False).endswith("svc.auto:" + "x" * 100)
    assert told("__caf\u00e9,:7__", False).endswith("svc.auto:caf\u00e9_7")
