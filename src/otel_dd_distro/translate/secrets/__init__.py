"""Secrets in the texts of errors: credentials, tokens, the literals of a failed statement.

The Agent obfuscates the resources of SQL spans; what an error says it shows as it comes. So it is looked through here.
"""

from .scrubber import scrubbed
from .spans import EXCEPTION_TEXTS, conceal
from .statements import literals_of, without_literals

__all__ = ["EXCEPTION_TEXTS", "conceal", "literals_of", "scrubbed", "without_literals"]
