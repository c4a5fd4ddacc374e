"""The service of each span, where it comes from, and the tags that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan

from ..local_trace import reading
from ..settings import Settings
from .conventions.operation import Operation
from .conventions.otel import CONVENTIONS
from .conventions.urls import Urls
from .every_span import process, text
from .every_span.attributes import RESERVED, Meta, as_text
from .names import BY_NAME, in_variables, plugin_of
from .plugin import Belongs, Plugin

_MOST_KEPT = 1_024
_MOST_RESOURCES = 16
_UNKNOWN = "unknown_service"
_MANUAL = "m"
_MAPPED = "opt.service_mapping"
_BY_DOMAIN = "opt.split_by_domain"

_NEVER = ("telemetry.", "service.", "deployment.environment")
_BOOKKEEPING = ("process.", "host.", "os.", "container.", "k8s.", "cloud.", "faas.")


class Named(NamedTuple):
    """A service, and who named it: the tag `_dd.svc_src`."""

    service: str
    source: str


class ResourceDefaults:
    """What the spans of one SDK resource share: the global service, env, version and tags.

    The global service is DD_SERVICE, else the resource's `service.name`, else the one that was inferred. `env` and
    `version` likewise. Resource attributes go to all spans but for what identifies the SDK, and, on our plugins' spans,
    what detectors find out (ddtrace knows no such thing) and what came from OTEL_RESOURCE_ATTRIBUTES: the settings have
    weighed that against DD_TAGS.
    """

    def __init__(self, settings: Settings, resource: Resource | None, urls: Urls) -> None:
        self._settings = settings
        self._urls = urls
        attributes: Mapping[str, Any] = resource.attributes if resource is not None else {}

        def of(key: str) -> str:
            return as_text(attributes.get(key))

        own = of("service.name")
        told = bool(own) and not own.startswith(_UNKNOWN)
        self.service = settings.service
        self.is_explicit = settings.service_is_explicit
        if told and not self.is_explicit and own != self.service:
            self.service, self.is_explicit = own, True
        self.env = settings.env or of("deployment.environment.name") or of("deployment.environment")
        self.version = settings.version or of("service.version")
        self._base_service = self.service.lower()
        self._mapping = settings.service_mapping
        self.own = Named(self._mapping.get(self.service, self.service), "")
        """Of a span that nobody named a service for, and that has no parent here."""

        self.conventions: dict[str, Any] = {key: value for key, value in attributes.items() if key in CONVENTIONS}
        """The resource attributes that make names, resources and types."""
        common = {text.key(key): text.value(tag) for key, tag in settings.tags.items()}
        if self.env:
            common["env"] = text.value(self.env)
        given = settings.resource_attributes
        others = {
            text.key(str(key)): as_text(value)
            for key, value in attributes.items()
            if value is not None and key not in RESERVED and not str(key).startswith(_NEVER)
        }
        ours = {
            key: value for key, value in others.items() if not key.startswith(_BOOKKEEPING) and given.get(key) != value
        }
        self.of_chunk = process.tags(self.service, self.is_explicit) if settings.process_tags else {}
        """The tags of the first span of a chunk: how this process was started, from which source."""
        self.of_chunk |= {"language": "python"}
        for tag, value in (
            ("_dd.git.repository_url", settings.git_repository_url),
            ("_dd.git.commit.sha", settings.git_commit_sha),
            ("_dd.python_main_package", settings.main_package),
        ):
            if value:
                self.of_chunk[tag] = text.value(value)
        self._tags = {True: {**ours, **common}, False: {**others, **common}}

        self._by_plugin = {
            plugin: named for name, plugin in BY_NAME.items() if (named := self._fixed(name, plugin)) is not None
        }
        self._split = frozenset(
            plugin for name, plugin in BY_NAME.items() if _of(settings.instrumentor_split_by_domain, name, plugin)
        )
        self._parted = {
            plugin: parted for name, plugin in BY_NAME.items() if (parted := self._before_part(name, plugin))
        }
        self._owned = (
            {} if self._is_one_for_all else {each: each.own for each in BY_NAME.values() if each.own is not None}
        )
        # Where a service is no one's choice, `_dd.svc_src` names the component that it comes from.
        self._defaults = {self._default(plugin) for plugin in BY_NAME.values() if plugin.service is not Belongs.CALLER}
        if not self.is_explicit:
            self._defaults.add(self.service)
        self._meta: dict[tuple[Named, Operation], Meta] = {}

    @property
    def _is_one_for_all(self) -> bool:
        return self._settings.remove_integration_service_names or self._settings.span_attribute_schema == "v1"

    def _default(self, plugin: Plugin) -> str:
        is_inferred = plugin.service is Belongs.PROCESS and not self.is_explicit
        return self.service if self._is_one_for_all or is_inferred else plugin.default or plugin.component

    def _fixed(self, name: str, plugin: Plugin) -> Named | None:
        """The service of all spans of a plugin, unless somebody names another for one of them."""
        default = self._default(plugin)
        service = _of(self._settings.instrumentor_service, name, plugin)
        if not service or (plugin.part and self._is_one_for_all):
            if plugin.service is Belongs.CALLER:
                return None
            is_users = plugin.service in (Belongs.APPLICATION, Belongs.PROCESS) and self.is_explicit
            service = self.service if is_users else default
        return self._renamed(service, plugin.component if service == default else self._chosen(plugin), plugin)

    def _chosen(self, plugin: Plugin) -> str:
        """Who names a service of a plugin's that is not its default."""
        is_late = plugin.named_late or plugin.told_late
        return "" if is_late and not self.is_explicit else _MANUAL

    def _before_part(self, name: str, plugin: Plugin) -> str:
        """What stands before the part in the services of a plugin; "" where they have none."""
        if not plugin.part or self._is_one_for_all:
            return ""
        service = _of(self._settings.instrumentor_service, name, plugin)
        if plugin.service is Belongs.APPLICATION:
            return "" if service or self.is_explicit else self._default(plugin)
        return service or self._default(plugin)

    def _renamed(self, service: str, source: str, plugin: Plugin | None) -> Named:
        renamed = self._mapping.get(service, service)
        if renamed != service and plugin is not None and plugin.renaming_told:
            source = _MAPPED
        return Named(text.utf8(renamed), source)

    def named(self, plugin: Plugin | None, attributes: dict[str, Any], parent: Named | None) -> Named:
        """Whose a span is; `parent` is the service of the span around it, None where there is none here."""
        users = attributes.get("service.name")
        if users:
            service = as_text(users)
            named = self._renamed(service, _MANUAL if service != self.service else "", None)
        else:
            named = self._by_plugin.get(plugin) if plugin is not None else None  # type: ignore[assignment]
            if named is None:
                named = parent or self.own
                if plugin is not None and plugin.inherited_told:
                    named = Named(named.service, plugin.component)
            if plugin is not None and plugin.part and plugin in self._parted:
                named = self._part(plugin, attributes) or named
            elif self._split and plugin is not None and plugin in self._split:
                domain = plugin.domain(attributes, self._urls)
                if domain:
                    named = self._renamed(domain, _BY_DOMAIN, plugin)
            elif plugin is not None and plugin in self._owned:
                own = self._owned[plugin](attributes, self._settings)
                if own is None:
                    named = parent or self.own
                elif own:
                    named = self._renamed(own, _MANUAL, plugin)
        return named

    def asks_each(self, plugin: Plugin) -> bool:
        """Whether the service of a plugin's span depends on more than the service around it."""
        return bool(plugin.part and plugin in self._parted) or plugin in self._split or plugin in self._owned

    def _part(self, plugin: Plugin, attributes: dict[str, Any]) -> Named | None:
        part = attributes.get(plugin.part)
        return self._renamed(f"{self._parted[plugin]}.{as_text(part)}", self._chosen(plugin), plugin) if part else None

    def is_own(self, named: Named) -> bool:
        """Whether that is the global service."""
        return named.service == self.service

    def _source(self, named: Named, operation: Operation) -> str:
        """Who named the service, as the span tells it; the spans below inherit what `named` says, not this."""
        service, source = named
        if source.startswith("opt."):
            return source
        if operation.source and (self.is_explicit or (source and service != self.service)):
            return operation.source
        if service not in self._defaults:
            return source
        return operation.component or source or operation.api

    def meta(self, named: Named, operation: Operation) -> Meta:
        """The tags that a span has from its service and operation alone; to be copied, not changed."""
        key = (named, operation)
        meta = self._meta.get(key)
        if meta is None:
            meta = self._made_meta(named, operation)
            if len(self._meta) < _MOST_KEPT:
                self._meta[key] = meta
        return meta

    def _made_meta(self, named: Named, operation: Operation) -> Meta:
        meta = dict(self._tags[operation.api == "datadog"])
        if self.version and named.service == self.service:
            meta["version"] = text.value(self.version)
        if named.service.lower() != self._base_service:
            meta["_dd.base_service"] = text.value(self._base_service)
        source = self._source(named, operation)
        if source:
            meta["_dd.svc_src"] = source
        if operation.component:
            meta["component"] = operation.component
        if operation.kind:
            meta["span.kind"] = operation.kind
        meta.update(operation.tags)
        return meta


class Services:
    """The services of all spans of this process; its methods may be called from any thread."""

    def __init__(self, settings: Settings, urls: Urls) -> None:
        self._settings = settings
        self._urls = urls
        self._defaults: dict[int, tuple[Resource | None, ResourceDefaults]] = {}

    def defaults(self, resource: Resource | None) -> ResourceDefaults:
        """What the spans of a resource share."""
        held = self._defaults.get(id(resource))
        # Resources are kept with what was made for them: an id names one object only as long as that lives.
        if held is not None and held[0] is resource:
            return held[1]
        made = ResourceDefaults(self._settings, resource, self._urls)
        if len(self._defaults) >= _MOST_RESOURCES:
            self._defaults.clear()
        self._defaults[id(resource)] = (resource, made)
        return made

    def named(self, span: ReadableSpan, around: Named | None) -> Named:
        """The service of a span, finished or not, and who named it; `around` is that of its parent in this process."""
        return self.defaults(span.resource).named(plugin_of(span), reading.attributes(span), around)

    def own(self, span: ReadableSpan) -> Named:
        """The service of this process, as far as the span's resource and the settings tell."""
        return self.defaults(span.resource).own


def _of(values: Mapping[str, Any], name: str, plugin: Plugin) -> Any:
    """What a per-instrumentor variable says of a plugin; None where none of its names is set."""
    for each in in_variables(name, plugin):
        if each in values:
            return values[each]
    return None
