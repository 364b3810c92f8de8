"""Signing in with a real browser: by the link, by coming from another site's page, and out again."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from dashboard_e2e.stage import PATIENCE_MS, Looker, Site
from gateway_process import GatewayProcess
from local_pages import pages
from oidc_stage import provider

pytestmark = pytest.mark.browsers


def visitor(site: Site, browser: Browser) -> Looker:
    """Return somebody who is not signed in."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    return Looker(site, context)


def test_without_a_session_every_page_leads_to_the_sign_in_and_back(small: Site, browser: Browser) -> None:
    looker = visitor(small, browser)
    page = looker.open("/?range=7d")
    assert page.url == f"{small.url}/sign-in?next=%2F%3Frange%3D7d"
    assert page.locator("h1").inner_text() == "Sign in"
    assert looker.violations() == [] and looker.wider_than_the_window() == []
    fragment = small.one_time_link().partition("#")[2]
    page.evaluate("(fragment) => { location.hash = fragment }", fragment)
    page.wait_for_url(f"{small.url}/?range=7d")
    looker.ready()
    cookies = looker.context.cookies()
    assert [(each["name"], each["httpOnly"], each["sameSite"]) for each in cookies] == [
        ("llm_gateway_session", True, "Strict")
    ]
    assert page.evaluate("document.cookie") == ""
    looker.close()


def test_a_link_is_gone_from_the_address_and_good_once(small: Site, browser: Browser) -> None:
    link = small.one_time_link()
    looker = visitor(small, browser)
    looker.page.goto(link)
    looker.page.wait_for_url(f"{small.url}/")
    looker.close()
    late = visitor(small, browser)
    late.page.goto(link)
    late.page.wait_for_function(
        "document.getElementById('sign-in-told').textContent.includes('used already')"
    )
    assert late.page.url == f"{small.url}/sign-in" and late.context.cookies() == []
    assert [each for each in late.wrong if "401" not in each] == []
    late.context.close()


def test_who_signs_out_is_out(small: Site, browser: Browser) -> None:
    looker = small.look(browser)
    looker.page.get_by_role("button", name="Sign out").click()
    looker.page.wait_for_url(f"{small.url}/sign-in")
    assert looker.context.cookies() == []
    looker.open("/")
    assert looker.page.url == f"{small.url}/sign-in"
    looker.close()


def test_a_link_on_another_sites_page_leads_to_ours(small: Site, browser: Browser) -> None:
    """The browser keeps our cookie back at first; nobody has to sign in again for that."""
    looker = small.look(browser)
    page: Page = looker.page
    link = f'<link rel="icon" href="data:,"><a href="{small.url}/?range=30d">there</a>'
    with pages(lambda _: (200, link.encode())) as address:
        page.goto(address.replace("127.0.0.1", "localhost"))
        page.click("a")
        page.wait_for_url(f"{small.url}/?range=30d")
        looker.ready()
        assert page.locator("h1").inner_text() != "Sign in"
    looker.close()


def test_a_provider_of_logins_on_another_site_lets_its_people_in(browser: Browser, tmp_path: Path) -> None:
    """The browser comes back from another site, without our cookie, and is signed in all the same."""
    with provider() as issuer:
        config = (
            f'[dashboard.oidc]\nissuer = "{issuer}"\nclient_id = "gateway"\n'
            'client_secret_env = "ITS_SECRET"\nallowed = ["@example.org"]\n'
        )
        with GatewayProcess(tmp_path, config, environ={"ITS_SECRET": "of-this-client"}) as gateway:
            site = Site(gateway)
            base = site.url.replace("127.0.0.1", "localhost")
            looker = visitor(site, browser)
            page = looker.page
            page.goto(f"{base}/?range=7d")
            page.get_by_role("link", name="Sign in with").click()
            page.get_by_role("button", name="ada").wait_for()
            looker.wrong.clear()  # what the page of that provider misses
            page.get_by_role("button", name="ada").click()
            page.wait_for_url(f"{base}/?range=7d")
            looker.ready()
            assert page.locator("h1").inner_text() != "Sign in"
            assert {each["name"]: each["sameSite"] for each in looker.context.cookies(base)} == {
                "llm_gateway_session": "Strict"
            }
            looker.close()
