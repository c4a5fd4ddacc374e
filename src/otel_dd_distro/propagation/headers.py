"""Reading a carrier: through its getter, by lower-case names, whatever the getter gives back."""

from __future__ import annotations

from typing import Any

from opentelemetry.propagators.textmap import DefaultGetter, Getter


class Headers:
    """The headers of one carrier, for the time of one extraction.

    The default getter looks keys up as they are written. A plain dict is therefore read once, its keys in lower case;
    all other getters are asked name by name, as they know the carrier's spelling.
    """

    __slots__ = ("_carrier", "_getter", "_lowered")

    def __init__(self, carrier: Any, getter: Getter[Any]) -> None:
        self._carrier = carrier
        self._getter = getter
        self._lowered: dict[str, Any] | None = None
        if type(getter) is DefaultGetter:
            self._lowered = {key.lower(): value for key, value in carrier.items() if isinstance(key, str)}

    def one(self, name: str) -> str | None:
        """The value of a header; the first, where it stands there several times."""
        value = self._value(name)
        if value is None or isinstance(value, str):
            return value
        return next((_text(one) for one in _several(value)), None)

    def several(self, name: str) -> list[str]:
        value = self._value(name)
        if value is None:
            return []
        return [value] if isinstance(value, str) else [_text(one) for one in _several(value)]

    def _value(self, name: str) -> Any:
        if self._lowered is not None:
            return self._lowered.get(name)
        value = self._getter.get(self._carrier, name)
        # The usual answer by far.
        return value[0] if type(value) is list and len(value) == 1 and type(value[0]) is str else value


def _several(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [one for one in value if one is not None]
    return [value]


def _text(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        return value.decode("latin-1")
    return str(value)
