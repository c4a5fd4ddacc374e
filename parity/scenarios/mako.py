"""Mako: templates rendered from texts and files, by parts, into one another, with errors; nothing of DD_* set."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from mako.exceptions import TopLevelLookupException
from mako.lookup import TemplateLookup
from mako.runtime import Context
from mako.template import Template
from steps import step

Path("base.html").write_text("<h1>${self.title()}</h1>${next.body()}")
Path("page.html").write_text(
    "<%inherit file='base.html'/><%def name='title()'>tea</%def>${items}<%include file='foot.html'/>"
)
Path("foot.html").write_text("bye")
pages = TemplateLookup(["."], module_directory="compiled", strict_undefined=True)

with step("a template from text"):
    assert Template("${1 + 1}").render() == "2"

with step("as text"):
    assert Template("${n}").render_unicode(n=1) == "1"

with step("into a context"):
    Template("${n}").render_context(Context(StringIO(), n=1))

with step("a page that inherits and includes"):
    pages.get_template("page.html").render(items=[1])

with step("from a file"):
    Template(filename="foot.html").render()

with step("a part of a page"):
    assert pages.get_template("page.html").get_def("title").render() == "tea"

with step("a part of a text"):
    assert Template("<%def name='cup()'>c</%def>").get_def("cup").render() == "c"

with step("a text under a name"):
    pages.put_string("name.html", "x")
    pages.get_template("name.html").render()

with step("a template inside a template"):
    assert Template("${inner.render()}").render(inner=Template("in")) == "in"

with step("an error while rendering", ZeroDivisionError):
    Template("${1 / 0}").render()

with step("an error shown as a page"):
    Template("${1 / 0}", format_exceptions=True).render()

with step("an error on a page", NameError):
    pages.get_template("page.html").render()

with step("an odd text"):
    Template("tést ${x}", output_encoding="utf-8").render(x="hunter2")

with step("a name that is nowhere, and then a page", TopLevelLookupException):
    pages.get_template("foot.html").render()
    pages.get_template("none.html")
