"""Finished OpenTelemetry spans become Datadog spans.

names.py        the table of names: one row for each of our plugins
plugin.py       what a row may say
conventions/    operation name, resource and type by domain: HTTP, SQL, messaging, ...
every_span/     what applies to every span: attributes, errors, events, links, limits of text, the process
optional/       what is tagged only where a setting asks for it
secrets/        what is taken out of the texts of errors
services.py     the service of a span; chunk_services.py: of the spans around it
translator.py   puts these together for a chunk; shapes.py: the short way for spans with the same keys
"""

from .translator import Translator

__all__ = ["Translator"]
