"""How a bridge is, as values: what stands for an account, and what a window is called."""

import msgspec
import pytest

from llm_gateway.bridges.health import Health, account_mark, window_name


def test_a_mark_tells_accounts_apart_and_no_id() -> None:
    account = "8e0a2fd1-3b0c-4f7e-9a51-0d6f6f0a7c11"
    mark = account_mark("anthropic", account)
    assert mark == account_mark("anthropic", account) and len(mark) == 32
    assert account not in mark and account[:8] not in mark
    assert mark not in (account_mark("openai", account), account_mark("anthropic", account[:-1]))
    assert account_mark("anthropic", "") == ""


@pytest.mark.parametrize(
    ("minutes", "name"),
    [(0, "short"), (-5, "short"), (300, "5 hours"), (10080, "7 days"), (1440, "1 days"), (90, "90 minutes")],
)
def test_a_window_is_called_by_how_long_it_is(minutes: int, name: str) -> None:
    assert window_name(minutes, "short") == name


def test_what_an_older_companion_says_is_still_understood() -> None:
    told = msgspec.json.decode(b'{"state":"ok","account":"max"}', type=Health)
    assert (told.mark, told.told_us) == ("", 0)
