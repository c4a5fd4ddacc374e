"""The sampling rates by service that the Agent returns with every payload it takes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


class Rates:
    """The last full table, and the version under which the Agent knows that we have it."""

    def __init__(self) -> None:
        self.table: Mapping[str, float] = MappingProxyType({})
        """Rate by `service:<service>,env:<env>`; `service:,env:` is the default. Replaced whole, never changed."""
        self.version = "0"
        """To be sent as `Datadog-Rates-Payload-Version`; "0" until the Agent has named one."""

    def learn(self, body: bytes, version: str | None) -> str:
        """Take the body and the version header of an answer; the complaint about a body that makes no sense, or "".

        `{}` means unchanged; `OK` is what Agents without rates say. Neither touches the table.
        """
        import json

        if not body or body.startswith(b"OK"):
            return ""
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            return f"the answer to traces is not an object of sampling rates but {body[:60]!r}; the old rates are kept"
        said = answer.get("rate_by_service")
        if said is None:
            return ""
        if not isinstance(said, dict) or not all(_is_rate(rate) for rate in said.values()):
            return f"the sampling rates make no sense ({body[:60]!r}); the old ones are kept"
        self.table = MappingProxyType({service: float(rate) for service, rate in said.items()})
        self.version = version or self.version
        return ""


def _is_rate(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
