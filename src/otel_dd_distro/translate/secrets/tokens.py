"""Tokens that are told by their beginning, credentials behind a scheme of authentication, private keys."""

from __future__ import annotations

import re

from . import values
from .places import Place, Places, leads, words

# At least how many characters follow what a token begins with. Sources: the documents of who issues them, and the
# rules of GitHub's and gitleaks' secret scanning.
_BEGINNINGS = {
    10: "xapp- xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- sk_live_ sk_test_ rk_live_ rk_test_ ya29. EAACEdEose0cBA",
    15: "AKIA ASIA ABIA ACCA NRJS- whsec_ sq0atp- sq0csp- glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glagent-",
    20: "ghp_ gho_ ghs_ ghu_ ghr_ github_pat_ SG. shpat_ shpca_ shppa_ shpss_ sk-ant- sk-proj- hvs. hvb. hvr. dp.pt."
    " dp.st. ATATT3 ATCTT3 ATBB GOCSPX- HRKU- fm2_ fo1_ glsa_ glc_ NRAK- NRII- sntrys_ sntryu_ pscale_tkn_ pscale_pw_"
    " lin_api_ ntn_ nfp_ figd_ PMAK- AGE-SECRET-KEY-1 v1.local. v2.local. v3.local. v4.local.",
    30: "AIza npm_ pypi- rubygems_ hf_ phx_ sbp_ dapi dop_v1_ doo_v1_ dor_v1_ key- sk-",
}
SHORTEST = {beginning: least for least, beginnings in _BEGINNINGS.items() for beginning in beginnings.split()}
"""Characters that follow each beginning at least."""
_AMBIGUOUS = frozenset({"sk-", "key-", "dapi"})
"""Words may begin like this; there is a digit in nearly every token."""
_EVERY_BEGINNING = tuple(SHORTEST)
_LONG_WORD = re.compile(r"[A-Za-z0-9_.-]{14,}")
"""As long as the shortest token, most of the time nothing but a name."""
_WORD = re.compile(r"[\w.~+/=-]*")
_IN_A_WORD = re.compile(r"[\w-]")
_DIGIT = re.compile(r"\d")
_WEB_TOKENS = ("eyI", "eyJ", "eyK", "eyL")
_WORD_OF_A_WEB_TOKEN = re.compile(r"[\w=+/-]+(?:\.[\w=+/-]{5,}(?:\.[\w=+/-]*){0,3})?")

_SCHEMES = ("bearer", "basic", "digest", "negotiate", "ntlm")
_GAP = re.compile(r"(?:[ \t+]|%20){1,4}")
_CREDENTIALS = re.compile(r"[A-Za-z0-9+/_=.~%-]{8,}")
_PARAMETERS = re.compile(r"\w{1,20}=")
_PROSE = re.compile(r"[a-z]+[.]?")
_OF_BEARERS = frozenset({"authentication", "authorization", "credentials", "challenge", "required"})

_WEBHOOK = re.compile(
    r"(?:hooks\.slack\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks|webhook\.office\.com"
    r"|outlook\.office\.com/webhook)/|api\.telegram\.org/bot"
)
_PATH = re.compile(r"[^\s\"'<>?#]+")
_USER_OPTION = re.compile(r"(?<!\S)[\"']?(?:-u|--(?:proxy-)?user)(?:[ =]|[\"'], ?[\"'])[\"']?[^\s:\"']{0,64}:")

_PRIVATE_KEY = re.compile(
    r"-{4,5} ?BEGIN(?: |\+|%20)(?:[A-Z0-9 +]|%20){0,40}PRIVATE(?: |\+|%20)KEY|-----BEGIN OpenVPN Static"
    r"|PuTTY-User-Key-File"
)
_END_OF_PRIVATE_KEY = re.compile(r"-{4,5} ?END[^-]{1,60}(?:-{4,5})?|Private-(?:MAC|Hash): ?\w*")


def find(text: str, lower: str, places: Places) -> None:
    """Add what is a secret by its own look; `lower` is the text in lower case, sign by sign."""
    _find_tokens(text, places)
    _find_credentials(text, lower, places)
    if "PRIVATE" in text or "OpenVPN" in text or "PuTTY" in text:
        _find_private_keys(text, places)
    if "hook" in lower or "telegram" in lower:
        for webhook in leads(_WEBHOOK, lower, places):
            if path := _PATH.match(text, webhook.end()):
                places.append(Place(*path.span()))
    if "-u" in lower:
        for option in leads(_USER_OPTION, text, places):
            places.append(Place(option.end(), values.unquoted(text, option.end(), " ")))


def _find_tokens(text: str, places: Places) -> None:
    after = 0
    for run in leads(_LONG_WORD, text, places):
        start = run.start()
        if start < after:
            continue
        before = text[start - 1 : start]
        if before == "%":
            start += 2
        elif before == "\\" and text[start] in "nrt":
            start += 1
        elif before and _IN_A_WORD.match(before):
            continue
        if text.startswith(_WEB_TOKENS, start):
            word = _WORD_OF_A_WEB_TOKEN.match(text, start)
            after = word.end() if word else start
            if word and "." in word[0]:
                places.append(Place(start, after))
        elif text.startswith(_EVERY_BEGINNING, start):
            word = _WORD.match(text, start)
            after = word.end() if word else start
            beginning = max((each for each in _EVERY_BEGINNING if text.startswith(each, start)), key=len)
            is_long = after - start >= len(beginning) + SHORTEST[beginning]
            if is_long and (beginning not in _AMBIGUOUS or _DIGIT.search(text, start, after)):
                places.append(Place(start, after))


def _find_credentials(text: str, lower: str, places: Places) -> None:
    after = 0
    for start, scheme in words(_SCHEMES, lower, places):
        gap = _GAP.match(lower, start + len(scheme)) if start >= after else None
        if gap is None or (start and _IN_A_WORD.match(text, start - 1) and text[start - 2 : start - 1] != "\\"):
            continue
        at = gap.end()
        if scheme == "digest" and _PARAMETERS.match(text, at):
            after = values.end_of_line(text, at)
            places.append(Place(at, after))
            continue
        found = _CREDENTIALS.match(text, at)
        if found is None:
            continue
        is_prose = _PROSE.fullmatch(found[0]) is not None
        if not is_prose or (scheme == "bearer" and found[0] not in _OF_BEARERS):
            places.append(Place(at, found.end()))


def _find_private_keys(text: str, places: Places) -> None:
    after = 0
    for beginning in leads(_PRIVATE_KEY, text, places):
        if beginning.start() < after:
            continue
        end = _END_OF_PRIVATE_KEY.search(text, beginning.end())
        after = end.end() if end else len(text)
        places.append(Place(beginning.start(), after))
