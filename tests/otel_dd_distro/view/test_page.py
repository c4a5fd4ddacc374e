"""The page in Debian's Chromium, at the width of a desk and of a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.otel_dd_distro.view.running import START, View, running, span
from tests.servers.processes import found

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
# Milliseconds that a busy machine may take.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium has no sandbox for root.
        options = ["--no-sandbox"]
        with playwright.chromium.launch(executable_path=found("chromium"), args=options, timeout=PATIENCE) as launched:
            yield launched


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, view: View) -> Iterator[Page]:
    """The page of an empty view; it may not have said anything in the console when the test is over."""
    opened = browser.new_page(viewport=getattr(request, "param", DESK))
    opened.set_default_timeout(PATIENCE)
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(view.url)
    yield opened
    opened.close()
    assert [line for line in said if "404" not in line] == []


at_a_desk = pytest.mark.parametrize("page", [DESK], indirect=True, ids=["desk"])


def rows(page: Page) -> Locator:
    return page.locator("#list .row")


def spans(page: Page) -> Locator:
    return page.locator("#tree .row")


def names(page: Page) -> list[str]:
    return page.locator("#tree .row b").all_inner_texts()


def checkout(trace_id: int = 7, **more: Any) -> list[list[dict[str, Any]]]:
    """A trace in two halves, as two services send them."""
    front = [
        span(
            1, trace_id=trace_id, resource="POST /checkout", duration=90_000_000, meta={"_dd.p.tid": "00000000000000ab"}
        ),
        span(2, 1, trace_id=trace_id, service="requests", name="requests.request", resource="POST /reserve"),
        span(5, 1, trace_id=trace_id, name="jinja2.render", resource="thanks.html", type="template"),
    ]
    stock = [
        span(
            3, 2, trace_id=trace_id, service="stock", name="flask.request", resource="POST /reserve", error=1, meta=more
        ),
        span(4, 3, trace_id=trace_id, service="sqlite", name="sqlite.query", resource="SELECT 1", type="sql"),
    ]
    return [front, stock]


def send(view: View, *halves: list[dict[str, Any]]) -> None:
    for half in halves:
        view.send(half)


def test_an_empty_view_says_how_to_send_to_it(page: Page, view: View) -> None:
    expect(page.locator("#nothing")).to_have_text("No traces yet.")
    expect(page.locator("#state")).to_have_text("Live")


def test_the_halves_of_a_trace_are_one_row_and_one_waterfall(page: Page, view: View) -> None:
    send(view, *checkout())

    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("POST /checkout")
    expect(rows(page)).to_contain_text("1 error")
    rows(page).click()
    expect(spans(page)).to_have_count(5)
    assert names(page) == ["web.request", "requests.request", "flask.request", "sqlite.query", "jinja2.render"]
    assert [row.get_attribute("aria-level") for row in spans(page).all()] == ["1", "2", "3", "4", "2"]


def test_a_waterfall_stays_and_grows_while_traffic_runs(page: Page, view: View) -> None:
    front, stock = checkout()
    view.send(front)
    rows(page).click()
    expect(spans(page)).to_have_count(3)
    spans(page).nth(1).click()

    for number in range(100, 400):
        view.send([span(1, trace_id=number)])
    view.send(stock)

    expect(spans(page)).to_have_count(5)
    assert names(page)[2:4] == ["flask.request", "sqlite.query"]
    expect(page.locator("#span h3")).to_have_text("requests.request")


@at_a_desk
def test_a_trace_that_is_no_longer_kept_stays_open(page: Page, view: View) -> None:
    send(view, *checkout())
    rows(page).click()
    expect(spans(page)).to_have_count(5)

    view.clear()

    expect(page.locator("#about .note")).to_contain_text("no longer kept")
    expect(spans(page)).to_have_count(5)

    view.send([span(6, 1, name="late.query")])

    expect(spans(page)).to_have_count(6)
    assert names(page)[-1] == "late.query"


def test_a_span_shows_its_tags_its_error_with_the_stack_and_the_ids_of_its_logs(page: Page, view: View) -> None:
    stack = "Traceback (most recent call last):\n  File 'stock.py'\nRuntimeError: none left"
    error = {"error.type": "RuntimeError", "error.message": "none left", "error.stack": stack}
    send(view, *checkout(**error, **{"http.url": "http://stock/reserve", "_dd.p.dm": "-1"}))
    rows(page).click()
    spans(page).nth(2).click()

    shown = page.locator("#span")
    expect(shown.locator("h3")).to_have_text("flask.request")
    expect(shown.locator(".resource")).to_have_text("POST /reserve")
    expect(shown.locator(".facts")).to_contain_text("stock")
    expect(shown.locator(".failure b")).to_have_text("RuntimeError")
    expect(shown.locator(".stack")).to_have_text(stack)
    table = dict(row.locator("th, td").all_inner_texts() for row in shown.locator("tr").all())
    assert table["http.url"] == "http://stock/reserve"
    assert "error.stack" not in table
    ids = {
        name: table[name].removesuffix("copy").strip() for name in ("dd.trace_id", "dd.span_id", "trace_id", "span_id")
    }
    long = "00000000000000ab0000000000000007"
    assert ids == {"dd.trace_id": long, "dd.span_id": "3", "trace_id": long, "span_id": "0000000000000003"}
    expect(shown.locator("details summary")).to_have_text("Datadog's own (1)")


def test_nothing_that_a_span_says_becomes_html(page: Page, view: View) -> None:
    evil = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    fields = dict.fromkeys(("service", "name", "resource", "type"), evil)
    more = {"meta": {evil: evil, "error.type": evil, "error.message": evil, "error.stack": evil}, "error": 1}
    event = {"name": evil, "time_unix_nano": START, "attributes": {evil: {"type": 0, "string_value": evil}}}
    view.send([span(1, **fields, **more, span_events=[event])])

    rows(page).click()
    spans(page).first.click()
    page.locator("#service").select_option(evil) if page.viewport_size == DESK else None

    expect(page.locator("#span h3")).to_have_text(evil)
    expect(page.locator("#span .stack, #span .failure pre").first).to_have_text(evil)
    expect(page.locator("#about h2")).to_have_text(evil)
    assert page.locator("main script, main img").count() == 0
    assert page.title() == "Traces"


@at_a_desk
def test_traces_are_filtered_by_service_error_duration_and_text(page: Page, view: View) -> None:
    send(view, *checkout())
    view.send([span(1, trace_id=8, resource="GET /fast", duration=1_000_000)])
    view.send([span(1, trace_id=9, service="worker", resource="nightly", name="celery.run", duration=3_000_000_000)])
    expect(rows(page)).to_have_count(3)

    page.locator("#service").select_option("stock")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("POST /checkout")
    page.locator("#service").select_option("")

    page.locator("#errors").check()
    expect(rows(page)).to_contain_text(["POST /checkout"])
    page.locator("#errors").uncheck()

    page.locator("#least").fill("1.5s")
    expect(rows(page)).to_contain_text(["nightly"])
    page.locator("#least").fill("soon")
    expect(page.locator("#least")).to_have_attribute("aria-invalid", "true")
    expect(rows(page)).to_have_count(3)
    page.locator("#least").fill("")

    for text, resource in (
        ("CELERY.run", "nightly"),
        ("sqlite.query", "POST /checkout"),
        ("9", "nightly"),
        ("00000000000000ab0000000000000007", "POST /checkout"),
    ):
        page.locator("#text").fill(text)
        expect(rows(page).first).to_contain_text(resource)
    page.locator("#text").fill("no such thing")
    expect(page.locator("#nothing")).to_have_text("No trace fits these filters.")


@at_a_desk
def test_what_is_shown_can_be_opened_again_by_its_address(page: Page, view: View) -> None:
    send(view, *checkout())
    page.locator("#errors").check()
    rows(page).click()
    spans(page).nth(2).click()
    expect(page).to_have_url(re.compile("span="))

    page.reload()

    expect(page.locator("#span h3")).to_have_text("flask.request")
    expect(page.locator("#errors")).to_be_checked()
    page.goto(f"{view.url}/#trace={99:016x}")
    page.reload()
    expect(page.locator("#welcome h2")).to_have_text("This trace is not kept")


@at_a_desk
def test_back_leads_from_a_trace_to_the_one_before_and_to_the_list(page: Page, view: View) -> None:
    view.send([span(1, trace_id=8, resource="first")])
    view.send([span(2, trace_id=9, resource="second")])
    expect(rows(page)).to_have_count(2)
    for resource in ("first", "second"):
        rows(page).filter(has_text=resource).click()
        expect(page.locator("#about h2")).to_have_text(resource)

    page.go_back()
    expect(page.locator("#about h2")).to_have_text("first")
    page.go_back()
    expect(page.locator("#opened")).to_be_hidden()


@at_a_desk
def test_the_list_stands_still_while_it_is_read(page: Page, view: View) -> None:
    view.send([span(1, trace_id=100, resource="read me")])
    expect(rows(page)).to_have_count(1)
    rows(page).hover()

    for number in range(101, 111):
        view.send([span(number, trace_id=number, resource="newer")])

    expect(page.locator("#held")).to_have_text("↑ 10 new")
    expect(rows(page)).to_have_count(1)
    page.locator("#held").click()
    expect(rows(page)).to_have_count(11)
    expect(rows(page).first).to_contain_text("newer")


@at_a_desk
def test_a_paused_list_goes_on_where_the_view_is(page: Page, view: View) -> None:
    page.locator("#pause").click()
    expect(page.locator("#state")).to_have_text("Paused")
    view.send([span(1)])
    expect(page.locator("#held")).to_have_text("↑ 1 new")
    page.locator("#pause").click()
    expect(rows(page)).to_have_count(1)


@at_a_desk
def test_everything_is_reached_by_keys(page: Page, view: View) -> None:
    send(view, *checkout())
    view.send([span(9, trace_id=9, resource="newest")])
    expect(rows(page)).to_have_count(2)
    press = page.keyboard.press

    press("j")
    expect(page.locator("#about h2")).to_have_text("newest")
    press("ArrowDown")
    expect(page.locator("#about h2")).to_have_text("POST /checkout")
    expect(page.locator("#list")).to_have_attribute("aria-activedescendant", "list-0000000000000007")
    press("Enter")
    expect(page.locator("#tree")).to_be_focused()
    expect(page.locator("#span h3")).to_have_text("web.request")
    press("n")
    expect(page.locator("#span h3")).to_have_text("flask.request")
    press("ArrowLeft")
    expect(spans(page)).to_have_count(4)
    press("ArrowRight")
    expect(spans(page)).to_have_count(5)
    press("ArrowRight")
    expect(page.locator("#span h3")).to_have_text("sqlite.query")
    press("Escape")
    expect(page.locator("#span")).to_be_hidden()
    press("Escape")
    expect(page.locator("#opened")).to_be_hidden()
    press("e")
    expect(rows(page)).to_have_count(1)
    press("/")
    page.keyboard.type("pjt")
    expect(page.locator("#text")).to_have_value("pjt")
    press("Escape")
    press("?")
    expect(page.locator("#keys")).to_be_visible()
    press("Escape")
    expect(page.locator("#keys")).to_be_hidden()


@at_a_desk
def test_dark_and_light_follow_the_system_until_somebody_chooses(page: Page, view: View) -> None:
    def background() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = background()
    page.emulate_media(color_scheme="dark")
    dark = background()
    assert dark != light
    page.locator("#theme").click()
    assert background() == light
    page.reload()
    assert background() == light


@at_a_desk
def test_a_trace_of_ten_thousand_spans_is_shown_with_few_elements(page: Page, view: View) -> None:
    view.send([span(1), *(span(number, 1) for number in range(2, 10_001))])
    rows(page).click()
    expect(spans(page).first).to_have_attribute("aria-setsize", "10000")
    assert spans(page).count() < 100

    page.locator("#tree").evaluate("box => box.scrollTop = box.scrollHeight")

    expect(page.locator("#tree .row[aria-posinset='10000']")).to_be_visible()


def test_nothing_is_wider_than_the_screen(page: Page, view: View) -> None:
    long = "x" * 2_000
    fields = {"service": long, "name": long, "resource": long, "error": 1}
    send(view, *checkout(), [span(6, 4, meta={long: long, "error.stack": long}, **fields)])
    rows(page).click()
    spans(page).last.click()

    width = page.evaluate("document.documentElement.scrollWidth")
    assert page.viewport_size is not None
    assert width == page.viewport_size["width"]


@at_a_desk
def test_refused_payloads_are_told_on_the_page(page: Page, view: View) -> None:
    view.post("/v0.4/traces", b"<html>", {"Content-Type": "application/json"})
    expect(page.locator("#totals .bad")).to_contain_text("refused, the last: /v0.4/traces: the payload is not JSON")


def test_a_page_comes_back_when_the_view_does(browser: Browser) -> None:
    page = browser.new_page(viewport=DESK)
    page.set_default_timeout(PATIENCE)
    with running() as first:
        page.goto(first.url)
        first.send([span(1)])
        expect(rows(page)).to_have_count(1)
    expect(page.locator("#state")).to_have_text("The view does not answer")
    with running("--port", first.url.rpartition(":")[2]) as second:
        second.send([span(1, trace_id=8), span(2, 1, trace_id=8)])
        expect(page.locator("#state")).to_have_text("Live")
        expect(rows(page)).to_contain_text(["2 spans"])
    page.close()
