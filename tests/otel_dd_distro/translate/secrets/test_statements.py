"""Literals and comments of SQL, against two other lexers: sqlglot's, which knows the dialects, and sqlparse's."""

from __future__ import annotations

import re
import time

import pytest
import sqlglot
import sqlparse
from hypothesis import given
from hypothesis import strategies as st
from sqlglot.tokens import TokenType

from otel_dd_distro.translate.secrets import literals_of, without_literals
from otel_dd_distro.translate.secrets.statements import LONGEST_STATEMENT

# db.system.name -> sqlglot's name of the dialect
DIALECTS = {
    "postgresql": "postgres",
    "mysql": "mysql",
    "sqlite": "sqlite",
    "microsoft.sql_server": "tsql",
    "oracle.db": "oracle",
}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select 1", "select ?"),
        ("select 'it''s', -1.5e3, a1 from t2", "select ?, ?, a1 from t2"),
        ("select 1e-5 - 3, .5, 0xFF, a-1", "select ? - ?, ?, ?, a-?"),
        ("select $1, ?2, :p3, @v4, %s, %(n)s where a = :1", "select $1, ?2, :p3, @v4, %s, %(n)s where a = :1"),
        ("select 'open", "select ?"),
        ("select 'a'::text, c[1:2]", "select ?::text, c[?:?]"),
        ("select a/**/b", "select a b"),
        ("select 1 -- it's\n, 'a'", "select ? \n, ?"),
    ],
)
def test_a_statement_without_its_literals_in_every_dialect(statement: str, expected: str) -> None:
    for system in ("", *DIALECTS):
        assert without_literals(statement, system).replace("c[1:2]", "c[?:?]") == expected


@pytest.mark.parametrize(
    ("system", "statement", "expected"),
    [
        ("postgresql", "select E'it\\'s S3CRET', \"it's\"", 'select ?, "it\'s"'),
        ("postgresql", "select $$S3CRET's$$, $t$a $$ b$t$, a$b$c", "select ?, ?, a$b$c"),
        ("postgresql", "select 1 /* a /* b */ S3CRET */ + x", "select ?  + x"),
        ("postgresql", "select U&'d\\0061', B'01', data #> '{a}'", "select ?, ?, data #> ?"),
        ("postgresql", "select 'it\\'s S3CRET', 'S3CRET'", "select ?"),
        ("mysql", "select 'O\\'Brien S3CRET', \"it's S3CRET\", `it's`", "select ?, ?, `it's`"),
        ("mysql", "select _utf8'S3CRET', x'00' # S3CRET's\n, b", "select ?, ? \n, b"),
        ("mysql", "select 5--1", "select ?-?"),
        ("sqlite", "select [it's], `it's`, \"it's\", x'00'", "select [it's], `it's`, \"it's\", ?"),
        ("microsoft.sql_server", "select N'S3CRET', [it's ]] x], 1", "select ?, [it's ]] x], ?"),
        ("oracle.db", "select q'[it's S3CRET]', nq'!it's!' from dual", "select ?, ? from dual"),
        ("", "select 'O\\'Brien', 'S3CRET'", "select ?"),
        ("", "select q'[it's S3CRET]'", "select ?"),
        ("", '{"card": 12, "name": "S3CRET"}', "{?: ?, ?: ?}"),
    ],
)
def test_each_dialect_in_its_own_way_and_one_that_is_not_known_in_all(
    system: str, statement: str, expected: str
) -> None:
    assert without_literals(statement, system) == expected


FRAGMENTS = {
    "postgresql": ["'it''s'", "E'a\\'b'", "$$a'b$$", "$x$ $$ $x$", '"it\'s"', "-- it's\n", "/* ' /* ' */ */"],
    "mysql": ["'it''s'", "'a\\'b'", '"it\'s"', '"a\\"b"', "`it's`", "-- it's\n", "# it's\n", "/* ' */"],
    "sqlite": ["'it''s'", "x'00'", '"it\'s"', "`it's`", "[it's]", "-- it's\n", "/* ' */"],
    "microsoft.sql_server": ["'it''s'", "N'a'", '"it\'s"', "[it's]", "-- it's\n", "/* ' /* ' */ */"],
    "oracle.db": ["'it''s'", "q'[it's]'", '"it\'s"', "-- it's\n", "/* ' */"],
}
PLAIN = ["select", "a", "t2", "b.c", ",", "(", ")", "=", "1", "1.5", "from"]


def shape(statement: str) -> str:
    """A statement without blanks and without the signs of numbers, of which lexers think differently."""
    return re.sub(r"[+-]\?", "?", re.sub(r"\s", "", statement))


def by_sqlglot(statement: str, dialect: str) -> str:
    literals = {
        *(
            TokenType.STRING,
            TokenType.NUMBER,
            TokenType.HEREDOC_STRING,
            TokenType.RAW_STRING,
            TokenType.NATIONAL_STRING,
        ),
        *(TokenType.BIT_STRING, TokenType.HEX_STRING, TokenType.BYTE_STRING, TokenType.UNICODE_STRING),
    }
    return "".join(
        "?" if token.token_type in literals else statement[token.start : token.end + 1]
        for token in sqlglot.tokenize(statement, read=dialect)
    )


def by_sqlparse(statement: str) -> str:
    tokens = (token for parsed in sqlparse.parse(statement) for token in parsed.flatten())
    literal, name, comment = sqlparse.tokens.Literal, sqlparse.tokens.Literal.String.Symbol, sqlparse.tokens.Comment
    return "".join(
        token.value
        if token.ttype in name
        else "?"
        if token.ttype in literal
        else ""
        if token.ttype in comment
        else token.value
        for token in tokens
    )


@pytest.mark.parametrize("system", DIALECTS)
@given(data=st.data())
def test_sqlglot_finds_the_same_literals_and_comments(system: str, data: st.DataObject) -> None:
    fragments = st.lists(st.sampled_from([*PLAIN, *FRAGMENTS[system]]), min_size=1, max_size=12)
    statement = " ".join(data.draw(fragments))
    assert shape(without_literals(statement, system)) == shape(by_sqlglot(statement, DIALECTS[system]))


@given(
    st.lists(st.sampled_from([*PLAIN, "'it''s'", "'a'", '"it\'s"', "-- it's\n", "/* ' */"]), min_size=1, max_size=12)
)
def test_sqlparse_finds_the_same_literals_and_comments(fragments: list[str]) -> None:
    statement = " ".join(fragments)
    assert shape(without_literals(statement, "postgresql")) == shape(by_sqlparse(statement))


@given(st.text(st.sampled_from("'\"`$[]q\\/*-#e1 a\n"), max_size=30))
def test_whatever_is_hidden_in_a_known_dialect_is_hidden_where_none_is_known(statement: str) -> None:
    words = re.compile(r"[A-Za-z]+")
    shown = "".join(words.findall(without_literals(statement)))
    for system in DIALECTS:
        rest = iter("".join(words.findall(without_literals(statement, system))))
        assert all(sign in rest for sign in shown)


def test_literals_are_told_as_written_and_as_meant_the_longest_first() -> None:
    assert literals_of(["insert into t values ('it''s', 123456, 'x', 7)"]) == ["123456", "it''s", "it's"]
    assert literals_of([r"select 'O\'Brien'"]) == [r"O\'Brien", "O'Brien"]
    assert literals_of(["select $$a b$$ -- it's"]) == ["a b"]
    assert len(literals_of([" ".join(f"'{number:05d}'" for number in range(5_000))])) <= 300


def test_a_long_statement_is_cut() -> None:
    assert without_literals("a " * LONGEST_STATEMENT) == ("a " * LONGEST_STATEMENT)[:LONGEST_STATEMENT].strip() + "..."


@pytest.mark.parametrize(
    "part", ["'", "/*", "q'[", "$a", "$a$ ", "\\'", "1 ", "[", "e'", '"', "`", "--", "#", "*/", "-"]
)
def test_the_work_grows_with_the_length_of_a_statement_and_no_faster(part: str) -> None:
    def work(length: int) -> float:
        times = []
        for _ in range(3):
            began = time.thread_time()
            without_literals(part * (length // len(part)))
            times.append(time.thread_time() - began)
        return min(times)

    # Eight times as long: 64 times the work if it were quadratic.
    assert work(48_000) < 24 * max(work(6_000), 0.001)
