"""One view for the tests of a file; each test begins with an empty one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.otel_dd_distro.view.running import View, running


@pytest.fixture(scope="module")
def running_view() -> Iterator[View]:
    with running() as view:
        yield view


@pytest.fixture
def view(running_view: View) -> View:
    running_view.clear()
    return running_view
