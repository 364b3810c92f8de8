"""Every place in the bar leads to a page, and every page has a template."""

from importlib import resources
from pathlib import Path

from llm_gateway.dashboard.navigation import PLACES
from surface_stage import on_surface


def test_every_place_is_a_page(tmp_path: Path) -> None:
    paths = {route.path for route in on_surface(tmp_path).all if route.method == "GET"}
    templates = resources.files("llm_gateway.dashboard") / "templates"
    for place in PLACES:
        assert place.path in paths
        assert (templates / f"{place.name}.html").is_file()
