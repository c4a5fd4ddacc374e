"""Runs plugins' tests on newer Pythons: `python -m newest [--python 3.15] [plugin ...]`; `nox -s newest` calls this.

Ends with status 1 where a test fails. Needs root on Debian, and debootstrap.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired

import nox

from tests import servers

from .page import CORE, Result, store, write
from .sandbox import ROOT, Failed, Sandbox

PYPROJECT = nox.project.load_toml(str(ROOT / "pyproject.toml"))
TABLES = PYPROJECT["tool"]["otel-dd-distro"]
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
PLUGINS = sorted(PYPROJECT["project"]["entry-points"]["opentelemetry_instrumentor"])
PYTHONS = TABLES["newest"]
OTHERS = [python for python in nox.project.python_versions(PYPROJECT) if python not in PYTHONS]
PLACE = Path(os.environ.get("NEWEST_PYTHON_PLACE", Path.home() / ".cache" / "newest-python"))
LONGEST_S = 3600
CORE_TESTS = (
    "tests/otel_dd_distro",
    *(f"tests/otel_instrumentors/test_{middleware}.py" for middleware in ("asgi", "wsgi")),
    *(f"tests/otel_instrumentors/{room}" for room in ("kernel", "families", "semconv")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help="plugins, or `core`; all where none is given")
    parser.add_argument("--python", choices=PYTHONS, action="append", help="all where none is given")
    options = parser.parse_args()
    if unknown := sorted({*options.parts} - {CORE, *PLUGINS}):
        parser.error(f"no plugin {', '.join(unknown)}")
    parts = options.parts or [CORE, *PLUGINS]
    sandbox = Sandbox(PLACE, PYTHONS)
    is_good = True
    try:
        with sandbox.opened(), servers.session():
            for python in options.python or PYTHONS:
                for result in _results(sandbox, python, parts):
                    store(result)
                    write(OTHERS)
                    is_good = is_good and not result.failed
                    told = result.why_not or result.told
                    print(f"{python} {result.part}: {told}", *result.failed, sep="\n    ", flush=True)
    except Failed as failure:
        sys.exit(str(failure))
    sys.exit(not is_good)


def _results(sandbox: Sandbox, python: str, parts: Sequence[str]) -> Iterator[Result]:
    """All in one environment, but for the plugins whose libraries stand apart."""
    apart = [part for part in parts if part in TABLES["apart"]]
    shared = [part for part in parts if part not in apart]
    if shared:
        # All of them: some have tests with another one's library.
        plugins = [each for each in PLUGINS if each not in TABLES["apart"]]
        environment = Environment(sandbox, python, plugins, nox.project.dependency_groups(PYPROJECT, "test"))
        yield from map(environment.result, shared)
    for part in apart:
        beside = (*nox.project.dependency_groups(PYPROJECT, "plugins"), *TABLES["apart"][part])
        yield Environment(sandbox, python, [part], beside).result(part)


class Environment:
    """A Python with this project, the libraries of `plugins`, and what tests want `beside` them.

    What has no wheel yet is left out; of plugins that is told.
    """

    def __init__(self, sandbox: Sandbox, python: str, plugins: Sequence[str], beside: Sequence[str]) -> None:
        folder = f"/v/{python}"
        self._sandbox = sandbox
        self._python = f"{folder}/bin/python"
        made = sandbox.run("uv", "venv", "--quiet", "--clear", "--python", f"/usr/bin/python{python}", folder)
        if made.returncode or not self._installs("--editable", "."):
            raise Failed(f"no environment of Python {python}:\n{made.stderr}")
        self._missing = self._without({each: EXTRAS[each] for each in plugins})
        self._without({line: [line] for line in beside})

    def result(self, part: str) -> Result:
        version = self._told("import platform; print(platform.python_version())")
        result = Result(part, version, datetime.datetime.now(datetime.timezone.utc).date().isoformat())
        if part in self._missing:
            result.why_not = "its library does not install"
            return result
        result.libraries = ", ".join(self._told(VERSIONS, *map(_name, EXTRAS.get(part, ()))).splitlines())
        paths = CORE_TESTS if part == CORE else (f"tests/otel_instrumentors/test_{part}.py",)
        _run(self._sandbox, self._python, paths, result)
        return result

    def _without(self, wanted: Mapping[str, Sequence[str]]) -> set[str]:
        """Installs all that can be, of requirements by name; the names of the others."""
        left = dict(wanted)
        while left:
            done = self._install(*(line for lines in left.values() for line in lines))
            if not done.returncode:
                break
            unbuilt = {_name(found) for found in re.findall(r"Failed to build `([\w.-]+)", done.stderr)}
            known = [name for name, lines in left.items() if unbuilt.intersection(map(_name, lines))]
            # Where it is something else, each is tried by itself.
            for name in known or [name for name, lines in left.items() if not self._installs(*lines)]:
                del left[name]
            if not known:
                break
        return wanted.keys() - left.keys()

    def _installs(self, *what: str) -> bool:
        return self._install(*what).returncode == 0

    def _install(self, *what: str) -> CompletedProcess[str]:
        return self._sandbox.run("uv", "pip", "install", "--quiet", "--python", self._python, *(what or ("pip",)))

    def _told(self, program: str, *arguments: str) -> str:
        return self._sandbox.run(self._python, "-c", program, *arguments).stdout.strip()


def _name(requirement: str) -> str:
    """The distribution, as the index spells it."""
    found = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


VERSIONS = """
import sys
from importlib import metadata

for name in sys.argv[1:]:
    for found in metadata.distributions(name=name):
        print(name, found.version)
"""


def _run(sandbox: Sandbox, command: str, paths: Sequence[str], result: Result) -> None:
    texts = [file.read_text() for file in _files(paths)]
    # However a test asks for it.
    wanted = [name for name in servers.SERVERS if any(re.search(rf"\b{name}\b", text) for text in texts)]
    with ExitStack() as stack:
        for name in wanted:
            stack.enter_context(servers.running(name))
        pytest = ("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--junitxml", "/tmp/tests.xml")
        try:
            done = sandbox.run(
                command,
                *pytest,
                *paths,
                *_without_what_is_not_there(paths),
                environ=servers.variables(),
                timeout=LONGEST_S,
            )
        except TimeoutExpired:
            result.why_not = f"not done after {LONGEST_S // 60} minutes"
            return
    if done.returncode not in (0, 1):
        library = LACKING.search(done.stdout)
        if library:
            result.why_not = f"its tests want {library[1]}, which does not install"
            return
        result.failed = [f"no test ran: {' '.join(done.stdout.split()[-20:])}"]
        return
    for case in ElementTree.fromstring(sandbox.read("/tmp/tests.xml")).iter("testcase"):
        kinds = {child.tag: child.get("message") or "" for child in case}
        message = kinds.get("failure", kinds.get("error"))
        if message is None:
            result.passed += "skipped" not in kinds
        elif library := LACKING.match(message):
            result.lacking[library[1]] = result.lacking.get(library[1], 0) + 1
        else:
            result.failed.append(f"{case.get('classname')}::{case.get('name')}")


LACKING = re.compile(r"(?:failed on setup with \")?ModuleNotFoundError: No module named '((?!otel|tests)\w+)")
"""How a test fails that wants a library which does not install there."""


def _without_what_is_not_there(paths: Sequence[str]) -> list[str]:
    """Leaves out what installs ddtrace, which is not there yet for a Python that is new, and what wants a browser."""
    unfit = [file for file in _files(paths) if any(mark in file.read_text() for mark in (PEER, BROWSER))]
    return [f"--ignore={file.relative_to(ROOT)}" for file in unfit]


PEER, BROWSER = "ddtrace==", "playwright"
"""What a test file has that installs it, or starts one."""


def _files(paths: Sequence[str]) -> Iterator[Path]:
    for path in map(ROOT.joinpath, paths):
        yield from [path] if path.is_file() else path.rglob("*.py")


if __name__ == "__main__":
    main()
