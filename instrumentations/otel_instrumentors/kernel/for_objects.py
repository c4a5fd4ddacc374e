"""Instruments single objects (an app, a client, a channel), by the method names of OpenTelemetry's instrumentors."""

from __future__ import annotations

from typing import Any

from .instrumentor import Instrumentor


class ForApplications(Instrumentor):
    """Instruments a single application of a framework."""

    @classmethod
    def instrument_app(cls, app: Any, **options: Any) -> None:
        """Record the requests of `app`, with the options that `instrument()` takes; those of others as before."""
        cls()._instrument_object(app, options)

    @classmethod
    def uninstrument_app(cls, app: Any) -> None:
        """Record the requests of `app` no more."""
        cls()._uninstrument_object(app)


class ForConfigurations(Instrumentor):
    """Instruments the application that one configuration makes."""

    @classmethod
    def instrument_config(cls, config: Any, **options: Any) -> None:
        """Record the requests of this application, with the options that `instrument()` takes; of others as before."""
        cls()._instrument_object(config, options)

    @classmethod
    def uninstrument_config(cls, config: Any) -> None:
        """Record the requests of this application no more."""
        cls()._uninstrument_object(config)


class ForClients(Instrumentor):
    """Instruments a single client."""

    @classmethod
    def instrument_client(cls, client: Any, **options: Any) -> None:
        """Record the calls of `client`, with the options that `instrument()` takes; those of others as before."""
        cls()._instrument_object(client, options)

    @classmethod
    def uninstrument_client(cls, client: Any) -> None:
        """Record the calls of `client` no more."""
        cls()._uninstrument_object(client)


class ForChannels(Instrumentor):
    """Instruments a single channel of a connection to a broker."""

    @classmethod
    def instrument_channel(cls, channel: Any, **options: Any) -> None:
        """Record the messages of `channel`, with the options that `instrument()` takes; those of others as before."""
        cls()._instrument_object(channel, options)

    @classmethod
    def uninstrument_channel(cls, channel: Any) -> None:
        """Record the messages of `channel` no more."""
        cls()._uninstrument_object(channel)


class ForSessions(Instrumentor):
    """Leaves a single session out."""

    @classmethod
    def uninstrument_session(cls, session: Any) -> None:
        """Record the requests of `session` no more."""
        cls()._uninstrument_object(session)
