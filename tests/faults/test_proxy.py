"""The proxy does the damage that its plan says, and none without one."""

from random import Random

import pytest

from faults.proxy import FaultProxy, Plan, drawn
from rawhttp import RawClient, request
from scripted import ScriptedUpstream, chat, wording

_ANSWER = wording.response(200, chat.completion("m"))


def through(plan: Plan, *, patience: float = 5.0) -> tuple[bytes, str]:
    asking = request("POST", "/v1/chat/completions", body=b'{"model":"m"}', headers=[("connection", "close")])
    with ScriptedUpstream() as upstream, FaultProxy(upstream.port) as proxy:
        upstream.queue(chat.plain("m"))
        proxy.queue(plan)
        with RawClient(proxy.port) as client:
            client.send(asking)
            if plan.harmless() or plan.corrupt:
                client.read_until(b"kept")
                return client.read_to_end(0.1)
            return client.read_to_end(patience)


@pytest.mark.parametrize("plan", [Plan(), Plan(delay=0.05), Plan(rate=20_000)], ids=["none", "late", "slow"])
def test_a_harmless_plan_changes_no_byte(plan: Plan) -> None:
    assert through(plan)[0] == _ANSWER


@pytest.mark.parametrize("at", [0, 1, 17, 300])
def test_it_cuts_where_it_is_told_to(at: int) -> None:
    assert through(Plan(after=at, ending="cut")) == (_ANSWER[:at], "closed")


def test_it_resets() -> None:
    assert through(Plan(after=100, ending="reset"))[1] == "reset"


def test_it_hangs_until_its_client_leaves() -> None:
    assert through(Plan(after=100, ending="hang"), patience=0.3) == (_ANSWER[:100], "open")


def test_it_turns_bytes_over() -> None:
    data, _ = through(Plan(corrupt=frozenset((20, 30))))
    assert [at for at, (one, two) in enumerate(zip(data, _ANSWER, strict=True)) if one != two] == [20, 30]


def test_a_seed_repeats_its_plans() -> None:
    plans = [drawn(Random(7), 500) for _ in range(2)]
    assert plans[0] == plans[1]
    assert len({drawn(Random(seed), 500).ending for seed in range(50)}) == 4
