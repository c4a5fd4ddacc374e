"""Secrets in the texts of errors, and in statements for whom no Agent obfuscates them.

    spans.py        the errors and events of translated spans, scrubbed
    scrubber.py     one text: each of the next looks for its own kind of secret, in the text as it came
    pairs.py        names with their values (names.py: which names; values.py: where a value ends)
    credentials.py  user and password in URLs
    tokens.py       tokens with a known beginning, credentials of HTTP authentication, private keys
    databases.py    what the errors of databases quote
    places.py       the search for where one may begin, in slices that let other threads run
    statements.py   a lexer for SQL: literals and comments
    commands.py     the values of Redis commands

The Agent obfuscates the resources of SQL spans; what an error says it shows as it comes.
"""

from .commands import without_values
from .databases import parameters_in
from .scrubber import scrubbed
from .spans import ERROR_TEXTS, EXCEPTION_TEXTS, conceal
from .statements import literals_of, without_literals

__all__ = [
    "ERROR_TEXTS",
    "EXCEPTION_TEXTS",
    "conceal",
    "literals_of",
    "parameters_in",
    "scrubbed",
    "without_literals",
    "without_values",
]
