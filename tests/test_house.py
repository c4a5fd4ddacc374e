"""What of the house a machine can keep."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
NEUTRAL = ROOT / "instrumentations" / "otel_instrumentors"
DATADOG = ROOT / "src" / "otel_dd_distro"
MIDDLEWARES = ["asgi", "wsgi"]
"""What an application puts around itself by its own code: loading it instruments nothing, so it is no entry point."""
PLUGINS = sorted(path.stem for path in NEUTRAL.glob("*.py") if path.stem not in ("__init__", *MIDDLEWARES))
FLOORS = {"plugin": 3, "families": 2, "semconv": 1, "kernel": 0}
DISTRIBUTION = importlib.metadata.distribution("otel-dd-distro")
TABLES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["otel-dd-distro"]


def sources(root: Path) -> list[Path]:
    return sorted(root.rglob("*.py"))


def imported(path: Path, package: str) -> set[str]:
    """The absolute names of all that a file imports, for types as well: modules, or what it takes from them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = parents[: len(parents) - node.level + 1] if node.level else []
            prefix = ".".join([*base, node.module] if node.module else base)
            found.update(f"{prefix}.{alias.name}" for alias in node.names)
    return found


def package_of(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root.parent).parent.parts)


def floor(module: str) -> int | None:
    parts = module.split(".")
    if parts[0] != "otel_instrumentors" or len(parts) == 1:
        return None
    return FLOORS.get(parts[1], FLOORS["plugin"])


@pytest.mark.parametrize("path", sources(NEUTRAL), ids=lambda path: str(path.relative_to(NEUTRAL)))
def test_imports_go_down_and_no_plugin_imports_another(path: Path) -> None:
    own = floor(".".join(path.relative_to(NEUTRAL.parent).with_suffix("").parts))
    if path.name == "__init__.py":
        return
    assert own is not None
    for module in imported(path, package_of(path, NEUTRAL)):
        other = floor(module)
        assert other is None or other < own or (other == own and own < FLOORS["plugin"]), f"{path} imports {module}"


def test_the_two_halves_never_import_each_other() -> None:
    for path in sources(NEUTRAL):
        assert not [name for name in imported(path, package_of(path, NEUTRAL)) if name.startswith("otel_dd_distro")]
    for path in sources(DATADOG):
        assert not [name for name in imported(path, package_of(path, DATADOG)) if name.startswith("otel_instrumentors")]


def imports(root: Path) -> dict[str, set[str]]:
    """Each module of a half, and the modules of this half that its file imports."""
    modules = {}
    for path in sources(root):
        package = package_of(path, root)
        modules[package if path.stem == "__init__" else f"{package}.{path.stem}"] = imported(path, package)
    return {
        module: {name if name in modules else name.rpartition(".")[0] for name in names} & modules.keys() - {module}
        for module, names in modules.items()
    }


def in_circles(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The part of an import graph that consists of circles: its modules, and those of their imports that lead back."""
    reached = {module: reachable(module, graph) for module in graph}
    return {
        module: {target for target in targets if module in reached[target]}
        for module, targets in graph.items()
        if module in reached[module]
    }


def reachable(module: str, graph: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = list(graph[module])
    while ahead:
        target = ahead.pop()
        if target not in found:
            found.add(target)
            ahead += graph[target]
    return found


@pytest.mark.parametrize("half", [NEUTRAL, DATADOG], ids=lambda half: half.name)
def test_there_are_no_import_circles_not_even_for_types(half: Path) -> None:
    graph = in_circles(imports(half))
    lines = [f"{module} imports {', '.join(sorted(targets))}" for module, targets in sorted(graph.items())]
    assert not graph, "\n".join(["import circles:", *lines])


def test_a_circle_is_found_whatever_leads_into_it_and_out_of_it() -> None:
    graph = {"in": {"a"}, "a": {"b", "out"}, "b": {"c"}, "c": {"a", "next"}, "next": {"d"}, "d": {"e"}, "e": {"d"}}
    circles = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"e"}, "e": {"d"}}
    assert in_circles({**graph, "out": set()}) == circles


def test_who_is_told_of_the_applications_interruptions_is_the_same_in_both_halves() -> None:
    ours, theirs = (half / "interruptions.py" for half in (DATADOG, NEUTRAL / "kernel"))
    assert ours.read_text() == theirs.read_text(), "they cannot import each other"


def test_rooms_that_share_the_state_of_a_local_trace_import_its_room_and_not_each_other() -> None:
    sharing = ("gathering", "tracing", "sampling", "propagation")
    for room in ("local_trace", *sharing):
        others = tuple(f"{DATADOG.name}.{other}" for other in sharing if other != room)
        for path in sources(DATADOG / room):
            names = imported(path, package_of(path, DATADOG))
            assert [name for name in names if name.startswith(others)] == [], path


@pytest.mark.parametrize("path", sources(NEUTRAL), ids=lambda path: str(path.relative_to(NEUTRAL)))
def test_the_neutral_half_names_no_vendor(path: Path) -> None:
    assert re.findall(r"(?i)datadog|ddtrace|\bDD_", path.read_text()) == []


@pytest.mark.parametrize("plugin", [*PLUGINS, *MIDDLEWARES])
def test_a_plugin_carries_no_try(plugin: str) -> None:
    tree = ast.parse((NEUTRAL / f"{plugin}.py").read_text())
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Try)] == []
    assert ast.get_docstring(tree), "the first line of the docstring says what the plugin is for"


@pytest.mark.parametrize("plugin", PLUGINS)
def test_importing_a_plugin_imports_no_library_it_watches(plugin: str) -> None:
    program = (
        "import importlib, sys, otel_instrumentors.kernel.instrumentor; before = set(sys.modules);"
        f"module = importlib.import_module('otel_instrumentors.{plugin}');"
        "hooks = next(value.hooks for name, value in vars(module).items()"
        " if name.endswith('Instrumentor') and value.__module__ == module.__name__);"
        "libraries = {name.partition('.')[0] for name in hooks};"
        "print(sorted(libraries & {name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_the_catalogue_is_complete_file_entry_point_and_extra_bear_one_name() -> None:
    entries = {
        entry.name: entry.value for entry in DISTRIBUTION.entry_points if entry.group == "opentelemetry_instrumentor"
    }
    extras = set(DISTRIBUTION.metadata.get_all("Provides-Extra") or []) - {"all", "otlp", "view"}
    hint = "the files of plugins and the names in pyproject.toml differ; after a change there, install again: `-e .`"
    assert sorted(entries) == PLUGINS, hint
    # Metadata spells them with hyphens.
    assert sorted(extra.replace("-", "_") for extra in extras) == PLUGINS, hint
    for name, value in entries.items():
        module, _, attribute = value.partition(":")
        assert module == f"otel_instrumentors.{name}"
        loaded = getattr(importlib.import_module(module), attribute)
        assert loaded.hooks


def test_every_plugin_is_loaded_with_the_libraries_that_it_watches() -> None:
    from otel_dd_distro.counterparts import catalogue, libraries_of

    for name, value in catalogue().items():
        module, _, attribute = value.partition(":")
        watched = {path.partition(".")[0] for path in getattr(importlib.import_module(module), attribute).hooks}
        expected = watched - LOADED_OTHERWISE.get(name, set()) or {name}
        assert set(libraries_of(name)) == expected, f"{name}: pyproject.toml"


LOADED_OTHERWISE = {"fastapi": {"starlette"}, "mongoengine": {"pymongo"}, "starlette": {"fastapi"}}
"""The packages that a plugin watches and is not loaded with: its own library imports them, or they import that."""


def test_the_table_of_names_has_a_row_for_every_plugin_that_makes_spans_in_alphabetical_order() -> None:
    from otel_dd_distro.translate import names

    exams = {plugin: ROOT / "tests" / "otel_instrumentors" / f"test_{plugin}.py" for plugin in PLUGINS}
    making_spans = [plugin for plugin, exam in exams.items() if "(Contract)" in exam.read_text()]
    assert list(names.PLUGINS) == sorted((*making_spans, *MIDDLEWARES))


@pytest.mark.parametrize("name", MIDDLEWARES)
def test_a_middleware_has_the_name_of_opentelemetrys_own_and_the_exam_of_its_own(name: str) -> None:
    """Who comes from `opentelemetry.instrumentation.asgi` changes the import and nothing else."""
    assert callable(importlib.import_module(f"otel_instrumentors.{name}").OpenTelemetryMiddleware)
    assert (ROOT / "tests" / "otel_instrumentors" / f"test_{name}.py").exists()


def test_the_extra_all_has_the_requirements_of_every_plugin_but_those_named_with_a_reason() -> None:
    required: dict[str, set[str]] = {}
    for line in DISTRIBUTION.requires or []:
        requirement, _, marker = line.partition(";")
        for extra in re.findall(r"extra == ['\"]([\w-]+)['\"]", marker):
            required.setdefault(extra.replace("-", "_"), set()).add(requirement.strip())
    assert required["flask"] == {"flask>=0.10"}
    apart, left_out = TABLES["apart"].keys(), TABLES["not-in-all"].keys()
    assert apart <= left_out <= set(PLUGINS)
    plugins = set(PLUGINS) - left_out
    assert required["all"] == set().union(*(required.get(plugin, set()) for plugin in plugins))


def test_tests_stand_where_the_code_stands() -> None:
    for half, root in (("otel_instrumentors", NEUTRAL), ("otel_dd_distro", DATADOG)):
        for test in sorted((ROOT / "tests" / half).rglob("test_*.py")):
            room = root / test.relative_to(ROOT / "tests" / half).parent
            assert room.is_dir(), f"{test} tests nothing that stands in {room}"


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_plugin_sits_the_exam(plugin: str) -> None:
    # Read and not imported: its library may be in an environment of its own alone.
    tree = ast.parse((ROOT / "tests" / "otel_instrumentors" / f"test_{plugin}.py").read_text())
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    sat = [
        ast.unparse(assigned.value)
        for node in classes
        if {ast.unparse(base) for base in node.bases} & {"Contract", "Carrying", "Correlating"}
        for assigned in node.body
        if isinstance(assigned, ast.Assign) and ast.unparse(assigned.targets[0]) == "instrumentor"
    ]
    own = [
        name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == f"otel_instrumentors.{plugin}"
        for name in node.names
    ]
    assert len(sat) == 1
    assert sat[0] in own


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_of_a_protocol_that_has_options_offers_them(plugin: str) -> None:
    """By a line such as `options = wsgi.OPTIONS`, or `Options(client=http.CLIENT)` (`kernel.options`)."""
    path = NEUTRAL / f"{plugin}.py"
    names = {name.removeprefix(f"{NEUTRAL.name}.") for name in imported(path, NEUTRAL.name)}
    module = importlib.import_module(f"{NEUTRAL.name}.{plugin}")
    (instrumentor,) = (
        each for name, each in vars(module).items() if name.lower() == f"{plugin.replace('_', '')}instrumentor"
    )
    families = ("families.wsgi", "families.asgi", "families.dbapi", "families.redis", "families.mongodb")
    if any(name.startswith(families) for name in names):
        assert instrumentor.options.server or instrumentor.options.client, f"{plugin} offers no options"


def test_the_pythons_that_ci_leaves_out_are_supported_and_newer_than_those_it_runs() -> None:
    told = DISTRIBUTION.metadata.get_all("Classifier") or []
    supported = re.findall(r"Programming Language :: Python :: (3\.\d+)$", "\n".join(told), re.MULTILINE)
    assert TABLES["newest"] == supported[-len(TABLES["newest"]) :]
    assert len(supported) > len(TABLES["newest"])


MOST_LINES = 450


def test_no_file_needs_scrolling_to_be_understood() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in (*sources(NEUTRAL), *sources(DATADOG))}
    assert {str(path.relative_to(ROOT)): number for path, number in lines.items() if number > MOST_LINES} == {}


def test_the_kernels_ways_of_watching_a_function_stand_in_the_room_of_hooks_and_in_its_table() -> None:
    """A hook has a method `wrap(target, scope)`; one that a single protocol needs stands in its family."""
    kernel = NEUTRAL / "kernel"
    table = (kernel / "hooks" / "__init__.py").read_text()
    for path in sources(kernel):
        wraps = [
            node
            for cls in ast.walk(ast.parse(path.read_text()))
            if isinstance(cls, ast.ClassDef) and not any("Protocol" in ast.unparse(base) for base in cls.bases)
            for node in cls.body
            if isinstance(node, ast.FunctionDef) and node.name == "wrap"
        ]
        if path.parent.name != "hooks":
            assert wraps == [], f"{path.name} has a hook"
        elif path.name != "__init__.py":
            assert f"| `{path.stem}` |" in table or path.stem in table, f"{path.stem} is not in the table of hooks"
