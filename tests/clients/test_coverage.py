"""The verdicts: what was counted and found, in words, with one thing to do."""

import re

import msgspec
import pytest

from llm_gateway.clients.catalog import Client, Way
from llm_gateway.clients.coverage import (
    TREND_DAYS,
    Covered,
    Day,
    Known,
    Status,
    Uses,
    Verdict,
    cover,
    cover_all,
    gaps,
    of_few_names,
)
from llm_gateway.ledger.coverage import Use

HOUR = 3_600_000_000
DAY = 24 * HOUR
NOW = 20_000 * DAY + 12 * HOUR
ROW = Client("claude-code", "Claude Code", "Anthropic", ways={"key": Way()})
CHAT = Client("chatgpt", "ChatGPT", "OpenAI", cannot="its chats name no base URL", instead="export them")


def used(requests: int, at_us: int = NOW, source: str = "", background: int = 0) -> Use:
    return Use("claude-code", "", at_us // HOUR, source, requests, 10 * requests, at_us, background)


def verdict(known: Known | None = None, routed: int = 0, passed: int = 0, row: Client = ROW) -> Covered:
    came = (used(routed),) if routed else ()
    went = (used(passed, source="log"),) if passed else ()
    return cover(row, "laptop", known or Known(installed=True), Uses(came, went), NOW)


# the verdict and the numbers


@pytest.mark.parametrize(
    ("known", "routed", "passed", "expected"),
    [
        (Known(), 0, 0, "unknown"),
        (Known(installed=True), 0, 0, "unknown"),
        (Known(installed=True, running=True), 0, 0, "unknown"),
        (Known(installed=True, points_at="vendor"), 0, 0, "unknown"),
        (Known(installed=True, running=True, points_at="vendor"), 0, 0, "bypassing"),
        (Known(installed=True, running=True, points_at="other.example"), 0, 0, "bypassing"),
        (Known(installed=True, running=True, points_at="gateway"), 0, 0, "unknown"),
        (Known(installed=True), 0, 3, "bypassing"),
        (Known(installed=True), 3, 0, "captured"),
        (Known(), 3, 0, "captured"),
        (Known(installed=True), 3, 1, "partly"),
        (Known(installed=True, connected_us=1, rewritten=("env.X",)), 3, 0, "partly"),
        (Known(installed=True, connected_us=1, rewritten=("env.X",)), 0, 0, "bypassing"),
    ],
)
def test_the_verdict(known: Known, routed: int, passed: int, expected: Verdict) -> None:
    assert verdict(known, routed, passed).verdict == expected


def test_what_cannot_be_routed_says_why_and_what_is_left() -> None:
    found = verdict(Known(installed=True, running=True, points_at="vendor"), passed=2, row=CHAT)
    assert (found.verdict, found.reason, found.fix) == ("cannot", CHAT.cannot, CHAT.instead)


def test_shares_are_of_what_is_known() -> None:
    found = verdict(routed=3, passed=1)
    assert (found.routed_requests, found.seen_requests, found.share) == (3, 4, 0.75)
    assert (found.routed_tokens, found.seen_tokens) == (30, 40)
    assert verdict().share is None


def test_background_calls_are_counted_apart() -> None:
    uses = Uses((used(3, background=1),), (used(4, source="log", background=2),))
    assert cover(ROW, "", Known(), uses, NOW).background_requests == 3


def test_the_evidence_names_its_sources() -> None:
    known = Known(installed=True, evidence=("command claude on the path",))
    uses = Uses((used(2),), (used(1, source="log"), used(3, source="otlp"), used(4, source="log")))
    assert cover(ROW, "", known, uses, NOW).evidence == (
        "2 requests in the ledger, the last on 2024-10-04 12:00 UTC",
        "5 answers in its own log that never came through here",
        "3 answers in its telemetry that never came through here",
        "command claude on the path",
    )


def test_the_trend_is_by_day() -> None:
    uses = Uses((used(1), used(2), used(4, NOW - DAY)), (used(8, NOW - 13 * DAY, "log"),))
    trend = cover(ROW, "", Known(), uses, NOW).trend
    assert len(trend) == TREND_DAYS
    assert (trend[0], trend[-2], trend[-1]) == (
        Day("2024-09-21", 0, 8),
        Day("2024-10-03", 4, 0),
        Day("2024-10-04", 3, 0),
    )


# the time that counts


def test_what_was_before_it_was_connected_does_not_count() -> None:
    uses = Uses((used(2),), (used(5, NOW - 2 * HOUR, "log"),))
    assert cover(ROW, "", Known(points_at="gateway"), uses, NOW).verdict == "partly"
    known = Known(points_at="gateway", connected_us=NOW - HOUR)
    found = cover(ROW, "", known, uses, NOW)
    assert (found.verdict, found.since_us, found.seen_requests) == ("captured", NOW - HOUR, 2)
    assert found.trend[-1].passed_by == 5


def test_what_was_before_it_was_restarted_does_not_count() -> None:
    uses = Uses((used(2),), (used(5, NOW - 2 * HOUR, "log"),))
    connected = Known(installed=True, points_at="gateway", connected_us=NOW - 3 * HOUR)
    assert cover(ROW, "", connected, uses, NOW).verdict == "partly"
    restarted = msgspec.structs.replace(connected, running=True, started_us=NOW - HOUR)
    assert cover(ROW, "", restarted, uses, NOW).verdict == "captured"
    elsewhere = msgspec.structs.replace(restarted, points_at="vendor")
    assert cover(ROW, "", elsewhere, uses, NOW).verdict == "partly", "a start alone mends nothing"


# the reason and the fix

CONNECT = "llm-gateway connect claude-code"


@pytest.mark.parametrize(
    ("known", "passed", "reason", "fix"),
    [
        (Known(running=True, points_at="vendor"), 0, "do not name this gateway", CONNECT),
        (Known(running=True, points_at="other.example"), 1, "settings name other.example", CONNECT),
        (Known(rewritten=("env.X is gone",), connected_us=1), 1, "changed after .*: env.X is gone", CONNECT),
        (
            Known(running=True, points_at="gateway", connected_us=NOW, started_us=NOW - HOUR),
            0,
            "running since before",
            "restart Claude Code",
        ),
        (
            Known(points_at="gateway", connected_us=NOW - HOUR),
            2,
            "passed by all the same",
            f"{CONNECT} --dry-run",
        ),
        (
            Known(points_at="gateway", connected_us=NOW),
            0,
            "nothing of it has come through yet",
            "ask Claude Code",
        ),
        (Known(installed=True), 2, "2 answers passed by", CONNECT),
        (Known(installed=True, running=True), 0, "it runs", CONNECT),
        (Known(installed=True), 0, "it is installed", CONNECT),
        (Known(), 0, "nothing of it has been seen", CONNECT),
    ],
)
def test_a_gap_has_a_reason_and_one_thing_to_do(known: Known, passed: int, reason: str, fix: str) -> None:
    found = verdict(known, passed=passed)
    assert found.verdict != "captured"
    assert found.fix.startswith(fix)
    assert re.search(reason, found.reason)


def test_where_all_is_well_there_is_nothing_to_do() -> None:
    found = verdict(routed=1)
    assert (found.reason, found.fix) == ("", "")


def test_the_parts_of_a_program_are_connected_together() -> None:
    row = msgspec.structs.replace(ROW, id="codex-desktop", part_of="codex-cli")
    assert verdict(Known(installed=True), passed=1, row=row).fix == "llm-gateway connect codex-cli"


# the status


@pytest.mark.parametrize(
    ("known", "last_us", "expected"),
    [
        (Known(), 0, "not-connected"),
        (Known(installed=True), 0, "installed"),
        (Known(installed=True, running=True), 0, "running"),
        (Known(installed=True, running=True), NOW - HOUR, "running"),
        (Known(), NOW - HOUR, "installed"),
        (Known(installed=True), NOW - 60_000_000, "live"),
    ],
)
def test_the_status(known: Known, last_us: int, expected: Status) -> None:
    uses = Uses((used(1, last_us),) if last_us else ())
    assert cover(ROW, "", known, uses, NOW).status == expected


# all of them


def of(client: str, machine: str = "", at_us: int = NOW) -> Use:
    return Use(client, machine, at_us // HOUR, "", 1, 10, at_us, 0)


def test_everything_found_or_used_is_there_once_for_each_machine() -> None:
    known = {
        "laptop": {"claude-code": Known(installed=True), "aider": Known(installed=True)},
        "desk": {"aider": Known(installed=True)},
    }
    uses = Uses((of("claude-code"), of("my-script", "desk", NOW - HOUR)), (of("aider", "desk", NOW - DAY),))
    found = cover_all("laptop", known, uses, NOW, always=["aider"])
    assert [(each.machine, each.client) for each in found] == [
        ("laptop", "claude-code"),
        ("desk", "my-script"),
        ("desk", "aider"),
        ("laptop", "aider"),
    ]
    verdicts = {(each.machine, each.client): each.verdict for each in found}
    assert verdicts["laptop", "claude-code"] == verdicts["desk", "my-script"] == "captured"
    assert (verdicts["desk", "aider"], verdicts["laptop", "aider"]) == ("bypassing", "unknown")


def test_the_gaps_are_those_that_run_and_could_go_through() -> None:
    known = {
        "": {
            "claude-code": Known(installed=True, running=True, points_at="vendor"),
            "aider": Known(installed=True, running=True),
            "codex-cli": Known(installed=True),
        }
    }
    routed, running, open_ = gaps(cover_all("", known, Uses((of("aider"),)), NOW))
    assert (routed, running, [each.client for each in open_]) == (1, 2, ["claude-code"])


@pytest.mark.parametrize("client", ["llm-gateway-smoke", "llm-gateway-dashboard"])
def test_what_the_gateway_asks_for_itself_is_no_application(client: str) -> None:
    ours = msgspec.structs.replace(used(3), client=client)
    assert cover_all("laptop", {}, Uses((ours,)), NOW) == []


def test_of_names_that_callers_give_themselves_the_latest_are_listed() -> None:
    names = [msgspec.structs.replace(used(1, NOW - number), client=f"x{number}") for number in range(150)]
    kept, left_out = of_few_names(Uses((*names, used(1, NOW - DAY)), (names[149],)))
    assert left_out == 50 and not kept.passed_by
    assert {use.client for use in kept.routed} == {"claude-code", *(f"x{number}" for number in range(100))}
    few = Uses((*names[:100],))
    assert of_few_names(few) == (few, 0)
