"""Instruments single objects (an app, a client, a channel), by the method names of OpenTelemetry's instrumentors."""

from __future__ import annotations

from typing import Any

from .instrumentor import Instrumentor


class ForApplications(Instrumentor):
    """Instrumentors of frameworks: one application alone."""

    @classmethod
    def instrument_app(cls, app: Any, **options: Any) -> None:
        """Make spans for the requests of `app`, with options as for `instrument()`.

        Whether others have spans does not change. A second call for the same object logs a warning.
        """
        cls()._instrument_object(app, options)

    @classmethod
    def uninstrument_app(cls, app: Any) -> None:
        """Make no more spans for the requests of `app`. If it was not instrumented, a warning is logged."""
        cls()._uninstrument_object(app)


class ForConfigurations(Instrumentor):
    """Instrumentors of Pyramid: the application of one configuration alone."""

    @classmethod
    def instrument_config(cls, config: Any, **options: Any) -> None:
        """Make spans for the application that `config` makes or has made, with options as for `instrument()`.

        Whether others have spans does not change. A second call for the same object logs a warning.
        """
        cls()._instrument_object(config, options)

    @classmethod
    def uninstrument_config(cls, config: Any) -> None:
        """Make no more spans for this application. If it was not instrumented, a warning is logged."""
        cls()._uninstrument_object(config)


class ForClients(Instrumentor):
    """Instrumentors of clients: one client alone."""

    @classmethod
    def instrument_client(cls, client: Any, **options: Any) -> None:
        """Make spans for the calls of `client`, with options as for `instrument()`.

        Whether others have spans does not change. A second call for the same object logs a warning.
        """
        cls()._instrument_object(client, options)

    @classmethod
    def uninstrument_client(cls, client: Any) -> None:
        """Make no more spans for the calls of `client`. If it was not instrumented, a warning is logged."""
        cls()._uninstrument_object(client)


class ForChannels(Instrumentor):
    """Instrumentors of brokers: one channel alone."""

    @classmethod
    def instrument_channel(cls, channel: Any, **options: Any) -> None:
        """Make spans for the messages of `channel`, with options as for `instrument()`.

        Whether others have spans does not change. A second call for the same object logs a warning.
        """
        cls()._instrument_object(channel, options)

    @classmethod
    def uninstrument_channel(cls, channel: Any) -> None:
        """Make no more spans for the messages of `channel`. If it was not instrumented, a warning is logged."""
        cls()._uninstrument_object(channel)


class ForSessions(Instrumentor):
    """Instrumentors of HTTP sessions: all sessions but one."""

    @classmethod
    def uninstrument_session(cls, session: Any) -> None:
        """Make no more spans for the requests of `session`. If nothing is instrumented, a warning is logged."""
        cls()._uninstrument_object(session)
