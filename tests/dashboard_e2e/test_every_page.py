"""Every page on every gateway: it is there, runs without a fault, fits the window, is open to everybody.

In both themes, on a large screen and on a telephone.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ViewportSize

from dashboard_e2e.sites import SITES, Made
from dashboard_e2e.stage import Looker
from llm_gateway.dashboard.navigation import PLACES, Place

pytestmark = pytest.mark.browsers

_WIDE: ViewportSize = {"width": 1600, "height": 900}
_NARROW: ViewportSize = {"width": 380, "height": 800}


@pytest.fixture(scope="module", params=SITES)
def seer(request: pytest.FixtureRequest, made: Made, browser: Browser) -> Iterator[Looker]:
    """Look at one gateway after the other, page by page."""
    somebody = made.site(request.param).look(browser)
    yield somebody
    somebody.context.close()


@pytest.mark.parametrize("place", PLACES, ids=[each.name for each in PLACES])
def test_every_page_is_sound(seer: Looker, place: Place) -> None:
    seer.wrong.clear()
    page = seer.open(place.path)
    assert page.locator("h1").count() == 1
    assert page.title().endswith("LLM Gateway")
    assert page.locator(f'.top a[data-key="{place.key}"]').get_attribute("aria-current") == "page"
    for size in (_WIDE, _NARROW):
        page.set_viewport_size(size)
        assert not seer.wider_than_the_window(), size
        assert not seer.violations(), size
        page.emulate_media(color_scheme="dark")
        assert not seer.violations("color-contrast"), size
        page.emulate_media(color_scheme="light")
    assert not seer.wrong
