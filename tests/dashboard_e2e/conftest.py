"""The browser, and three gateways to look at: one that is new, one in use, and one that has been for long."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from dashboard_e2e.sites import SITES, Made
from dashboard_e2e.stage import PATIENCE_MS, Looker, Site, chromium

__all__ = ["browser", "made"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the browser once."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = chromium(playwright)
        yield started
        started.close()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Make each gateway when it is asked for first."""
    with Made(tmp_path_factory.mktemp("sites")) as sites:
        yield sites


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest, made: Made) -> Site:
    """Return each of the gateways."""
    return made.site(request.param)


@pytest.fixture
def small(made: Made) -> Site:
    """Return the gateway that is in use."""
    return made.site("small")


@pytest.fixture
def looker(small: Site, browser: Browser) -> Iterator[Looker]:
    """Look at the gateway that is in use."""
    somebody = small.look(browser)
    yield somebody
    somebody.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return where pictures go."""
    return tmp_path / "pictures"
