"""Templates: what is put out is escaped, and a name that is not there is an error."""

import importlib.resources
import re

import jinja2
import pytest

from llm_gateway.dashboard.navigation import PLACES
from llm_gateway.dashboard.rendering import Templates

HOSTILE = '"><script>alert(1)</script>{{ 7 * 7 }}'
VALUES: dict[str, object] = {
    "place": PLACES[0],
    "places": PLACES,
    "csrf": "token",
    "signed_in": True,
    "standing": {"status": "ok", "version": "1"},
    "query": {},
    "rest": "",
}


def test_every_value_is_escaped() -> None:
    told = VALUES | {"heading": HOSTILE, "message": HOSTILE, "csrf": HOSTILE}
    html = Templates().page("error", told).decode()
    assert "<script>alert" not in html and "49" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}") == 4


def test_a_template_is_read_before_it_is_used_or_when_it_is() -> None:
    templates = Templates()
    assert not templates.has("error")
    templates.load("error")
    assert templates.has("error")
    assert templates.page("error", VALUES | {"heading": "h", "message": "m"}) == Templates().page(
        "error", VALUES | {"heading": "h", "message": "m"}
    )


def test_a_missing_name_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="message"):
        Templates().page("error", VALUES | {"heading": "h"})


def test_a_missing_part_is_an_error() -> None:
    with pytest.raises(KeyError, match="part_none"):
        Templates().part("error", "none", VALUES)


def test_no_template_has_what_the_policy_forbids_or_trusts_a_value() -> None:
    folder = importlib.resources.files("llm_gateway.dashboard") / "templates"
    for each in folder.iterdir():
        text = each.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe|autoescape|Markup", text), each.name
        assert not re.search(r"\sstyle\s*=|\son[a-z]+\s*=|hx-on|javascript:", text, re.IGNORECASE), each.name
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), each.name
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", text), each.name
