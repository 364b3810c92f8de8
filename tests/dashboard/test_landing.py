"""The page at the root: what it says, and that nothing can be put into it."""

import asyncio

from fakes import FakeWire
from llm_gateway.dashboard.landing import landing_page
from llm_gateway.http.asgi import serve_asgi
from rawhttp import Reply


def page(url: str) -> Reply:
    wire = FakeWire()
    asyncio.run(serve_asgi(wire.exchange(b"GET", b"/"), landing_page(url)))
    return wire.reply


def test_it_says_where_and_how() -> None:
    reply = page("http://127.0.0.1:8787")
    assert reply.status == 200
    assert reply.header("content-type") == "text/html; charset=utf-8"
    for words in ("http://127.0.0.1:8787/v1", "llm-gateway keys create NAME", "llm-gateway doctor"):
        assert words in reply.body.decode()


def test_it_runs_nothing_is_framed_by_nobody_and_kept_nowhere() -> None:
    reply = page("http://127.0.0.1:8787")
    assert b"<script" not in reply.body and b"http-equiv" not in reply.body
    assert reply.header("content-security-policy") == (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("referrer-policy") == "no-referrer"
    assert reply.header("cache-control") == "no-store"


def test_an_address_is_text() -> None:
    assert b"http://&lt;b&gt;&quot;{}&amp;/v1" in page('http://<b>"{}&').body
