"""Which names stand for a secret: of keys, variables, options, parameters and headers."""

from __future__ import annotations

import re
from functools import lru_cache

PARTS = (
    *(
        "pass",
        "pw",
        "phrase",
        "secret",
        "cred",
        "token",
        "cookie",
        "key",
        "auth",
        "sig",
        "sess",
        "sas",
        "jwt",
        "bearer",
    ),
    *("otp", "consumer"),
)
"""One of these is in each such name, in lower case."""
LONGEST = 64
"""Characters of a name that are looked at."""

# What the last word of a name may end with, whatever stands before: PGPASSWORD, clientsecret.
_ENDINGS = (
    r"passw(?:or)?ds?|passphrases?|passcodes?|pwd|secrets?|token|credentials?|cookies?"
    r"|(?:api|private|public|access|secret|app|application|account|shared|auth|master|encryption|signing|license"
    r"|client|service|subscription|webhook|deploy)_?(?:access_?)?keys?"
    r"|sess(?:ion)?_?id|session_?key|consumer_?(?:id|key)"
)
# What is a secret's name only as a word of its own: bypass and design are none.
_WORDS = (
    r"pass|pass_phrase|pass_code|pwd?|p_word|o?auth\d?|authentication|authorization|sig|sign|signed|signature|sas|creds?"
    r"|jwt|bearer|t?otp"
)
_HEADER = r"x_\w*(?:key|token|secret|auth|signature|session|credential)\w{0,8}"
_REMAINDER = (
    r"(?:_?(?:\d+(?!\d)|id|old|new|again|repeat|confirm|confirmation|plain|text|raw|value|string|b64|base64|hash|header"
    r"|env|sha256))*"
)
_SECRET = re.compile(rf"(?:\w*(?:{_ENDINGS})|(?:\w*_)?(?:{_WORDS})|{_HEADER}){_REMAINDER}")
_PASSWORD = re.compile(r"\w*(?:passw(?:or)?d|passphrase|passcode|pwd)\w*|(?:\w*_)?(?:pass|pw)\d?")
_HEADERS = frozenset({"authorization", "proxy_authorization", "cookie", "cookie2", "set_cookie", "set_cookie2"})

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_JOINTS = re.compile(r"[\W_]+")


@lru_cache(1_024)
def is_secret(name: str) -> bool:
    """Whether what bears this name is a secret; names in any spelling: DB_PASSWORD, newPwd, X-Api-Key."""
    words = _words(name)
    return bool(_SECRET.fullmatch(words) or _SECRET.fullmatch(words.replace("_", "")))


@lru_cache(1_024)
def is_password(name: str) -> bool:
    """Whether it is a password's name."""
    return bool(_PASSWORD.fullmatch(_words(name)))


@lru_cache(1_024)
def is_header(name: str) -> bool:
    """Whether a secret's name is that of a header, whose value is the rest of the line."""
    return "-" in name or _words(name) in _HEADERS


def _words(name: str) -> str:
    return _JOINTS.sub("_", _CAMEL.sub("_", name)).strip("_").lower()
