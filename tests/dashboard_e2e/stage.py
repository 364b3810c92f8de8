"""A gateway with a dashboard, and somebody who looks at it in a real browser."""

import json
import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import cast

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Playwright, Response

from gateway_process import GatewayProcess
from rawhttp import request

__all__ = ["PATIENCE_MS", "Looker", "Site", "chromium"]

PATIENCE_MS = 30_000
_WIDE = (1280, 900)
_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_AXE = """
axe.run(document, {runOnly: %s, resultTypes: ["violations"]}).then((told) => {
  const why = (node) => (node.any[0] || node.all[0] || node.none[0] || {}).message;
  const line = (id, node) => `${id}: ${node.html.slice(0, 160)} ${why(node)}`;
  return JSON.stringify(told.violations.flatMap((each) => each.nodes.map((node) => line(each.id, node))));
})
"""


def chromium(playwright: Playwright) -> Browser:
    """Start Debian's browser."""
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])


class Site:
    """A gateway, and what its owner can do at the command line."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.gateway = gateway

    @property
    def url(self) -> str:
        """Return the address of its dashboard."""
        return self.gateway.url

    def owner(self, method: str, target: str, body: object = None) -> Mapping[str, object]:
        """Ask as the command line does."""
        token = (self.gateway.home / "gateway" / "owner-token").read_text().strip()
        with self.gateway.client() as client:
            client.send(request(method, target, body=json.dumps(body or {}).encode(), key=token))
            reply = client.read_reply()
        assert reply.status < 400, reply
        return reply.json()

    def one_time_link(self) -> str:
        """Return what `llm-gateway open` prints."""
        return str(self.owner("POST", "/api/open")["url"])

    def look(
        self, browser: Browser, *, width: int = _WIDE[0], height: int = _WIDE[1], dark: bool = False
    ) -> "Looker":
        """Return somebody who is signed in."""
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            timezone_id="UTC",
            locale="en-GB",
            bypass_csp=False,
        )
        context.set_default_timeout(PATIENCE_MS)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.url)
        looker = Looker(self, context)
        looker.page.goto(self.one_time_link(), wait_until="domcontentloaded")
        looker.page.wait_for_url(f"{self.url}/", wait_until="domcontentloaded")
        looker.ready()
        return looker


class Looker:
    """Somebody with a browser. What goes wrong in it is kept: errors of scripts, what the policy refused."""

    def __init__(self, site: Site, context: BrowserContext) -> None:
        self.site = site
        self.context = context
        self.page: Page = context.new_page()
        self.wrong: list[str] = []
        self.transferred = 0
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("dialog", self._interrupted)
        self.page.on("response", self._answered)

    def close(self) -> None:
        """Leave; nothing may have gone wrong."""
        self.context.close()
        assert not self.wrong, self.wrong

    def open(self, path: str) -> Page:
        """Go to a page and wait until its script has run."""
        self.page.goto(self.site.url + path, wait_until="domcontentloaded")
        self.ready()
        return self.page

    def ready(self) -> None:
        """Wait until the page's script has run."""
        self.page.wait_for_selector("html[data-ready]")

    def wider_than_the_window(self) -> list[str]:
        """Return what makes the page scroll sideways; what is drawn anew for its width may take a moment."""
        found = self.page.evaluate(
            """async () => {
              const fits = () => document.documentElement.scrollWidth <= document.documentElement.clientWidth;
              for (let i = 0; i < 40 && !fits(); i += 1) await new Promise((then) => setTimeout(then, 50));
              const most = document.documentElement.clientWidth;
              if (fits()) return [];
              const wide = (each) => each.getBoundingClientRect().right > most + 1
                && !each.closest(".scroll, nav, pre, .command");
              const found = [...document.querySelectorAll("body *")].filter(wide);
              return found.slice(0, 5).map((each) => each.outerHTML.slice(0, 200));
            }"""
        )
        return cast("list[str]", found)

    def violations(self, *rules: str) -> list[str]:
        """Return what axe-core finds wrong by the rules of WCAG 2.2 AA, or by some of them alone."""
        script = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
        # Through the debugger: the page's own policy lets no such script in.
        session = self.context.new_cdp_session(self.page)
        session.send("Runtime.evaluate", {"expression": f"if (!window.axe) {{{script}\n}}"})
        run = _AXE % json.dumps(
            {"type": "rule", "values": rules} if rules else {"type": "tag", "values": _RULES}
        )
        wanted = {"expression": run, "awaitPromise": True, "returnByValue": True}
        told = session.send("Runtime.evaluate", wanted)
        session.detach()
        assert "value" in told["result"], told
        return cast("list[str]", json.loads(told["result"]["value"]))

    def picture(self, path: Path) -> None:
        """Take a picture of the whole page."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path, full_page=True, animations="disabled")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.type}: {message.text}")

    def _interrupted(self, dialog: Dialog) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _answered(self, response: Response) -> None:
        length = response.headers.get("content-length", "0")
        self.transferred += int(length) if length.isdecimal() else 0
