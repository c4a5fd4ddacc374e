"""The runtime's metrics through OpenTelemetry, to an exporter that is set."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents import clean_environ
from tests.otel_dd_distro.runtime_metrics.test_readings import NAMES


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_an_exporter_of_metrics_gets_them_where_they_are_asked_for(tmp_path: Path, enabled: str) -> None:
    (tmp_path / "app.py").write_text("from opentelemetry import metrics; metrics.get_meter_provider().force_flush()")
    environ = clean_environ(
        DD_RUNTIME_METRICS_ENABLED=enabled, OTEL_METRICS_EXPORTER="console", DD_DOGSTATSD_URL=f"unix://{tmp_path}/none"
    )
    command = [sys.executable, "-m", "otel_dd_distro", "app.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert {name for name in NAMES if f'"name": "{name}"' in done.stdout} == (NAMES if enabled == "true" else set())
