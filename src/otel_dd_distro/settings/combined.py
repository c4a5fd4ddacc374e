"""Settings that several variables decide together, or the process itself where no variable does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from .complaints import Complaint, Unusable
from .parsers.addresses import repository
from .parsers.numbers import rate as rate_of
from .service import inferred_service
from .variables import AGENT_SOCKET, DEFAULT_PORT, DOGSTATSD_PORT, DOGSTATSD_SOCKET, FIXED, UNNAMED_SERVICE, VARIABLES

if TYPE_CHECKING:
    from ..sampling.rules import Rule

_GIT_TAGS = frozenset({"git.repository_url", "git.commit.sha", "python_main_package"})
_UNIFIED = frozenset({"service.name", "service.version", "deployment.environment", "deployment.environment.name"})
_RATES_OF_SAMPLERS = {"always_on": 1.0, "always_off": 0.0, "traceidratio": None}


def combine(
    values: dict[str, Any],
    given: Set[str],
    complaints: list[Complaint],
    argv: Sequence[str],
    exists: Callable[[str], bool],
) -> None:
    """Replace what `values` has by the name of a variable (the rows that are `joined`) by the fields made of them.

    `given` are the variables that were set, `argv` the command line; `exists` tells whether there is such a path.
    """
    _git(values)
    _service_and_tags(values, argv)
    _enabled(values)
    _debug(values)
    _agent(values, exists)
    _sampling(values, given, complaints)
    _django(values)
    for variable in VARIABLES:
        if variable.field == FIXED:
            del values[variable.names[0]]
    values["peer_service_defaults"] |= values["span_attribute_schema"] == "v1"


def _git(values: dict[str, Any]) -> None:
    tags: Mapping[str, str] = values["DD_TAGS"]
    is_wanted = values.pop("DD_TRACE_GIT_METADATA_ENABLED")
    for field, name, tag in (
        ("git_repository_url", "DD_GIT_REPOSITORY_URL", "git.repository_url"),
        ("git_commit_sha", "DD_GIT_COMMIT_SHA", "git.commit.sha"),
        ("main_package", "DD_MAIN_PACKAGE", ""),
    ):
        named = values.pop(name) or repository(tags.get(tag, ""))
        values[field] = named if is_wanted else ""


def _service_and_tags(values: dict[str, Any], argv: Sequence[str]) -> None:
    attributes: Mapping[str, str] = values["resource_attributes"]
    tags = {key: value for key, value in values.pop("DD_TAGS").items() if key not in _GIT_TAGS}
    for field, name, keys in (
        ("service", "DD_SERVICE", ("service.name",)),
        ("env", "DD_ENV", ("deployment.environment.name", "deployment.environment")),
        ("version", "DD_VERSION", ("service.version",)),
    ):
        values[field] = values.pop(name) or tags.get(field) or _first(attributes, keys)
    if not tags:
        tags = {key: value for key, value in attributes.items() if key not in _UNIFIED}
    values["tags"] = {key: value for key, value in tags.items() if key not in ("service", "env", "version")}
    values["service_is_explicit"] = bool(values["service"])
    if not values["service"]:
        values["service"] = inferred_service(argv) or UNNAMED_SERVICE


def _first(attributes: Mapping[str, str], keys: Iterable[str]) -> str:
    return next((attributes[key] for key in keys if attributes.get(key)), "")


def _enabled(values: dict[str, Any]) -> None:
    enabled, is_otel_enabled = values.pop("DD_TRACE_ENABLED"), values.pop("DD_TRACE_OTEL_ENABLED")
    is_disabled = values.pop("OTEL_SDK_DISABLED")
    if is_otel_enabled is not None:
        is_disabled = not is_otel_enabled
    values["enabled"] = not is_disabled and (bool(values["exporters"]) if enabled is None else enabled)
    if enabled and not values["exporters"]:
        values["exporters"] = ("datadog",)  # OTEL_TRACES_EXPORTER=none is the twin of DD_TRACE_ENABLED, which hides it


def _debug(values: dict[str, Any]) -> None:
    debug, level = values.pop("DD_TRACE_DEBUG"), values.pop("OTEL_LOG_LEVEL")
    values["debug"] = level == "debug" if debug is None else debug


def _agent(values: dict[str, Any], exists: Callable[[str], bool]) -> None:
    url, host, port = (values.pop(name) for name in ("DD_TRACE_AGENT_URL", "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT"))
    if not url and (host or port):
        url = f"http://{host or 'localhost'}:{port or DEFAULT_PORT}"
    elif not url:
        url = f"unix://{AGENT_SOCKET}" if exists(AGENT_SOCKET) else f"http://localhost:{DEFAULT_PORT}"
    values["agent_url"] = url
    _dogstatsd(values, host, exists)


def _dogstatsd(values: dict[str, Any], agent_host: str, exists: Callable[[str], bool]) -> None:
    url, host, port = (values.pop(name) for name in ("DD_DOGSTATSD_URL", "DD_DOGSTATSD_HOST", "DD_DOGSTATSD_PORT"))
    host = host or agent_host
    if values["runtime_metrics"] and not (url or host or port) and exists(DOGSTATSD_SOCKET):
        url = f"unix://{DOGSTATSD_SOCKET}"
    values["dogstatsd_url"] = url or f"udp://{host or 'localhost'}:{port or DOGSTATSD_PORT}"


def _sampling(values: dict[str, Any], given: Set[str], complaints: list[Complaint]) -> None:
    values["sampling_rules"], values["sampler"] = _rules_and_sampler(values, given, complaints)
    rules, rules_of_file = values.pop("DD_SPAN_SAMPLING_RULES"), values.pop("DD_SPAN_SAMPLING_RULES_FILE")
    values["span_sampling_rules"] = rules_of_file if rules is None else rules


def _rules_and_sampler(
    values: dict[str, Any], given: Set[str], complaints: list[Complaint]
) -> tuple[tuple[Rule, ...], str]:
    """The rules, a rate for all as the last of them, and the name of a sampler that is not ours."""
    rules: tuple[Rule, ...] = values.pop("DD_TRACE_SAMPLING_RULES")
    source, rate = "DD_TRACE_SAMPLE_RATE", values.pop("DD_TRACE_SAMPLE_RATE")
    sampler, argument = values.pop("OTEL_TRACES_SAMPLER"), values.pop("OTEL_TRACES_SAMPLER_ARG").strip()
    if sampler and given.isdisjoint({"DD_TRACE_SAMPLING_RULES", "DD_TRACE_SAMPLE_RATE"}):
        name = sampler.lower()
        kind = name.removeprefix("parentbased_")
        if kind not in _RATES_OF_SAMPLERS:
            return rules, sampler
        source, rate = f"OTEL_TRACES_SAMPLER {name}", _RATES_OF_SAMPLERS[kind]
        if kind == name:
            instead = Unusable("the sampling decision of the caller is always kept", instead="parentbased_" + kind)
            complaints.append(Complaint("OTEL_TRACES_SAMPLER", sampler, instead, "sampler"))
        if rate is None:
            try:
                rate = rate_of(argument or "1")
            except Unusable as unusable:
                rate = unusable.used(1.0)
                complaints.append(Complaint("OTEL_TRACES_SAMPLER_ARG", argument, Unusable(str(unusable), rate), ""))
    if rate is None:
        return rules, ""
    from ..sampling.rules import rule_for_all  # with what it needs: costs start-up, and is seldom needed

    return (*rules, rule_for_all(source, rate)), ""


def _django(values: dict[str, Any]) -> None:
    by_handler = values.pop("DD_DJANGO_USE_HANDLER_RESOURCE_FORMAT")
    by_view = values.pop("DD_DJANGO_USE_LEGACY_RESOURCE_FORMAT")
    values["django_resource"] = "handler" if by_handler else "view" if by_view else "route"
    is_minimal = values.pop("DD_DJANGO_TRACING_MINIMAL")
    for field in ("django_templates", "django_caches", "django_databases"):
        if values[field] is None:
            values[field] = not is_minimal
