"""The table of paths: each once, each with its words, each for somebody."""

from collections import Counter
from pathlib import Path

from surface_stage import on_surface


def test_each_path_is_there_once(tmp_path: Path) -> None:
    routes = on_surface(tmp_path).all
    assert max(Counter((route.method, route.path) for route in routes).values()) == 1


def test_each_has_its_words_and_is_for_somebody(tmp_path: Path) -> None:
    for route in on_surface(tmp_path).all:
        assert route.summary, route.path
        assert route.access in ("open", "key", "dashboard", "page", "owner", "session")
        assert not route.path.startswith("/api/dashboard") or route.access == "dashboard"


def test_every_room_is_in_it(tmp_path: Path) -> None:
    paths = {route.path for route in on_surface(tmp_path).all}
    assert {
        "/v1/chat/completions",
        "/v1/messages",
        "/v1/responses",
        "/api/chat",
        "/v1/logs",
        "/metrics",
        "/livez",
        "/api/keys",
        "/api/dashboard/bridges",
        "/",
    } <= paths
