"""Hooks that are switched."""

from __future__ import annotations

import sys
import types

import pytest

from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.opt_in import opt_in, where_asked
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.instrumentor import Instrumentor
from otel_instrumentors.kernel.options import Options
from otel_instrumentors.kernel.scope import Scope
from otel_instrumentors.kernel.switch import PREFIX, is_on
from tests.otel_instrumentors.contract import Recorder, instrumented, names


def brewed() -> str:
    return "tea"


def brew(call: Call) -> SpanSpec:
    return SpanSpec("brew")


class AskedInstrumentor(Instrumentor):
    options = Options(others={"wants_tea": "tea"})
    hooks = {"plain_tea": {"brewed": where_asked(traced(brew), "tea", "coffee")}}


class TeaInstrumentor(Instrumentor):
    """Two modules show one function; in the first its hook is switched."""

    hooks = {
        "switched_tea": {"brewed": opt_in("TEA", traced(brew))},
        "plain_tea": {"brewed": traced(brew)},
    }


@pytest.fixture
def shops(monkeypatch: pytest.MonkeyPatch) -> list[types.ModuleType]:
    modules = [types.ModuleType(name) for name in TeaInstrumentor.hooks]
    for module in modules:
        module.brewed = brewed  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return modules


@pytest.mark.parametrize(
    ("value", "otherwise", "on"),
    [
        ("true", False, True),
        (" On ", False, True),
        ("1", False, True),
        ("false", True, False),
        ("what", True, False),
        ("", True, True),
        ("", False, False),
    ],
)
def test_a_switch_is_on_where_it_says_so(
    value: str, otherwise: bool, on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}TEA", value)
    assert is_on("TEA", otherwise) is on


@pytest.mark.parametrize(("value", "expected"), [("false", ["brew"]), ("true", ["brew", "brew"])])
def test_what_is_switched_off_is_the_librarys_own_and_other_hooks_of_it_stand(
    shops: list[types.ModuleType], value: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}TEA", value)
    recorder = Recorder()
    with instrumented(TeaInstrumentor, recorder.provider):
        assert (shops[0].brewed is brewed) is (value == "false")
        assert [shop.brewed() for shop in shops] == ["tea", "tea"]
    assert names(recorder.take()) == expected
    assert [shop.brewed for shop in shops] == [brewed, brewed]


@pytest.mark.parametrize(("value", "expected"), [("false", "plain"), ("true", "special")])
def test_what_is_switched_off_may_have_another_hook(value: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}TEA", value)
    recorder = Recorder()
    scope = Scope(recorder.provider.get_tracer("test"))
    special, plain = (traced(lambda call, name=name: SpanSpec(name)) for name in ("special", "plain"))
    hook = opt_in("TEA", special, otherwise=plain)
    assert hook.wrap(Target(brewed, None, is_method=False), scope)() == "tea"
    assert names(recorder.take()) == [expected]


@pytest.mark.parametrize("wants_tea", [True, False, None])
def test_a_hook_that_an_option_asks_for_stands_only_then(wants_tea: bool | None, shops: list[types.ModuleType]) -> None:
    recorder, (_, plain) = Recorder(), shops
    with instrumented(AskedInstrumentor, recorder.provider, wants_tea=wants_tea):
        assert (plain.brewed is brewed) is not bool(wants_tea)
        plain.brewed()
    assert names(recorder.take()) == (["brew"] if wants_tea else [])
