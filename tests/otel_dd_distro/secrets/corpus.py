"""The planted secrets, as data: each line is a way in, a name and a text; `{}` is where its own secret stands.

Every secret is a word of its own (`word`), so that one look tells which got out.
"""

from __future__ import annotations

from typing import NamedTuple


class Plant(NamedTuple):
    way: str
    """Which use of a library brings it in: a function in `ways.py` bears the name."""
    name: str
    text: str
    word: str
    """The secret itself, or a part of it that no other text has."""
    marker: str
    """Stands beside the secret and is none: where it is exported, the plant was really traced."""

    def __str__(self) -> str:
        return f"{self.way} {self.name}"


QUERY_KEYS = [
    "password",
    "passwd",
    "pwd",
    "pass",
    "passphrase",
    "pass_phrase",
    "pass-phrase",
    "password1",
    "passwd2",
    "old_password",
    "new_password",
    "newPwd",
    "secret",
    "client_secret",
    "api_key",
    "apikey",
    "api-key",
    "private_key",
    "public_key",
    "access_key",
    "access_key_id",
    "secret_key",
    "app_key",
    "application_key",
    "appkey",
    "apiKeyId",
    "token",
    "access_token",
    "refresh_token",
    "id_token",
    "auth_token",
    "sessiontoken",
    "csrf_token",
    "csrfmiddlewaretoken",
    "X-Amz-Security-Token",
    "consumer_id",
    "consumer_key",
    "consumer_secret",
    "sign",
    "signed",
    "signature",
    "Signature",
    "X-Amz-Signature",
    "X-Goog-Signature",
    "sig",
    "AWSAccessKeyId",
    "auth",
    "authentication",
    "authorization",
    "oauth_signature",
    "hmac_signature",
    "PASSWORD",
    "Api-Key",
    "accessToken",
]

# Without a key that gives it away.
QUERY_VALUES = {
    "json web token": "j=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{}.c2ln{}",
    "bearer": "header=Bearer%20{}",
    "bearer with a plus": "header=bearer+{}&token=x{}",
    "github token": "g=ghp_{}aaaaaaaaaaaaaaaaaaaaaa",
    "github token of an app": "g=ghs_{}aaaaaaaaaaaaaaaaaaaaaa",
    "private key": "k=-----BEGIN%20RSA%20PRIVATE%20KEY-----{}-----END%20RSA%20PRIVATE%20KEY-----",
    "JSON in the query": "q=%7B%22password%22:%22{}%22%7D",
    "quoted key": "%22api_key%22=%22{}%22",
    "encoded equals sign": "x=password%3D{}",
}
SIGNED_URLS = {
    "AWS v4": "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z&X-Amz-Signature={}",
    "AWS v2": "AWSAccessKeyId={}&Expires=1&Signature={}",
    "Google": "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Date=20260101T000000Z&X-Goog-Signature={}",
    "Azure": "sv=2022-11-02&sr=b&se=2026-01-01&sp=r&sig={}",
    "CloudFront": "Expires=1&Signature={}&Key-Pair-Id=K1",
}
USERINFO = {
    "user and password": "user:{}@",
    "token alone": "{}@",
    "no user": ":{}@",
    "encoded sign": "user:a%40{}@",
    "a sign that should be encoded": "user:a@{}@",
    "e-mail address as user": "me%40example.com:{}@",
    "the user's name too": "{}:pw@",
    "a dollar sign": "user:${}$@",
}
HEADERS = [
    "Authorization",
    "Proxy-Authorization",
    "Cookie",
    "X-Api-Key",
    "X-Auth-Token",
    "X-Csrf-Token",
    "X-Amz-Security-Token",
    "X-Vault-Token",
    "X-Gitlab-Token",
    "X-Goog-Api-Key",
    "X-Access-Token",
    "X-Forwarded-Access-Token",
    "Dd-Api-Key",
    "Ocp-Apim-Subscription-Key",
    "X-Shopify-Access-Token",
    "X-Session-Id",
    "Api-Key",
    "Private-Token",
    "X-Hub-Signature-256",
    "Referer",
]
RESPONSE_HEADERS = ("Set-Cookie", "WWW-Authenticate", "X-Auth-Token", "X-Api-Key")
BAGGAGE = ("token", "password", "auth", "jwt", "cookie", "tenant.secret", "apikey", "user.email")
BODIES = {"form": "password={}", "json": '{{"password": "{}"}}', "text": "{}"}

# What an exception says.
MESSAGES = {
    "url with a password": "cannot reach https://user:{}@db.example/x",
    "url with a token for a user": "git clone https://{}@github.example/x failed",
    "two urls": "https://a:{}@one.example and https://b:{}@two.example",
    "postgres url": "postgresql://app:{}@db.example:5432/shop",
    "mongo url": "mongodb+srv://app:{}@cluster.example/shop?retryWrites=true",
    "redis url": "redis://:{}@cache.example:6379/0",
    "amqp url": "amqp://app:{}@queue.example//",
    "query": "GET /x?a=1&token={} failed",
    "path of a signed url": "/bucket/key?X-Amz-Signature={}&X-Amz-Date=1",
    "azure signature": "/container/blob?sv=1&sig={}",
    "connection string": "host=db user=app password={} dbname=shop",
    "quoted in a connection string": "host=db password='{} with blanks' dbname=shop",
    "odbc": "DRIVER=x;SERVER=y;UID=app;PWD={};",
    "azure storage": "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={}==;EndpointSuffix=y",
    "repr of a call": "connect(host='db', password='{}')",
    "repr of a dict": "KeyError in {{'user': 'app', 'password': '{}'}}",
    "repr of a nested dict": "{{'config': {{'api_key': '{}', 'x': 1}}}}",
    "JSON": '{{"user": "app", "client_secret": "{}"}}',
    "JSON within JSON": '{{"body": "{{\\"password\\": \\"{}\\"}}"}}',
    "authorization header": "Authorization: Bearer {}aaaaaaaa",
    "basic authorization": "Authorization: Basic {}aaaa==",
    "proxy authorization": "Proxy-Authorization: Digest username=x, response={}",
    "headers as a dict": "{{'Authorization': 'Bearer {}aaaaaaaa', 'Accept': '*/*'}}",
    "cookie": "Cookie: session={}; theme=dark",
    "set-cookie": "Set-Cookie: sid={}; HttpOnly",
    "header with a key": "X-Api-Key: {}",
    "bearer": "refused: bearer {}aaaaaaaa",
    "json web token": "bad token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{}.c2lnbmF0dXJl",
    "encrypted web token": "eyJhbGciOiJSU0EifQ.{}aaaaa.bbbbbbbb.cccccc.dddddd",
    "github token": "remote: ghp_{}aaaaaaaaaaaaaaaaaaaaaa",
    "github token, fine-grained": "github_pat_{}aaaaaaaaaaaaaaaaaaaaaa",
    "gitlab token": "glpat-{}aaaaaaaaaaaa",
    "slack token": "xoxb-{}-aaaaaaaaaa",
    "stripe key": "sk_live_{}aaaaaaaaaa",
    "google key": "AIza{}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "google access token": "ya29.{}aaaaaaaaaa",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMII{}\n-----END RSA PRIVATE KEY-----",
    "upper case": "PASSWORD={}",
    "environment": "AWS_SECRET_ACCESS_KEY={} AWS_REGION=x",
    "encoded": "next=%2Fx%3Ftoken%3D{}",
    "a quote in the value": "{{'password': \"it's {}\"}}",
    "an escaped quote in the value": '{{"password": "a\\"{}"}}',
    "bytes": "{{'password': b'{}'}}",
    "headers as a list of pairs": "[('Host', 'x'), ('Cookie', 'a={}')]",
    "headers of ASGI": "[(b'x-api-key', b'{}')]",
    "a comma in the value": "dsn password=a,{} x",
    "an indented line": "bad config:\n    db_password={}",
    "YAML": "db:\n  password: {}\n",
    "command line": "Command '['mysql', '--password', '{}']' returned 1",
    "option": "mysql --password {} failed",
    "a slash in the password of a url": "postgresql://u:a/{}@db.example/x",
    "encrypted private key": "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,X\n\n{}\n-----END RSA PRIVATE KEY-----",
    "PGP private key": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n{}\n-----END PGP PRIVATE KEY BLOCK-----",
    "npm token": "npm_{}aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "parameters of SQLAlchemy": "[SQL: insert into t values (?)]\n[parameters: ('{}',)]\n(Background on it: x)",
    "detail of PostgreSQL": "duplicate key\nDETAIL:  Key (email)=({}) already exists.",
    "invalid input of PostgreSQL": 'invalid input syntax for type integer: "{}"\nLINE 1: select $1',
    "duplicate entry of MySQL": "(1062, \"Duplicate entry '{}' for key 'users.email'\")",
}

# How a requests session fails, the URL in the exception's text. `HOST` is a port that refuses.
CLIENT_ERRORS = {
    "refused, token in the query": "http://HOST/x?a=1&access_token={}",
    "refused, password in the query": "http://HOST/x?password={}&b=2",
    "refused, signed by AWS": "http://HOST/x?X-Amz-Signature={}",
    "refused, signed by Azure": "http://HOST/x?sig={}",
    "refused, user and password": "http://user:{}@HOST/x",
    "no adapter, user and password": "ftp://user:{}@files.example/x",
    "no adapter, token in the query": "ftp://files.example/x?token={}",
    "invalid url, user and password": "http://user:{}@/x",
    "invalid port, user and password": "http://user:{}@host.example:port/x",
    "invalid label, user and password": "http://user:{}@*host.example/x",
    "too long a name, user and password": "http://user:{}@" + "a" * 70 + ".example/x",
    "redirects without end, token in the query": "http://SERVER/loop?token={}",
}
REDIRECTS = {
    "token in the query": "/ok?token={}",
    "signed by AWS": "/ok?X-Amz-Signature={}",
    "user and password": "http://user:{}@SERVER/ok",
}

# Statements that fail and whose error quotes them; `MARKER` is a name of theirs.
FAILING_SQL = {
    "two strings in a row": "select MARKER 'a' '{}'",
    "a string where none belongs": "insert into MARKER '{}' values (1)",
    "a string as a table": "select * from MARKER.'{}'",
    "a string that does not end": "select MARKER, '{}",
    "a quote in a string": "select MARKER from x 'it''s {}'",
    "a string as an operator": "select 1 '{}' MARKER",
}
GOOD_SQL = {
    "a string": "select '{}' as MARKER",
    "two strings": "select 'a' || '{}' as MARKER",
    "a comparison": "select 1 as MARKER where 'x' = '{}'",
    "an address": "select 1 as MARKER where '{}@example.com' like '%@example.com'",
    "a quote within": "select 'it''s {}' as MARKER",
}
PARAMETERS = ("a password", "a token", "a card", "a key", "a name")
TEMPLATES = {
    "a variable": "{{{{ value }}}}",
    "a literal in the source": "{{{{ '{}' }}}}",
    "a comment": "{{# {} #}}x",
    "a filter's argument": "{{{{ 'x'|replace('x', '{}') }}}}",
}


def corpus() -> list[Plant]:
    """All of them; words and markers are the same in every run."""
    plants: list[Plant] = []

    def plant(way: str, name: str, text: str) -> None:
        number = len(plants)
        word = f"zq{number * 7919 + 104729:x}s3cr3t{number}q"
        plants.append(Plant(way, name, text.format(*[word] * text.count("{}")), word, f"marker{number}x"))

    queries = {
        **{f"key {key}": f"a=1&{key}={{}}" for key in QUERY_KEYS},
        **QUERY_VALUES,
        **SIGNED_URLS,
    }
    for name, text in queries.items():
        plant("server_query", name, text)
        plant("client_query", name, text)
    for name, text in USERINFO.items():
        plant("client_userinfo", name, text)
        plant("server_host", name, text)
    for name in HEADERS:
        plant("server_header", name, f"{name}: {{}}")
        plant("client_header", name, f"{name}: {{}}")
    for name in RESPONSE_HEADERS:
        plant("server_response_header", name, f"{name}: {{}}")
        plant("client_response_header", name, f"{name}: {{}}")
    for name in BAGGAGE:
        plant("baggage", name, f"{name}={{}}")
    for name, text in BODIES.items():
        plant("server_body", name, text)
        plant("client_body", name, text)
    for name, text in MESSAGES.items():
        plant("server_error", name, text)
        plant("template_error", name, text)
        plant("manual_error", name, text)
    for name, text in CLIENT_ERRORS.items():
        plant("client_error", name, text)
    for name, text in REDIRECTS.items():
        plant("client_redirect", name, text)
    for name, text in FAILING_SQL.items():
        plant("failing_statement", name, text)
        plant("failing_statement_in_a_request", name, text)
    for name, text in GOOD_SQL.items():
        plant("statement", name, text)
    for name in PARAMETERS:
        plant("parameter", name, "{}")
    for name, text in TEMPLATES.items():
        plant("template", name, text)
    return plants
