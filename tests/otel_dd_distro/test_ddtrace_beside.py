"""ddtrace in the process is told of, once: when it is imported, or where it is."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_dd_distro import ddtrace_beside

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A library of another name in the place of ddtrace."""
    name = f"a_tracer_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(ddtrace_beside, "LIBRARY", name)
    ddtrace_beside.watch.cache_clear()
    yield name
    ddtrace_beside.watch.cache_clear()
    sys.modules.pop(name, None)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "otel_dd_distro"]


@pytest.mark.parametrize("comes_first", [True, False])
def test_it_is_told_once_and_where_to_read_on(
    comes_first: bool, library: str, caplog: pytest.LogCaptureFixture
) -> None:
    importlib.import_module("wrapt")
    with caplog.at_level(logging.WARNING):
        if comes_first:
            importlib.import_module(library)
        ddtrace_beside.watch()
        assert bool(lines(caplog)) is comes_first
        importlib.import_module(library)
        ddtrace_beside.watch()
    (line,) = lines(caplog)
    assert line.startswith("ddtrace is imported in this process")
    assert ddtrace_beside.PAGE in line
    assert (ROOT / ddtrace_beside.PAGE).is_file()
