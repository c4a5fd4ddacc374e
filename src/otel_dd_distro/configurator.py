"""Sets the OpenTelemetry SDK up: propagators, provider, exporters, and the other signals if they are asked for."""

from __future__ import annotations

# The SDK's provider (1.45) starts a thread pool in every forked child. Where this module is imported after the provider
# is made, its own fork hooks run after that: the child waits for ever for a lock that it holds itself.
import concurrent.futures.thread  # noqa: F401
import logging
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.propagate import set_global_textmap
from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from . import capture, ddtrace_beside, debug_log, log_records, pipeline, propagation, settings
from .exit_signal import before_signal
from .ids import CheckedIds, RandomIds, ShortTraceIds
from .propagation.statements import StatementPropagator
from .resource import resource_of
from .settings import upstream

if TYPE_CHECKING:
    from opentelemetry.propagators.textmap import TextMapPropagator
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.trace.sampling import Sampler

    from .settings import Settings

log = logging.getLogger("otel_dd_distro")

_CONFIG_FILE = "OTEL_CONFIG_FILE"
_LOGGING = "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED"


class DatadogConfigurator:
    """What `opentelemetry-instrument` calls before the application runs."""

    def configure(self, auto_instrumentation_version: str | None = None, **_kwargs: Any) -> None:
        """Set the SDK up from the environment."""
        is_declared = settings.current().enabled and _configure_from_file()
        # The line at start-up waits for the instrumentors, which are loaded next: `bootstrap.started`.
        provider = _install(None, auto_instrumentation_version)
        if provider is not None and not is_declared:
            _configure_other_signals(provider)


def install(provider: TracerProvider | None = None) -> TracerProvider | None:
    """Send spans to the Datadog Agent, and read and write trace headers, as the environment variables say.

    `provider` is an SDK tracer provider of your own: our span processor is added to it, and the processors that it has
    stay. Without one, the global provider is used; if there is none yet, one is made and becomes the global one. No
    library is instrumented by this. A second call changes nothing.

    Returns the provider, or None if tracing is switched off (`DD_TRACE_ENABLED=false`, `OTEL_SDK_DISABLED=true`).
    Values of variables that cannot be used are logged and never raise.
    """
    installed = _install(provider)
    if installed is not None:
        tell_if_asked()
    return installed


def tell_if_asked() -> None:
    """The line at start-up that says what is in use."""
    current = settings.current()
    if current.startup_logs or current.debug:
        from . import startup  # costs start-up

        try:
            startup.tell()
        except Exception:
            log.exception("The line of DD_TRACE_STARTUP_LOGS could not be made")


def _install(provider: TracerProvider | None, auto_instrumentation_version: str | None = None) -> TracerProvider | None:
    current = settings.current()
    if not current.enabled:
        log_records.ask(current)
        return None
    if current.debug:
        debug_log.show()
    capture.ask(current, os.environ)
    ddtrace_beside.watch()
    set_global_textmap(_propagator(current))
    if current.runtime_metrics:
        from . import runtime_metrics

        runtime_metrics.start(current)
    if provider is not None:
        pipeline.current().serve(provider)
        return provider
    existing = trace.get_tracer_provider()
    if isinstance(existing, TracerProvider):
        # The application came first: its provider stays as it is, with what is ours beside.
        if "datadog" in current.exporters:
            pipeline.current().serve(existing)
        return existing
    # Its own name of the switch, where ours hides it.
    with upstream.replaced(os.environ, OTEL_SDK_DISABLED):
        made = _provider(current, auto_instrumentation_version)
    trace.set_tracer_provider(made)
    before_signal(made.shutdown)
    return made


def _provider(current: Settings, auto_instrumentation_version: str | None) -> TracerProvider:
    from . import tracing

    make = tracing.TracerProvider if current.light_tracer else tracing.ForkingProvider
    provider = make(
        sampler=_sampler(current),
        resource=resource_of(current, auto_instrumentation_version),
        id_generator=_ids(current),
    )
    for name in current.exporters:
        if name == "datadog":
            pipeline.current().serve(provider)
            continue
        exporter = _exporter(name, current)
        if exporter is not None:
            pipeline.current().feed(exporter, provider)
    return provider


def _ids(current: Settings) -> RandomIds:
    if not current.trace_ids_128_bit:
        return ShortTraceIds()
    return RandomIds() if current.light_tracer else CheckedIds()


def _sampler(current: Settings) -> Sampler:
    """Every span is recorded, the Datadog decision comes late; unless a sampler that some package brings is named."""
    if not current.sampler:
        return ALWAYS_ON
    from importlib.metadata import entry_points

    found = entry_points(group="opentelemetry_traces_sampler", name=current.sampler)
    if not found:
        log.warning("OTEL_TRACES_SAMPLER names %s, which is not installed: every trace is recorded", current.sampler)
        return ALWAYS_ON
    try:
        sampler: Sampler = next(iter(found)).load()(os.environ.get("OTEL_TRACES_SAMPLER_ARG", ""))
    except Exception as error:  # noqa: BLE001
        log.warning(
            "Sampler %s could not be created, so every trace is recorded: %s: %s",
            current.sampler,
            type(error).__name__,
            error,
        )
        return ALWAYS_ON
    return sampler


def _propagator(current: Settings) -> TextMapPropagator:
    propagator = propagation.from_settings(current)
    if current.dbm_propagation_mode != "disabled":
        propagator.statements = StatementPropagator(
            pipeline.current().caller,
            full=current.dbm_propagation_mode == "full",
            by_database=current.peer_service_defaults,
        )
    propagator.records = log_records.propagator(current)
    return propagator


def _exporter(name: str, current: Settings) -> SpanExporter | None:
    """The exporter of that name from the installed packages; where there is none, one line that says what to do."""
    from importlib.metadata import entry_points

    found = entry_points(group="opentelemetry_traces_exporter", name=current.exporter_entry(name))
    if not found:
        remedy = "pip install 'otel-dd-distro[otlp]'" if name.startswith("otlp") else "install the package that has it"
        log.warning("OTEL_TRACES_EXPORTER names %s, which is not installed: it is ignored; %s", name, remedy)
        return None
    try:
        exporter: SpanExporter = next(iter(found)).load()()
    except Exception as error:  # noqa: BLE001
        log.warning("Exporter %s could not be created and is ignored: %s: %s", name, type(error).__name__, error)
        return None
    return exporter


def _is_true(variable: str) -> bool:
    """As OpenTelemetry's SDK reads its own."""
    return os.environ.get(variable, "").strip().lower() == "true"


def _configure_from_file() -> bool:
    """Set up what the file of `OTEL_CONFIG_FILE` declares, as the SDK's configurator does; whether it could be done.

    A tracer provider of the file's is used like one of the application's. Its propagator is replaced by ours.
    """
    path = os.environ.get(_CONFIG_FILE)
    if not path:
        return False
    try:
        declared: Any = import_module("opentelemetry.configuration")
        declared.configure_sdk(declared.load_config_file(path))
    except ModuleNotFoundError:
        log.warning(
            "%s is ignored, and the variables are used: to have it read, pip install opentelemetry-configuration",
            _CONFIG_FILE,
        )
    except Exception as error:  # noqa: BLE001
        log.warning("%s could not be applied, the variables are used: %s: %s", path, type(error).__name__, error)
    else:
        return True
    return False


def _configure_other_signals(provider: TracerProvider) -> None:
    """Metrics and logs of the OpenTelemetry SDK, loaded only for those who name an exporter for them."""
    asked = [os.environ.get(f"OTEL_{signal}_EXPORTER", "none").strip().lower() for signal in ("METRICS", "LOGS")]
    if all(names in ("", "none") for names in asked):
        return
    from opentelemetry.sdk import _configuration as upstream

    try:
        _, metrics, logs = upstream._import_exporters(
            [], upstream._get_exporter_names("metrics"), upstream._get_exporter_names("logs")
        )
        if metrics:
            upstream._init_metrics(metrics, provider.resource)
            if settings.current().runtime_metrics:
                from .runtime_metrics.instruments import Gauges

                Gauges()
        if logs:
            upstream._init_logging(logs, provider.resource, setup_logging_handler=_is_true(_LOGGING))
    except Exception as error:  # noqa: BLE001
        log.warning("Metrics and logs are not exported: %s: %s", type(error).__name__, error)
