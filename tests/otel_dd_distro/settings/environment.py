"""An environment made by hand: what is read from it, and what is said of it."""

from __future__ import annotations

import logging

import pytest

from otel_dd_distro.settings import Settings, read


def settings(**environ: str) -> Settings:
    return read(environ, argv=(), exists=lambda path: False)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert {record.name for record in caplog.records} <= {"otel_dd_distro"}
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
