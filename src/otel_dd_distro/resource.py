"""The OpenTelemetry resource of this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.version import __version__ as sdk_version
from opentelemetry.semconv.attributes.service_attributes import SERVICE_NAME, SERVICE_VERSION
from opentelemetry.semconv.attributes.telemetry_attributes import (
    TELEMETRY_SDK_LANGUAGE,
    TELEMETRY_SDK_NAME,
    TELEMETRY_SDK_VERSION,
)

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from .settings import Settings

DEPLOYMENT_ENVIRONMENT_NAME = "deployment.environment.name"
TELEMETRY_DISTRO_NAME = "telemetry.distro.name"
TELEMETRY_AUTO_VERSION = "telemetry.auto.version"
_DETECTORS = "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"


def resource_of(settings: Settings, auto_instrumentation_version: str | None = None) -> Resource:
    """Service, environment, version and tags of the settings, beside what OpenTelemetry's own variables say.

    The SDK's way (`Resource.create`) asks all installed packages for detectors, which costs start-up: it is taken only
    when detectors are asked for.
    """
    attributes: dict[str, AttributeValue] = {
        TELEMETRY_SDK_LANGUAGE: "python",
        TELEMETRY_SDK_NAME: "opentelemetry",
        TELEMETRY_SDK_VERSION: sdk_version,
        **settings.resource_attributes,
        **settings.tags,
        SERVICE_NAME: settings.service,
        TELEMETRY_DISTRO_NAME: "otel-dd-distro",
    }
    if settings.version:
        attributes[SERVICE_VERSION] = settings.version
    if settings.env:
        attributes[DEPLOYMENT_ENVIRONMENT_NAME] = settings.env
    if auto_instrumentation_version:
        attributes[TELEMETRY_AUTO_VERSION] = auto_instrumentation_version
    return Resource.create(attributes) if os.environ.get(_DETECTORS) else Resource(attributes)
