"""What vendors tell of quotas: read from the header of an answer, told by bridges, one pool an account."""

import pytest
from msgspec import Raw

from fakes import FakeClock
from llm_gateway.bridges.health import Health, Window, account_mark
from llm_gateway.ledger.quota_samples import Draw, Sample
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.quotas import OPEN, REACHED, Quotas, Used, member_in, quota_in
from llm_gateway.providers.catalog import Login, ProviderRow, load_catalog
from llm_gateway.providers.logins import PassedLogin
from llm_gateway.wire.headers import Headers
from llm_gateway.wire.jsonedit import Document

ROWS = {row.name: row for row in load_catalog()}
ORG = b"8e0a2fd1-3b0c-4f7e-9a51-0d6f6f0a7c11"
ADA, BOB = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-9999-aaaaaaaaaaaa"
FIVE = b"anthropic-ratelimit-unified-5h-utilization"


def login(name: str) -> tuple[ProviderRow, Login]:
    row = ROWS[name]
    assert row.login is not None
    return row, row.login


def claude(share: bytes, *, org: bytes = b"") -> Headers:
    return [(FIVE, share), *([(b"anthropic-organization-id", org)] if org else [])]


def body(account: str) -> dict[str, Raw]:
    """Return the member of a request in which Claude Code says whose it is, as it writes it now."""
    told = f'{{\\"device_id\\":\\"d1\\",\\"account_uuid\\":\\"{account}\\",\\"session_id\\":\\"s1\\"}}'
    return Document.parse(f'{{"metadata":{{"user_id":"{told}"}}}}'.encode()).fields


class Desk:
    """Quotas on a clock of the test's, and answers to logins of callers."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.quotas = Quotas(self.clock, b"p" * 32)

    def claude(self, caller: str, headers: Headers, members: dict[str, Raw] | None = None) -> None:
        passed = PassedLogin(ROWS["claude-login"], b"")
        self.quotas.told(passed, Identity("key_1", caller), members or {}, headers)

    def codex(self, caller: str, account: bytes) -> None:
        passed = PassedLogin(ROWS["chatgpt-login"], b"", account)
        headers: Headers = [
            (b"x-codex-primary-used-percent", b"10"),
            (b"x-codex-primary-window-minutes", b"300"),
        ]
        self.quotas.told(passed, Identity("key_1", caller), {}, headers)

    @property
    def pools(self) -> set[str]:
        return {draw.pool for draw in self.quotas.draws}


def test_anthropics_windows_are_shares() -> None:
    headers: Headers = [
        (b"anthropic-ratelimit-unified-status", b"allowed_warning"),
        (FIVE, b"0.42"),
        (b"anthropic-ratelimit-unified-5h-reset", b"1790814600"),
        (b"anthropic-ratelimit-unified-5h-status", b"allowed"),
        (b"anthropic-ratelimit-unified-7d-utilization", b"1"),
        (b"anthropic-ratelimit-unified-overage-utilization", b"0.1"),
    ]
    windows, status = quota_in(headers, login("claude-login")[1])
    assert status == "allowed_warning"
    assert windows == (
        Used("5 hours", 0.42, 1790814600_000_000, "allowed"),
        Used("7 days", 1.0),
        Used("extra usage", 0.1),
    )


def test_codex_windows_are_percent_and_called_by_how_long_they_are() -> None:
    headers: Headers = [
        (b"x-codex-primary-used-percent", b"12.5"),
        (b"x-codex-primary-reset-at", b"1790814600"),
        (b"x-codex-primary-window-minutes", b"300"),
        (b"x-codex-secondary-used-percent", b"3"),
    ]
    windows, _ = quota_in(headers, login("chatgpt-login")[1])
    assert windows == (Used("5 hours", 0.125, 1790814600_000_000), Used("long", 0.03))


@pytest.mark.parametrize("value", [b"", b"nan", b"inf", b"-1", b"lots", b"1e300", b"\xff"])
def test_what_is_absurd_is_not_told(value: bytes) -> None:
    assert quota_in([(b"x-codex-primary-used-percent", value)], login("chatgpt-login")[1]) == ((), "")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (bytes(body(ADA)["metadata"]), ADA),
        (f'{{"user_id":"user_77_account_{ADA}_session_5"}}'.encode(), ADA),
        (bytes(body("")["metadata"]), ""),
        (b'{"user_id":"user_77_account__session_5"}', ""),
        (b'{"user_id":"account_uuid"}', ""),
        (b"", ""),
        (b"x" * 5000 + bytes(body(ADA)["metadata"]), ""),
    ],
)
def test_a_person_of_an_account_is_found_where_claude_code_says_so(value: bytes, told: str) -> None:
    rules = login("claude-login")[1]
    assert member_in(value, rules.member_marks) == told


def test_two_callers_of_one_account_are_one_pool_and_two_accounts_are_two() -> None:
    desk = Desk()
    desk.claude("ada", claude(b"0.1", org=ORG))
    desk.claude("laptop", claude(b"0.2", org=ORG))
    assert len(desk.pools) == 1
    desk.claude("bob", claude(b"0.5", org=b"9" * 36))
    assert len(desk.pools) == 2
    desk.codex("ada", b"acct-1")
    desk.codex("laptop", b"acct-1")
    desk.codex("bob", b"acct-2")
    assert len(desk.pools) == 4
    quota = next(each for each in desk.quotas.all() if each.caller == "laptop" and "claude" in each.provider)
    assert quota.windows[0].share == 0.2, "what one was told holds for the other"


def test_people_of_one_organization_have_pools_of_their_own() -> None:
    desk = Desk()
    desk.claude("ada", claude(b"0.1", org=ORG), body(ADA))
    desk.claude("laptop", claude(b"0.2", org=ORG), body(ADA))
    desk.claude("bob", claude(b"0.5", org=ORG), body(BOB))
    one, two = sorted(desk.pools)
    assert one.partition(".")[0] == two.partition(".")[0], "one organization"


def test_who_tells_no_account_has_a_pool_of_his_own() -> None:
    desk = Desk()
    desk.claude("ada", claude(b"0.1"))
    desk.claude("bob", claude(b"0.2"))
    assert desk.pools == {"login:claude-login:ada", "login:claude-login:bob"}


def test_a_bridge_and_a_login_of_one_account_are_one_pool() -> None:
    desk = Desk()
    desk.claude("ada", claude(b"0.1", org=ORG))
    mark = account_mark("anthropic", ORG.decode())
    desk.quotas.heard("claude", Health("ok", windows=(Window("5 hours", 0.2),), mark=mark), "mac", "ada")
    assert len(desk.pools) == 1
    (quota,) = desk.quotas.all()
    assert (quota.provider, quota.route) == ("claude", "bridge")
    assert quota.windows == (Used("5 hours", 0.2),)


def test_no_id_can_be_read_from_what_is_kept() -> None:
    desk = Desk()
    desk.claude("ada", claude(b"0.1", org=ORG), body(ADA))
    desk.codex("ada", b"acct-1-of-a-person")
    mark = account_mark("anthropic", ORG.decode())
    kept = repr(desk.quotas.changes())
    for secret in (ORG.decode(), ADA, "acct-1-of-a-person", mark):
        assert secret not in kept
    other = Quotas(desk.clock, b"q" * 32)
    other.heard("claude", Health("ok", mark=mark))
    assert other.draws[0].pool not in desk.pools, "another gateway's digests are others"


def test_only_what_changed_begins_a_new_sample() -> None:
    desk = Desk()
    desk.claude("ada", claude(b"0.10"))
    began = desk.clock.now_us()
    desk.clock.advance(60)
    desk.claude("ada", claude(b"0.1001"))
    (sample,), (draw,) = desk.quotas.changes()
    assert (sample.at_us, sample.last_us, sample.used) == (began, began + 60_000_000, 0.10)
    assert (draw.first_us, draw.last_us) == (began, began + 60_000_000)
    desk.clock.advance(60)
    desk.claude("ada", claude(b"0.2"))
    (sample,), _ = desk.quotas.changes()
    assert (sample.at_us, sample.used) == (began + 120_000_000, 0.2)
    assert desk.quotas.changes() == ([], [])


def test_a_limit_that_is_only_told_when_it_is_reached_is_a_window() -> None:
    desk = Desk()
    limited = Health("rate_limited", "too much", resets_us=desk.clock.now_us() + 60_000_000)
    desk.quotas.heard("m365-copilot", Health("ok"))
    assert desk.quotas.all()[0].windows == ()
    desk.quotas.heard("m365-copilot", limited)
    assert desk.quotas.all()[0].windows == (Used("limit", 1.0, limited.resets_us, REACHED),)
    desk.clock.advance(90)
    desk.quotas.changes()
    desk.quotas.heard("m365-copilot", Health("ok"))
    (sample,), _ = desk.quotas.changes()
    assert (sample.name, sample.used, sample.status) == ("limit", 0.0, OPEN)
    assert desk.quotas.all()[0].windows == (), "which share is used nobody says"


def test_a_bridge_that_tells_windows_needs_no_other_word() -> None:
    desk = Desk()
    desk.quotas.heard("codex", Health("rate_limited", windows=(Window("5 hours", 1.0, 5),)))
    assert desk.quotas.all()[0].windows == (Used("5 hours", 1.0, 5),)


def test_what_a_bridge_was_told_long_ago_is_as_old_as_that() -> None:
    desk = Desk()
    old = desk.clock.now_us() - 3_600_000_000
    desk.quotas.heard("claude", Health("ok", windows=(Window("5 hours", 0.2),), told_us=old))
    (sample,), _ = desk.quotas.changes()
    assert (sample.at_us, sample.last_us) == (old, old)
    desk.quotas.heard("claude", Health("ok", windows=(Window("5 hours", 0.1),), told_us=old - 1))
    assert desk.quotas.changes()[0] == [], "an older word changes nothing"


@pytest.mark.parametrize("state", ["auth_required", "not_installed", "disabled", "unreachable", "starting"])
def test_a_bridge_that_nobody_can_use_draws_on_nothing(state: str) -> None:
    desk = Desk()
    desk.quotas.heard("codex", Health(state))  # type: ignore[arg-type]
    assert desk.quotas.all() == []


def test_the_same_word_twice_is_one() -> None:
    desk = Desk()
    health = Health("ok", windows=(Window("5 hours", 0.2),))
    desk.quotas.heard("codex", health)
    desk.quotas.changes()
    desk.clock.advance(60)
    desk.quotas.heard("codex", health)
    assert desk.quotas.changes() == ([], [])


def test_it_goes_on_from_what_was_kept() -> None:
    desk = Desk()
    now = desk.clock.now_us()
    desk.claude("ada", claude(b"0.3"))
    kept = Sample("login:claude-login:ada", "5 hours", now - 10, now - 5, 0.1)
    week = Sample("login:claude-login:ada", "7 days", now - 10, now - 5, 0.6)
    desk.quotas.resume(
        [kept, week], [Draw("login:claude-login:eve", "claude-login", "login", "eve", last_us=5)]
    )
    assert [(each.caller, each.windows) for each in desk.quotas.all()] == [
        ("ada", (Used("5 hours", 0.3), Used("7 days", 0.6))),
        ("eve", ()),
    ]
    desk.quotas.forget(now - 1)
    assert [(each.caller, len(each.windows)) for each in desk.quotas.all()] == [("ada", 1)]


def test_no_more_is_known_than_there_is_room_for() -> None:
    desk = Desk()
    for number in range(1100):
        desk.claude(f"caller-{number}", claude(b"0.1"))
    assert len(desk.quotas.draws) == 1000
    assert len(desk.quotas.changes()[0]) == 1000


def test_an_answer_that_tells_nothing_changes_nothing() -> None:
    desk = Desk()
    desk.claude("ada", [(b"content-type", b"application/json")])
    desk.claude("ada", [(b"anthropic-ratelimit-unified-status", b"allowed")])
    assert [(each.status, each.windows) for each in desk.quotas.all()] == [("allowed", ())]


def test_credits_are_no_share() -> None:
    desk = Desk()
    windows = (Window("credits", 0.0, status="12.50 left"), Window("5 hours", 0.2))
    desk.quotas.heard("codex", Health("ok", windows=windows))
    assert desk.quotas.all()[0].windows == (Used("5 hours", 0.2),)
    assert len(desk.quotas.changes()[0]) == 2


def test_a_login_that_is_rejected_without_a_full_window_has_reached_a_limit() -> None:
    desk = Desk()
    rejected: Headers = [
        (b"anthropic-ratelimit-unified-status", b"rejected"),
        (b"anthropic-ratelimit-unified-reset", b"1790814600"),
    ]
    desk.claude("ada", [*rejected, (FIVE, b"0.3")])
    assert desk.quotas.all()[0].windows == (
        Used("5 hours", 0.3),
        Used("limit", 1.0, 1790814600_000_000, REACHED),
    )
    desk.clock.advance(5)
    desk.claude("ada", [(b"anthropic-ratelimit-unified-status", b"allowed")])
    assert desk.quotas.all()[0].windows == (Used("5 hours", 0.3),)
    desk.claude("bob", [*rejected, (FIVE, b"1.0")])
    assert [used.window for used in desk.quotas.all()[1].windows] == ["5 hours"], "the window says it"


def test_what_another_machine_says_is_bounded() -> None:
    desk = Desk()
    windows = tuple(Window(f"{number:02}" * 90, 0.1, status="s" * 90) for number in range(1, 40))
    ahead = desk.clock.now_us() + 86_400_000_000
    desk.quotas.heard("codex@mac", Health("ok", account="p" * 90, windows=windows, told_us=ahead), "mac")
    samples, (draw,) = desk.quotas.changes()
    assert len(samples) == 16 and max(len(each.name + each.status) for each in samples) == 128
    assert {each.last_us for each in samples} == {desk.clock.now_us()}, "not what its clock says"
    assert len(draw.plan) == 64
