"""Traffic that moves from a plan to a key that is billed is noticed; whoever uses both is left alone."""

from llm_gateway.pipeline.plan_switches import Switch, Use, switches

AT = 480_000


def plan(hour: int, requests: int = 10, *, client: str = "claude-code", caller: str = "ada") -> Use:
    return Use(client, caller, "claude-login", AT + hour, billed=False, requests=requests)


def key(
    hour: int, requests: int = 10, *, cost: int = 5, client: str = "claude-code", caller: str = "ada"
) -> Use:
    return Use(client, caller, "anthropic", AT + hour, billed=True, requests=requests, cost_nano=cost)


def test_a_silent_move_is_told_with_what_it_costs() -> None:
    found = switches([plan(0), plan(1), key(3), key(9, 20, cost=7)])
    assert found == [Switch("claude-code", "ada", "claude-login", "anthropic", AT + 3, 30, 12)]


def test_within_one_hour_it_is_a_move_too() -> None:
    assert [each.hour for each in switches([plan(0), plan(1), key(1)])] == [AT + 1]


def test_who_went_back_has_not_moved() -> None:
    assert switches([plan(0), key(3), plan(5)]) == []


def test_who_used_both_before_has_not_moved() -> None:
    assert switches([plan(0), key(0, 5), plan(1), key(2)]) == []


def test_a_day_in_between_is_no_silent_move() -> None:
    assert switches([plan(0), key(25)]) == []
    assert switches([plan(0), key(24)])


def test_a_handful_is_nothing() -> None:
    assert switches([plan(0, 4), key(1)]) == []
    assert switches([plan(0), key(1, 2)]) == []
    assert switches([plan(0, 0), key(1)]) == []


def test_each_client_of_each_caller_is_looked_at_alone() -> None:
    other = [key(1, client="cline"), plan(0, caller="bob"), plan(3, caller="bob")]
    assert switches([plan(0), *other]) == []
    found = switches([plan(0), key(1), plan(0, caller="bob"), key(2, caller="bob"), *other[:1]])
    assert [(each.caller, each.hour) for each in found] == [("bob", AT + 2), ("ada", AT + 1)]


def test_who_only_ever_paid_by_tokens_has_not_moved() -> None:
    assert switches([key(0), key(1)]) == []
    assert switches([plan(0), plan(1)]) == []
