"""Sets OpenTelemetry's own variables so that instrumentors capture the headers and spans that our settings need."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from .settings import VARIABLES

if TYPE_CHECKING:
    from .settings import Settings

CLIENT_ADDRESS_HEADERS = (
    "x-forwarded-for",
    "x-real-ip",
    "true-client-ip",
    "x-client-ip",
    "forwarded",
    "forwarded-for",
    "x-cluster-client-ip",
    "fastly-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
)
"""Where proxies say whom they speak for; the first that is there is believed."""

_NAME = re.compile(r"[\w-]+")


def ask(settings: Settings, environ: MutableMapping[str, str]) -> None:
    """Add to the variables in `environ` the headers to capture. Our instrumentors read them, and others do, too.

    To be done before the first request is traced. Nothing is set where the settings need no header, and no switch where
    what they say is what an instrumentor does unasked: nothing.
    """
    if settings.redis_command_length != _LENGTH.default:
        environ[_LENGTH.names[-1]] = str(settings.redis_command_length)
    if not settings.aws_digests:
        environ[_DIGESTS] = "false"
    if settings.aws_table_keys:
        environ[_TABLE_KEYS] = settings.aws_table_keys
    for field, switch in _SWITCHES.items():
        if getattr(settings, field):
            environ[switch] = "true"
        elif switch in environ:
            environ[switch] = "false"
    tagged = tuple(settings.header_tags)
    addresses: tuple[str, ...] = ()
    if settings.client_ip:
        addresses = (settings.client_ip_header,) if settings.client_ip_header else CLIENT_ADDRESS_HEADERS
    for field, needed in (
        ("server_request_headers", (*tagged, *addresses)),
        ("server_response_headers", tagged),
        ("client_request_headers", tagged),
        ("client_response_headers", tagged),
    ):
        if needed:
            given: tuple[str, ...] = getattr(settings, field)
            # What is no plain name is read as a regular expression.
            names = (name if _NAME.fullmatch(name) else re.escape(name) for name in needed)
            environ[_NAMES[field]] = ",".join(dict.fromkeys((*given, *names)))


_LENGTH = next(variable for variable in VARIABLES if variable.field == "redis_command_length")
_DIGESTS, _TABLE_KEYS = (
    next(variable.names[-1] for variable in VARIABLES if variable.field == field)
    for field in ("aws_digests", "aws_table_keys")
)
_NAMES = {variable.field: variable.names[0] for variable in VARIABLES if variable.field.endswith("_headers")}
_SWITCHES = {
    variable.field: variable.names[-1]
    for variable in VARIABLES
    if variable.field not in (*_NAMES, _LENGTH.field, "aws_digests", "aws_table_keys")
    and variable.names[-1].startswith("OTEL_INSTRUMENTATION_")
}
