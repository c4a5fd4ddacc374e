"""Jinja2: templates loaded, compiled and rendered, streamed, asynchronously, with errors; nothing of DD_* set."""

from __future__ import annotations

import asyncio
from pathlib import Path

import jinja2
from jinja2.nativetypes import NativeEnvironment
from jinja2.sandbox import SandboxedEnvironment
from steps import step

PAGES = {
    "page.html": "<h1>{% block title %}{% endblock %}</h1>",
    "cart.html": "{% extends 'page.html' %}{% block title %}{{ items }}{% include 'foot.html' %}{% endblock %}",
    "foot.html": "bye",
    "slow.html": "{% for item in items %}{{ item }}{% endfor %}",
    "broken.html": "{% if %}",
    "wrong.html": "{{ cart.owner.name }}",
    "bräu/tee.html": "{{ password }}",
}
pages = jinja2.Environment(loader=jinja2.DictLoader(PAGES))

with step("a template from text"):
    assert jinja2.Template("{{ 1 + 1 }}").render() == "2"

with step("a page, the first time"):
    pages.get_template("cart.html").render(items=[1])

with step("a page, from the cache"):
    pages.get_template("cart.html").render(items=[1])

with step("streamed"):
    assert list(pages.get_template("slow.html").generate(items="ab")) == ["a", "b"]
    assert "".join(pages.get_template("slow.html").stream(items="ab")) == "ab"

with step("the first that is there"):
    pages.select_template(["none.html", "foot.html"]).render()

with step("compiled as an expression"):
    assert pages.compile_expression("n + 1")(n=1) == 2

with step("from a file"):
    Path("file.html").write_text("file")
    jinja2.Environment(loader=jinja2.FileSystemLoader(".")).get_template("file.html").render()

with step("no such template", jinja2.TemplateNotFound):
    pages.get_template("none.html")

with step("a template that is wrong", jinja2.TemplateSyntaxError):
    pages.get_template("broken.html")

with step("an error while rendering", jinja2.UndefinedError):
    pages.get_template("wrong.html").render()

with step("an odd name and a secret"):
    pages.get_template("bräu/tee.html").render(password="hunter2")

with step("macros from another template"):
    PAGES["macros.html"] = "{% macro cup(n) %}{{ n }}{% endmacro %}"
    PAGES["cups.html"] = "{% from 'macros.html' import cup %}{{ cup(2) }}"
    assert pages.get_template("cups.html").render() == "2"

with step("a template inside a template"):
    pages.globals["part"] = lambda: pages.get_template("foot.html").render()
    assert pages.from_string("{{ part() }}!").render() == "bye!"

with step("a sandbox"):
    assert SandboxedEnvironment().from_string("{{ 1 }}").render() == "1"

with step("values instead of text"):
    assert NativeEnvironment().from_string("{{ [1, 2] }}").render() == [1, 2]

with step("nowhere to load from", TypeError):
    jinja2.Environment().get_template("page.html")

with step("rendered by a coroutine"):
    later = jinja2.Environment(loader=jinja2.DictLoader(PAGES), enable_async=True)
    assert asyncio.run(later.get_template("slow.html").render_async(items="ab")) == "ab"

with step("streamed by a coroutine"):

    async def parts() -> list[str]:
        return [part async for part in later.get_template("slow.html").generate_async(items="ab")]

    assert asyncio.run(parts()) == ["a", "b"]

with step("an asynchronous environment, used synchronously"):
    assert later.get_template("slow.html").render(items="ab") == "ab"
