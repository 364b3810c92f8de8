"""The end of a turn: what was used and by whose count, what it cost, and who learns of it."""

from typing import Literal

import msgspec
import pytest

from fakes import FakeClock
from ledger_samples import intent
from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.ledger.accounting import FORMULA
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.records import (
    Attempt,
    Compressed,
    Money,
    Outcome,
    Purpose,
    Removed,
    Settlement,
)
from llm_gateway.ledger.stated_prices import flat
from llm_gateway.ledger.tariff import Tariff
from llm_gateway.pipeline.cache import Entry
from llm_gateway.pipeline.closing import Closed, Course, Ending, close, learn
from llm_gateway.pipeline.compress import Compressing
from llm_gateway.pipeline.counting import Counting, Estimate, Extents, Missed
from llm_gateway.pipeline.plan import Step
from llm_gateway.pipeline.spending import Spending
from removal_samples import removal

ASKED = intent("t", request_bytes=400, dialect="chat")
USED = Usage(100, 50, 10, 20, 5)


def step(provider: str = "paid", model: str = "m") -> Step:
    return Step(provider, model, "chat", None, None, asks_usage=False, counts=True, headers=b"")


def course(**changes: object) -> Course:
    """Return the course of a turn that was answered, and whose usage its provider told."""
    seen = Seen(USED, "resp_1", finish_reason="stop", content_bytes=80, complete=True)
    usual = Course(ASKED, step(), seen, 200, "req_1", (), (), 5, None, None, False, False, True, b"{}")
    return msgspec.structs.replace(usual, **changes)


class Watching(Counting):
    """Counts ten of each, and remembers what it is told."""

    def __init__(self, *, curious: bool = False) -> None:
        self.learned: list[tuple[Extents, Usage]] = []
        self.missed: list[Missed] = []
        self._curious = curious

    def estimate(self, extents: Extents) -> Estimate:
        return Estimate(Usage(10, output=10, estimated=True), "calibrated", 150)

    def learn(self, extents: Extents, usage: Usage) -> None:
        self.learned.append((extents, usage))

    def later(self, missed: Missed) -> None:
        self.missed.append(missed)

    def curious(self, extents: Extents) -> bool:
        return self._curious


def spending(counting: Counting | None = None) -> Spending:
    made = Spending(FakeClock())
    made.use(PriceBook({"paid/m": flat("1", "10", "0.1", "2")}, {}, {"local/*": "paid/m"}), {"paid"}, {})
    made.counting = counting or Watching()
    return made


def tariff() -> Tariff:
    found = spending().basis(step(), 0).tariff
    assert found is not None
    return found


def closed(of: Course, outcome: Outcome = "ok", status: int = 200) -> Settlement:
    return close(of, Ending(outcome, status, "", 99, 1000), spending()).settlement


def test_all_that_is_known_of_an_answer_is_in_its_end() -> None:
    loss = Loss("logit_bias", "it has none")
    end = closed(course(losses=(loss,), attempts=(Attempt("paid"),)))
    cost = 100 * 1000 + 50 * 100 + 10 * 2000 + 20 * 10_000
    assert end == Settlement(
        "t",
        "ok",
        200,
        provider="paid",
        model="m",
        usage=USED,
        latency_us=1000,
        ttft_us=5,
        response_bytes=99,
        upstream_request_id="req_1",
        response_id="resp_1",
        finish_reason="stop",
        attempts=(Attempt("paid"),),
        losses=("logit_bias: it has none",),
        cost_nano=cost,
        counted="provider",
        money=Money(
            FORMULA,
            tariff().id,
            "",
            "high",
            baseline_nano=160 * 1000 + 20 * 10_000,
            prompt_cache_nano=50 * 900 - 10 * 1000,
        ),
    )


def test_a_cache_that_is_written_and_not_read_has_cost_more() -> None:
    end = closed(course(seen=Seen(Usage(10, cache_write=1000), complete=True), ours=True))
    assert end.money is not None and end.money.prompt_cache_nano == -1_000_000 and end.money.prompt_cache_ours


def test_what_compression_took_out_is_a_line() -> None:
    end = closed(course(removed=Removed(30)))
    assert end.removed == Removed(30)
    assert end.money is not None and end.money.compression_nano == 30_000


def test_a_local_model_costs_nothing_and_is_worth_its_reference() -> None:
    end = closed(course(step=step("local")))
    assert end.cost_nano is None and end.money is not None
    assert (end.money.tariff, end.money.reference) == ("", tariff().id)
    assert (end.money.confidence, end.money.route_nano) == ("low", tariff().cost(USED))
    assert closed(course(step=step("elsewhere"))).money is None


def test_a_nickname_has_the_price_of_the_model_that_the_answer_names() -> None:
    named = Seen(USED, model="m", complete=True)
    paid = closed(course(step=step("paid", "best"), seen=named))
    assert paid.money is not None and (paid.model, paid.money.tariff) == ("best", tariff().id)
    stranger = closed(course(step=step("paid", "best"), seen=Seen(USED, model="best-2", complete=True)))
    assert stranger.money is not None and stranger.money.confidence == "low"


@pytest.mark.parametrize("outcome", ["error", "cancelled", "truncated"])
def test_what_did_not_go_well_costs_what_it_used_and_avoids_nothing(outcome: Outcome) -> None:
    end = closed(course(), outcome, 499)
    assert end.cost_nano == tariff().cost(USED)
    assert end.money == Money(FORMULA, tariff().id, "", "high")
    local = closed(course(step=step("local")), outcome, 499)
    assert (local.cost_nano, local.money) == (None, None)


@pytest.mark.parametrize(("purpose", "counts"), [("smoke", True), ("demo", True), ("request", False)])
def test_what_does_not_count_costs_what_it_used_and_avoids_nothing(purpose: Purpose, counts: bool) -> None:
    asked = msgspec.structs.replace(ASKED, purpose=purpose, counts=counts)
    end = closed(course(intent=asked))
    assert end.cost_nano == tariff().cost(USED)
    assert end.money == Money(FORMULA, tariff().id, "", "high")


def test_a_tier_is_kept_and_has_its_price() -> None:
    end = closed(course(seen=Seen(USED, complete=True, tier="batch")))
    assert end.tier == "batch" and end.money is not None
    assert end.money.tariff == _card_of("batch") != tariff().id and end.money.confidence == "medium"


def _card_of(tier: str) -> str:
    found = spending().basis(step(), ASKED.at_us, tier).tariff
    assert found is not None
    return found.id


# who counted


@pytest.mark.parametrize(
    ("outcome", "status", "asked", "used"),
    [
        ("ok", 200, False, True),
        ("truncated", 200, False, True),
        ("cancelled", 200, False, True),
        ("cancelled", 0, True, True),
        ("cancelled", 0, False, False),
        ("error", 0, True, True),
        ("error", 0, False, False),
        ("error", 500, False, False),
    ],
)
def test_what_nobody_counted_is_estimated_where_somebody_worked(
    outcome: Outcome, status: int, asked: bool, used: bool
) -> None:
    end = closed(course(seen=Seen(content_bytes=80), status=status, asked=asked), outcome)
    if used:
        assert (end.usage, end.counted, end.error_permille) == (
            Usage(10, output=10, estimated=True),
            "calibrated",
            150,
        )
        assert end.cost_nano == 10 * 1000 + 10 * 10_000
    else:
        assert (end.usage, end.counted, end.error_permille, end.cost_nano) == (None, "", None, None)


def test_nobody_works_for_a_turn_that_asked_nobody() -> None:
    end = closed(course(seen=Seen(), status=0, step=None), "cancelled", 499)
    assert (end.usage, end.provider, end.money) == (None, "", None)


def test_what_passes_without_being_understood_is_not_guessed() -> None:
    assert closed(course(seen=Seen(), estimates=False)).usage is None
    assert closed(course(estimates=False)).counted == "provider"


def test_an_answer_that_was_cut_used_what_was_told_and_what_came_after() -> None:
    seen = Seen(Usage(100, 50, output=1), content_bytes=800)
    seen.counted_bytes = 0
    end = closed(course(seen=seen), "truncated")
    assert end.usage == Usage(100, 50, output=201, estimated=True)
    assert (end.counted, end.error_permille) == ("bytes", 1000)
    assert end.money is not None and end.money.confidence == "low"


@pytest.mark.parametrize(
    ("kind", "content", "of_turn", "of_attempt"),
    [
        ("upstream_truncated", 0, False, True),
        ("upstream_timeout", 0, False, True),
        ("upstream_stream", 0, False, False),  # the provider says itself that it has failed
        ("upstream_broken", 0, True, False),  # something came that nobody can read
        ("upstream_truncated", 1, True, False),
        ("draining", 0, True, False),
        ("cancelled", 0, True, False),
    ],
)
def test_a_turn_is_not_billed_for_an_answer_that_failed_before_it_had_brought_anything(
    kind: str, content: int, of_turn: bool, of_attempt: bool
) -> None:
    tries = (Attempt("paid", status=200), Attempt("paid", error_kind="cancelled"))
    of = course(seen=Seen(content_bytes=content), attempts=tries)
    end = close(of, Ending("truncated", 502, kind, 0, 1000), spending()).settlement
    assert (end.usage is not None) == of_turn
    first, second = end.attempts
    assert second == tries[1]
    if of_attempt:
        used = Usage(100, estimated=True)
        assert first == Attempt("paid", status=200, usage=used, cost_nano=100_000, tariff=tariff().id)
        assert end.money is None or end.money.retried_nano == 100_000
    else:
        assert first == tries[0]


def test_counting_tokens_is_free() -> None:
    end = closed(course(free=True))
    assert (end.usage, end.cost_nano, end.money, end.counted) == (Usage(), None, None, "")


# what other attempts cost


def test_what_other_attempts_cost_is_added_up_beside_the_lines() -> None:
    tries = (Attempt("a", cost_nano=3), Attempt("b"), Attempt("c", cost_nano=4), Attempt("paid"))
    end = closed(course(attempts=tries))
    assert end.money is not None and end.money.retried_nano == 7
    assert end.cost_nano == tariff().cost(USED), "and is not a part of it"
    failed = closed(course(attempts=tries, seen=Seen(), status=500), "error", 500)
    assert (failed.cost_nano, failed.money) == (None, Money(FORMULA, retried_nano=7))


# out of the response cache


def kept(usage: Usage | None = USED) -> Entry:
    return Entry("first", 200, b"", False, b"", usage, content_bytes=40)


def test_an_answer_that_was_kept_costs_nothing_and_saved_what_asking_would_have_cost() -> None:
    worth = tariff().cost(USED)
    end = closed(course(kept=kept()))
    assert (end.usage, end.cost_nano, end.cached_from) == (Usage(), 0, "first")
    assert (end.saved, end.saved_nano) == (USED, worth)
    assert end.money == Money(FORMULA, tariff().id, "", "high", baseline_nano=worth)
    guessed = closed(course(kept=kept(None)))
    assert guessed.saved == Usage(10, output=10, estimated=True)
    assert guessed.money is not None and guessed.money.confidence == "low"


def test_an_answer_that_was_kept_and_that_does_not_count_saved_tokens_and_no_money() -> None:
    smoke = closed(course(kept=kept(), intent=msgspec.structs.replace(ASKED, purpose="smoke")))
    assert (smoke.saved, smoke.saved_nano, smoke.money) == (USED, None, None)
    local = closed(course(kept=kept(), step=step("local")))
    assert (local.saved, local.saved_nano, local.cost_nano, local.money) == (USED, None, None, None)


def test_an_answer_that_was_kept_and_that_its_client_did_not_wait_for_saved_nothing() -> None:
    end = closed(course(kept=kept()), "cancelled", 499)
    assert (end.cached_from, end.saved, end.saved_nano, end.money) == ("", None, None, None)


# who learns of it


def told(of: Course, outcome: Outcome = "ok", *, curious: bool = False) -> tuple[Watching, Closed]:
    counting = Watching(curious=curious)
    end = close(of, Ending(outcome, 200, "", 99, 1000), spending(counting))
    learn(of, end, counting)
    return counting, end


EXTENTS = Extents("paid", "m", 400, 80)


def test_whoever_counts_learns_from_what_providers_counted_of_whole_answers() -> None:
    counting, _ = told(course())
    assert (counting.learned, counting.missed) == ([(EXTENTS, USED)], [])
    curious, end = told(course(), curious=True)
    assert curious.missed == [Missed("t", EXTENTS, "chat", b"{}", end.basis, "ok", True, USED)]
    assert told(course(), "cancelled", curious=True)[0].learned == []


def test_what_its_provider_did_not_count_is_counted_later() -> None:
    missing = Seen(content_bytes=80)
    tries = (Attempt("a", cost_nano=3),)
    counting, end = told(course(seen=missing, removed=Removed(1), attempts=tries))
    (missed,) = counting.missed
    assert missed == Missed("t", EXTENTS, "chat", b"{}", end.basis, "ok", True, None, Removed(1), 3)
    assert end.basis.tariff is not None and end.basis.tariff.id == tariff().id and counting.learned == []


Nothing = Literal["nobody", "no body", "kept", "free", "cut"]


@pytest.mark.parametrize("what", ["nobody", "no body", "kept", "free", "cut"])
def test_nothing_is_learned_where_there_is_nothing_to_count(what: Nothing) -> None:
    missing = Seen(content_bytes=80)
    of, outcome = {
        "nobody": (course(seen=missing, step=None, status=0), "error"),
        "no body": (course(seen=missing, body=b""), "ok"),
        "kept": (course(kept=kept()), "ok"),
        "free": (course(free=True), "ok"),
        "cut": (course(seen=Seen(Usage(5), content_bytes=80)), "truncated"),
    }[what]
    counting, _ = told(of, outcome, curious=True)  # type: ignore[arg-type]  # of the literals
    assert (counting.learned, counting.missed) == ([], [])


def test_what_compression_did_is_reckoned_at_the_end() -> None:
    compressing = Compressing(Compressed(2, 1, 400, 300, policy="strict-1"), removal())
    end = closed(course(compressing=compressing))
    # Ten tokens by who counts here, all of them new: they would have been written to the cache.
    assert end.removed == Removed(cache_write=10)
    told = Compressed(2, 1, 400, 300, 10, "strict-1", counted="calibrated", error_permille=1000)
    assert end.compressed == told
    assert end.money is not None and end.money.compression_nano == 10 * 2000


def test_what_was_taken_out_is_counted_whoever_counted_the_rest() -> None:
    compressed = Compressing(Compressed(2, 1, 400, 300), removal())
    (later,) = told(course(compressing=compressed))[0].missed
    assert later.shorter is not None and later.shorter.removal is compressed.removal
    assert later.body == b"" and later.usage is not None, "what is counted is no business of ours"
    untouched = Compressing(Compressed(2, 0, 400, 400), removal(()))
    assert not told(course(compressing=untouched))[0].missed


def test_the_body_that_was_sent_is_what_is_learned_from() -> None:
    compressing = Compressing(Compressed(2, 1, 400, 300))
    counting, _ = told(course(compressing=compressing))
    assert [extents.request_bytes for extents, _ in counting.learned] == [300]
    counting, _ = told(course(compressing=Compressing(Compressed(2, 1, 400, 300, shadow=True))))
    assert [extents.request_bytes for extents, _ in counting.learned] == [400]


def test_of_an_answer_that_was_kept_nothing_was_compressed() -> None:
    end = closed(course(kept=kept(), compressing=Compressing(Compressed(2, 1, 400, 300), removal())))
    assert end.removed is None and end.compressed is None
