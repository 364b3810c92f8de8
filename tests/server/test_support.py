"""The support bundle: what it says, and what is taken out of it."""

from pathlib import Path

import msgspec
import pytest

from llm_gateway.config import load
from llm_gateway.config.effective import Effective
from llm_gateway.server.checks import Finding
from llm_gateway.server.support import Scrub, bundle, scrub_for, versions
from llm_gateway.server.views import HealthView, ProviderView

HEALTH = HealthView("ok", "connected", "1.0", 5, 0, 7, configuration="ada@example.org says so")
SECRET = "canary-0123456789"


def test_versions_are_told() -> None:
    found = versions()
    assert {"llm-gateway", "python", "system", "sqlite", "msgspec"} <= found.keys()
    assert all(found.values())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plain words, model x/y", "plain words, model x/y"),
        ("as ada.l+x@example.org (pro)", "as ***@*** (pro)"),
        ("https://host.example/v1?token=abc&x=1", "https://host.example/v1?***"),
        ("https://host.example/v1#part", "https://host.example/v1?***"),
        ("key sk-0123456789abcdef", "key ***"),
        (f"it said {SECRET}!", "it said ***!"),
        ("/home/ada/.llm/ledger", "HOME/ledger"),
    ],
)
def test_what_is_nobodys_business_is_taken_out(text: str, told: str) -> None:
    assert Scrub([SECRET], "/home/ada/.llm").text(text) == told


def test_settings_that_name_people_only_say_that_they_are_set() -> None:
    scrub = Scrub([], "")
    assert scrub.setting(Effective("subscriptions.a@b.c.owner", '"Ada"', "line 3")).value == "***"
    assert scrub.setting(Effective("subscriptions.a@b.c.owner", '"Ada"', "line 3")).name.startswith("***@***")
    assert scrub.setting(Effective("bridges.x.command", "[]", "default")).value == "[]"


def test_secrets_of_the_environment_are_known(tmp_path: Path) -> None:
    environ = {"LLM_GATEWAY_HOME": str(tmp_path), "A_KEY": SECRET, "B_TOKEN": "no", "PATH": "/usr/bin:/bin"}
    environ["LLM_GATEWAY_DASHBOARD_TOKEN"] = "a-dashboard-token-0123456789"
    scrub = scrub_for(load(flags={}, environ=environ), environ)
    assert scrub.text(f"{SECRET} a-dashboard-token-0123456789 no /usr/bin") == "*** *** no /usr/bin"


def test_everything_in_it_went_through(tmp_path: Path) -> None:
    environ = {"LLM_GATEWAY_HOME": str(tmp_path), "A_KEY": SECRET}
    far = ProviderView(
        "far",
        "Far",
        "hosted",
        "configured",
        "error",
        f"said {SECRET}",
        True,
        [],
        ["m"],
        None,
        0,
        None,
        None,
        None,
    )
    found = bundle(
        load(flags={}, environ=environ),
        environ,
        HEALTH,
        [Finding("home", "ok", f"{tmp_path}, private")],
        [far],
        (1_700_000_000_000_000, []),
    )
    assert (found.made_at, found.schema) == ("2023-11-14T22:13:20.000Z", "llm-gateway/support/v1")
    assert found.health.configuration == "***@*** says so"
    assert (found.checks[0].finding, found.providers[0].reason) == ("HOME, private", "said ***")
    assert SECRET not in msgspec.json.encode(found).decode()
