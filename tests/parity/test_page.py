"""The page that is looked at."""

from __future__ import annotations

import re

from parity import page
from parity.comparison import compare
from parity.differences import Listed
from parity.report import Report, Result
from parity.running import Scenario
from tests.parity.spans import raw, recorded

STEPS = Listed("Steps are left out", "Because `flask.x` <is> noise.", "flask", left_out=("flask.x",))
QUERIES = Listed("Queries are seen", "Because they are work.", "flask", added=("sqlite.query",))
SCENARIO = Scenario("flask", "A <small> program.", {"DD_SERVICE": "Shop"}, "")
REQUEST = raw(1, "flask.request", resource="GET /<name>")
STEP = raw(2, "flask.x", 1)
QUERY = raw(3, "sqlite.query", 1, resource="SELECT '&'")


def made(*ours: dict[str, object]) -> str:
    compared = compare("flask", recorded(REQUEST, STEP), recorded(*ours), [STEPS, QUERIES])
    result = Result(SCENARIO, compared, {"untraced": 0.1, "ddtrace": 1.25, "ours": 0.5})
    return page.html(Report([result], [], [STEPS, QUERIES], {"ddtrace": "4.16.0"}, "today"))


def test_both_trees_the_reasons_the_counts_and_the_cost_are_shown() -> None:
    html = made(REQUEST, QUERY)

    assert "<b>flask.request</b> <span class=resource>GET /&lt;name&gt;</span>" in html
    assert "<a class=chip href=#r1><b>1</b> Steps are left out</a>" in html
    assert "<a class=chip href=#r2><b>2</b> Queries are seen</a>" in html
    assert "Because <code>flask.x</code> &lt;is&gt; noise." in html
    assert "<td>2<td>2<td>5<td>2<td>0" in html
    assert "<td>0.10<td>1.25<td>0.50" in html
    assert "ddtrace&nbsp;4.16.0" in html
    assert "every listed one occurs" in html


def test_an_unlisted_difference_stands_on_top_and_at_its_place() -> None:
    html = made({**REQUEST, "service": "stock"}, QUERY)

    assert "<h2>1 to look at</h2><ul><li>flask, step “first”, span flask.request GET /&lt;name&gt;, service:" in html
    assert "<details class='row same wrong'>" in html
    assert "<dt>service <b class=unlisted>not listed</b><dd class=two><span>shop</span><span>stock</span>" in html


def test_a_listed_difference_that_vanished_stands_on_top() -> None:
    assert "sqlite.query no longer occurs in the scenario flask" in made(REQUEST)


def test_the_page_needs_no_network() -> None:
    html = made(REQUEST, QUERY)

    assert re.findall(r"<(?:link|script|img|iframe)|url\(|@import", html) == []
    assert all(target.strip('"').startswith("#") for target in re.findall(r"href=([^ >]+)", html))
