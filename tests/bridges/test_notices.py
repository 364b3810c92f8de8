"""Whoever has a bridge is told once that it needs them, and again only after it has answered."""

import io
import json

import msgspec
import pytest

from fakes import FakeClock
from llm_gateway.bridges.health import Health
from llm_gateway.bridges.notices import Notices
from llm_gateway.telemetry.log import Log

WORKS = Health("ok", verified="turn_succeeded")
EXPIRED = Health("auth_required", "the login has ended; `claude auth login` renews it", last_error="401")


class Told:
    def __init__(self) -> None:
        self._out = io.StringIO()
        self.notices = Notices(Log(FakeClock(), "info", self._out))

    @property
    def lines(self) -> list[tuple[str, str]]:
        read = [json.loads(line) for line in self._out.getvalue().splitlines()]
        return [(line["event"], line["name"]) for line in read]


@pytest.mark.fault("B9")
def test_a_login_that_has_ended_is_told_once_however_many_ask() -> None:
    told = Told()
    told.notices.heard("claude", WORKS, False)
    for _ in range(1000):
        told.notices.heard("claude", EXPIRED, False)
    # the vendor's program goes on saying that it is logged in, and every turn fails
    for _ in range(10):
        told.notices.heard("claude", Health("ok", last_error="401"), False)
        told.notices.heard("claude", EXPIRED, False)
    assert told.lines == [("a bridge needs its owner", "claude")]
    told.notices.heard("claude", WORKS, False)
    told.notices.heard("claude", EXPIRED, False)
    assert told.lines[1:] == [("a bridge answers again", "claude"), ("a bridge needs its owner", "claude")]


def test_each_state_and_each_bridge_is_told() -> None:
    told = Told()
    for state in ("auth_required", "consent_required", "not_entitled", "version_mismatch"):
        told.notices.heard("m365-copilot", Health(state), True)
    told.notices.heard("claude@mac", EXPIRED, True)
    assert [name for _, name in told.lines] == ["m365-copilot"] * 4 + ["claude@mac"]


def test_what_nobody_uses_is_nobodys_concern() -> None:
    told = Told()
    told.notices.heard("chatgpt", EXPIRED, False)
    for state in ("not_installed", "busy", "rate_limited", "unreachable"):
        told.notices.heard("claude", msgspec.structs.replace(WORKS, state=state), True)
    assert told.lines == []
