"""Every page on every gateway: it is there, runs without a fault, fits the window, is open to everybody."""

import pytest
from playwright.sync_api import Browser

from dashboard_e2e.stage import Site
from llm_gateway.dashboard.navigation import PLACES

pytestmark = pytest.mark.browsers

_NARROW, _WIDE = 380, 1600


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_sound(site: Site, browser: Browser, dark: bool) -> None:
    looker = site.look(browser, width=_WIDE, dark=dark)
    for place in PLACES:
        page = looker.open(place.path)
        assert page.locator("h1").count() == 1, place.path
        assert page.title().endswith("LLM Gateway"), place.path
        assert page.locator(f'.top a[data-key="{place.key}"]').get_attribute("aria-current") == "page"
        assert not (found := looker.violations()), (place.path, found)
        assert not (found := looker.wider_than_the_window()), (place.path, found)
    looker.close()


def test_every_page_fits_a_telephone(site: Site, browser: Browser) -> None:
    looker = site.look(browser, width=_NARROW, height=800)
    for place in PLACES:
        looker.open(place.path)
        assert not (found := looker.wider_than_the_window()), (place.path, found)
        assert not (found := looker.violations()), (place.path, found)
    looker.close()
