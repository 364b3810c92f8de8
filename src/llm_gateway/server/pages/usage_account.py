"""The account of what was avoided, as the page tells it: each line with its arithmetic in figures. Pure.

The lines are those of `savings_views.py`, and mean what `ledger/accounting.py` says; here are sentences.
"""

from collections.abc import Sequence

import msgspec

from llm_gateway.ledger.card_uses import CardUse
from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.sums import Sums
from llm_gateway.server.advice import Advice
from llm_gateway.server.savings_views import (
    Amount,
    ConfidenceView,
    LineView,
    amount,
    confidence_view,
    cost_counted,
    line_views,
)

__all__ = ["Account", "AccountLine", "account"]

_NAMES = {
    "route": "API-equivalent value of what nobody billed",
    "compression": "compression",
    "response_cache": "response cache",
    "prompt_cache": "provider's prompt cache",
}


class AccountLine(msgspec.Struct, frozen=True):
    """A line: its `name`, what it is, and how it was reckoned, in words."""

    name: str
    how: str
    line: LineView


class Account(msgspec.Struct, frozen=True):
    """`baseline` less the lines is `cost_counted`; that and `cost_beside`, of what has no lines, is `cost`.

    `priced` is whether the lines tell at which prices they are: that is read from every turn of the time.
    """

    baseline: Amount
    lines: list[AccountLine]
    cost_counted: Amount
    cost_beside: Amount
    cost: Amount
    retried: Amount
    avoided: Amount
    equivalent: Amount
    discount: Amount
    confidence: ConfidenceView
    advice: list[Advice]
    priced: bool


def account(whole: Sums, told: list[Advice], uses: Sequence[CardUse] | None) -> Account:
    """Return the account of some sums; without `uses` it does not tell which prices they were reckoned at."""
    counted = cost_counted(whole)
    how = _how(whole, counted)
    return Account(
        amount(whole.baseline_nano),
        [AccountLine(_NAMES[each.line], how[each.line], each) for each in line_views(whole, uses or ())],
        amount(counted),
        amount(whole.cost_nano - counted),
        amount(whole.cost_nano),
        amount(whole.retried_nano),
        amount(whole.avoided_nano - whole.route_nano),
        amount(whole.route_nano),
        amount(whole.prompt_cache_nano - whole.prompt_cache_ours_nano),
        confidence_view(whole),
        told,
        uses is not None,
    )


def _how(whole: Sums, counted: int) -> dict[str, str]:
    sent = counted + whole.compression_nano
    ours, prompt = whole.prompt_cache_ours_nano, whole.prompt_cache_nano
    return {
        "route": (
            f"What local models and subscriptions answered, at the public price of the same model or of the "
            f"reference that you chose: {_usd(whole.route_nano)}. Nobody billed it. It is a value and no "
            "saving: nobody knows whether it would have been bought."
        ),
        "compression": (
            f"The same would have cost {_usd(sent)} without compression and cost {_usd(counted)} with it: "
            f"{whole.removed:,} tokens of {whole.compressed:,} requests were taken out. "
            f"{_usd(sent)} - {_usd(counted)} = {_usd(whole.compression_nano)}."
        ),
        "response_cache": (
            f"{whole.cached:,} answers were kept ones. Asking again would have used {whole.saved_input:,} "
            f"tokens in and {whole.saved_output:,} out, for {_usd(whole.response_cache_nano)}; nothing was "
            f"asked, so nothing was paid: {_usd(whole.response_cache_nano)} - $0 = "
            f"{_usd(whole.response_cache_nano)}."
        ),
        "prompt_cache": (
            f"The same tokens with no provider's cache would have cost {_usd(sent + prompt)}; with it, "
            f"before compression, {_usd(sent)}. {_usd(sent + prompt)} - {_usd(sent)} = {_usd(prompt)}. Of it "
            f"{_usd(ours)} is where the gateway placed the marks; {_usd(prompt - ours)} is the "
            "provider's own discount, and none of the gateway's."
        ),
    }


def _usd(nano: int) -> str:
    return f"{'-' if nano < 0 else ''}${abs(dollars(nano)):,.6f}"
