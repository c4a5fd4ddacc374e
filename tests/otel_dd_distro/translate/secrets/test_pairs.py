"""Values of names that stand for secrets: S3CRET is one."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_dd_distro.translate.secrets import scrubbed

SECRET = "S3CRET"


def hidden(text: str) -> str:
    """The text as it should become."""
    return text.replace(SECRET, "<redacted>")


@pytest.mark.parametrize(
    "text",
    [
        # of a mapping
        "{'password': 'S3CRET', 'user': 'c'}",
        '{"client_secret":"S3CRET","b":1}',
        "{'password': b'S3CRET'}",
        "{'password': u'S3CRET'}",
        '{"api_key": S3CRET, "b": 1}',
        '{"body": "{\\"password\\": \\"S3CRET\\", \\"b\\": 1}"}',
        '"{\\\\\\"password\\\\\\": \\\\\\"S3CRET\\\\\\"}"',
        "{'password':\n  'S3CRET'}",
        ':password => "S3CRET"',
        '"password" = "S3CRET"',
        '"user[password]" = "S3CRET"',
        "user['password'] = 'S3CRET'",
        "&quot;password&quot;: &quot;S3CRET&quot;",
        "%22password%22%3A%22S3CRET%22",
        # of a name of two words
        "secret key: S3CRET",
        "the api key: 'S3CRET' is wrong",
        "Access Key = S3CRET",
        "pass phrase: S3CRET",
        # of a list of pairs
        "[('Cookie', 'S3CRET')]",
        "[(b'x-api-key', b'S3CRET'), (b'host', b'x')]",
        '[["Authorization", "S3CRET"]]',
        "('password', 'S3CRET')",
        "[{'name': 'Cookie', 'value': 'S3CRET'}]",
        "<Headers('Authorization': 'S3CRET', 'Host': 'x')>",
        # of a query, a connection string, a repr()
        "/x?a=1&token=S3CRET&b=2",
        "a=1&user[password]=S3CRET&b=2",
        "next=%2Fx%3Ftoken%3DS3CRET%26b",
        "AccountKey=S3CRET;EndpointSuffix=x",
        "Server=x;Password=S3CRET;Database=y",
        "Server=x; Pwd=S3CRET; Database=y",
        "host=h password=S3CRET dbname=x",
        "host=h password = S3CRET dbname=x",
        "connect(host='db', password='S3CRET')",
        "Config(password=S3CRET, user=c)",
        "PGPASSWORD=S3CRET psql",
        "export DB_PASS=S3CRET",
        "sessionid=S3CRET; theme=dark",
        # of a line
        "password: S3CRET",
        "user: a\n  password:   S3CRET\nb: 1",
        "{user: x, password: S3CRET, b: 1}",
        "invalid password: S3CRET",
        "wrong token: S3CRET",
        "bad config:\n    db_password=S3CRET",
        "\tdb_password=S3CRET",
        "password:\n  S3CRET\nb: 1",
        "Authorization: S3CRET",
        "curl -H 'Authorization: S3CRET' http://x",
        "GET / HTTP/1.1\\r\\nX-Api-Key: S3CRET\\r\\nHost: x",
        'form-data; name="password"\r\n\r\nS3CRET\r\n',
        # of a command
        "mysql --password S3CRET -h x",
        "mysql --password=S3CRET -h x",
        "tool --api-key 'S3CRET' x",
        "tool -password S3CRET",
        "['mysql', '--password', 'S3CRET']",
        '["tool", "--token=S3CRET"]',
        "ALTER USER x WITH PASSWORD 'S3CRET'",
        # of an element
        "<password>S3CRET</password>",
        '<soap:Password>S3CRET</soap:Password>',
    ],
)  # fmt: skip
def test_the_value_of_a_secrets_name_is_taken_out_and_nothing_else(text: str) -> None:
    assert scrubbed(text) == hidden(text)


@pytest.mark.parametrize(
    "text",
    [
        "dsn password=a,S3CRET x",
        "dsn password=a&S3CRET",
        "dsn password=a;S3CRET x",
        "password=a(S3CRET",
        "password=a)S3CRET",
        "password=a]S3CRET",
        "password=a}S3CRET",
        "password=a<S3CRET",
        'password=a"S3CRET',
        "password=a'S3CRET",
        "password='a S3CRET",
        "password='it's S3CRET'",
        "host=h password=a;b=S3CRET user=x",
        "host=h password='a\\'S3CRET' user=x",
        "Server=x; Pwd={a;S3CRET}; Database=y",
        "ALTER USER x PASSWORD 'it''s S3CRET'",
        "Authorization: Token a, S3CRET",
        'Cookie: a="x y"; b=S3CRET',
        "Set-Cookie: a=b; S3CRET",
        "password: a b S3CRET",
        "password: |\n  a\n  S3CRET\n",
        "{'password': ['a', 'S3CRET']}",
        "{'password': ('a', 'S3CRET')}",
        "{'Set-Cookie': ['a=b', 'c=S3CRET']}",
        "{'password': SecretStr('S3CRET')}",
        "password=SecretStr('S3CRET')",
        "password=bytearray(b'a)S3CRET')",
        'password="""a "b" S3CRET"""',
    ],
)
def test_no_sign_in_a_value_ends_it_too_early(text: str) -> None:
    assert SECRET not in scrubbed(text)


SIGNS = st.text(st.sampled_from("\"'\\,;&=:()[]{}<>@#?/ %aé\U0001f600"), max_size=8)


@given(SIGNS, SIGNS)
def test_a_quoted_value_goes_whatever_signs_are_in_it(before: str, after: str) -> None:
    value = f"{before}{SECRET}{after}"
    held = {"user": "x", "password": value, "z": 1}
    for text in (
        repr(held),
        repr({"password": value.encode()}),
        repr([("Cookie", value), ("Host", "x")]),
        repr([(b"x-api-key", value.encode())]),
        json.dumps(held),
        json.dumps(held, ensure_ascii=False),
        json.dumps({"body": json.dumps(held)}),
        json.dumps({"a": json.dumps({"body": json.dumps(held)})}),
        repr(json.dumps(held)),
        f"connect(password={value!r}, user='x')",
        f"Command {['mysql', '--password', value]!r} returned 1",
        f"ALTER USER x PASSWORD '{value.replace(chr(39), chr(39) * 2)}'" if "\\" not in value else "",
    ):
        assert SECRET not in scrubbed(text), text


@given(st.text(st.sampled_from("\"'\\,;&:()[]{}<>@#?/%aé"), max_size=8))
def test_a_bare_value_goes_up_to_the_blank_whatever_signs_are_in_it(before: str) -> None:
    assert SECRET not in scrubbed(f"host=h password=x{before}{SECRET} user=x")
    assert SECRET not in scrubbed(f"mysql --password x{before}{SECRET} -h x")
    assert SECRET not in scrubbed(f"password: x{before}{SECRET}")
    assert SECRET not in scrubbed("tool " + shlex.join([f"--password=x{before}{SECRET}"]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no such table: users",
        'unrecognized token: "x"',
        "unexpected token: foo",
        "authentication failed for user 'app'",
        'password authentication failed for user "app"',
        "fe_sendauth: no password supplied",
        "Access denied for user 'u'@'h' (using password: YES)",
        "cannot get token: connection refused",
        "KeyError: 'password'",
        "missing fields: ['password', 'email']",
        "{'password': None, 'token': null}",
        "password=None, token=null",
        "{'password': ''}",
        "the --token option is required",
        "jose.exceptions.ExpiredSignature: Signature has expired",
        "the primary key (id) is missing",
        "max_tokens=512, design=modern, bypass=1, author=Bob, token_type=bearer",
        "https://docs.python.org/3/library/secrets.html#secrets.token_hex: it says",
        "invalid literal for int() with base 10: 'abc'",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert scrubbed(text) == text


STACK = """Traceback (most recent call last):
  File "app.py", line 1, in <module>
    connect(token=token, password=os.environ["PASSWORD"], url=url)
            ~~~~~~~~~~~~~^^^^^
  File "app.py", line 2, in connect
    raise ValueError("no token=S3CRET")
  File "app.py", line 3, in connect
    login(password="S3CRET", user=user)
ValueError: token=S3CRET
    password=S3CRET
"""


def test_source_lines_of_a_traceback_keep_their_names_and_lose_what_stands_in_quotes() -> None:
    assert scrubbed(STACK) == hidden(STACK)


def test_source_lines_in_an_exception_group_stay_too() -> None:
    stack = '  | Traceback:\n  |   File "app.py", line 1, in f\n  |     f(token=token)\n  | ValueError: token=S3CRET\n'
    assert scrubbed(stack) == hidden(stack)
