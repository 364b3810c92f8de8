"""Pictures of every page, for people to look at: light and dark, on a large screen and on a telephone.

They go to the folder that LLM_GATEWAY_TEST_PICTURES names: `make screenshots`.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dashboard_e2e.stage import Site
from llm_gateway.dashboard.navigation import PLACES

pytestmark = pytest.mark.browsers

_FOLDER = os.environ.get("LLM_GATEWAY_TEST_PICTURES", "")
_SIZES = {"wide": (1600, 1000), "narrow": (380, 800)}


@pytest.mark.skipif(not _FOLDER, reason="LLM_GATEWAY_TEST_PICTURES names no folder for pictures")
@pytest.mark.parametrize("size", _SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_taken(site: Site, browser: Browser, size: str, dark: bool) -> None:
    width, height = _SIZES[size]
    looker = site.look(browser, width=width, height=height, dark=dark)
    name = site.gateway.home.name
    for place in PLACES:
        looker.open(place.path)
        looker.page.wait_for_timeout(300)
        path = Path(_FOLDER) / f"{place.name}-{name}-{size}-{'dark' if dark else 'light'}.png"
        looker.picture(path)
        assert path.stat().st_size > 5_000
    looker.close()
