"""`login` and `logout`: why they fail, in words, with a gateway and without one."""

import pytest

from terminal import Terminal


@pytest.fixture(params=["with a gateway", "without one"])
def anywhere(request: pytest.FixtureRequest, terminal: Terminal, stopped: Terminal) -> Terminal:
    return terminal if request.param == "with a gateway" else stopped


def test_a_login_that_cannot_begin_says_why(anywhere: Terminal) -> None:
    done = anywhere("login", "m365-copilot")
    assert done.code == 1 and done.out == ""
    assert done.err.startswith("error: Set MICROSOFT_CLIENT_ID or M365_COPILOT_ACCESS_TOKEN.")


def test_a_bridge_that_is_none_is_named(anywhere: Terminal) -> None:
    for verb in ("login", "logout"):
        done = anywhere(verb, "nobody")
        assert done.code == 1
        assert "there is no bridge 'nobody'" in done.err and "chatgpt" in done.err


def test_a_logout_of_nobody_is_one(anywhere: Terminal) -> None:
    assert "chatgpt is logged out; it is auth_required now" in anywhere.ok("logout", "chatgpt").err
    entries = anywhere.ok("audit").out
    assert "bridge.logout" in entries
