"""The files of the pages over HTTP: kept for good under an address that changes with them."""

import asyncio

from llm_gateway.dashboard.static_files import address, static_file
from llm_gateway.server.pages.files import file_routes
from rawhttp import Reply
from server_stage import Door


def ask(target: str, *headers: tuple[bytes, bytes]) -> Reply:
    return asyncio.run(Door(*file_routes()).ask(target, *headers))


def test_a_file_with_its_tag_is_kept_for_good() -> None:
    found = static_file("app.js")
    reply = ask(address("app.js"))
    assert found is not None and reply.body == found.data
    assert reply.header("cache-control") == "public, max-age=31536000, immutable"
    assert reply.header("x-content-type-options") == "nosniff"


def test_a_file_without_its_tag_is_asked_for_again_and_not_sent_again() -> None:
    reply = ask("/static/app.js?v=other")
    tag = reply.header("etag")
    assert reply.header("cache-control") == "no-cache" and tag is not None
    again = ask("/static/app.js", (b"if-none-match", tag.encode()))
    assert (again.status, again.body) == (304, b"")


def test_what_is_not_there_is_not_found() -> None:
    for name in ("none.js", "%2e%2e/words.py", "licences"):
        assert ask(f"/static/{name}").status == 404
