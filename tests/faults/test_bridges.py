"""Bridges that break: a gateway, two machines with a companion each, and a vendor's program on both.

All of them are processes of their own but the vendor, which a test plays. What the link does by itself is in
`tests/companion`; when certificates and links are wrong from the start, in `test_links.py`.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from bridges.claude.claude_stage import END, Json, piece, says
from faults.asking import DIALECTS, Asking
from faults.desks import CONFIGURATION, Desk, asked, begun, eventually, joined, tells
from gateway_process import GatewayProcess

_MIB = 1024 * 1024
_HELD = [*says("so far", "", number=0), {"until": "never"}]
_REFUSED: list[Json] = [
    {"type": "assistant", "message": {}, "error": "authentication_failed", "api_error_status": 401},
    {"type": "result", "is_error": True, "num_turns": 1},
]
_ENDLESS = [
    *says("", "", number=0),
    {
        "again": piece(
            type="content_block_delta", index=0, delta={"type": "text_delta", "text": "no end " * 3000}
        )
    },
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), CONFIGURATION) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def desks(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Desk]]:
    with joined(tmp_path_factory.mktemp("desks"), gateway, "box", "mac") as (box, mac):
        yield box, mac


@pytest.fixture
def box(desks: tuple[Desk, Desk]) -> Desk:
    return desks[0]


@pytest.fixture
def mac(desks: tuple[Desk, Desk]) -> Desk:
    return desks[1]


def status_of(gateway: GatewayProcess, model: str) -> list[object]:
    """Return how the requests for a model stand in the ledger."""
    return [row["status"] for row in gateway.rows() if model.endswith(str(row["model"]))]


@pytest.mark.fault("B6")
def test_two_machines_with_a_bridge_of_one_name(gateway: GatewayProcess, box: Desk, mac: Desk) -> None:
    models = [desk.play("b6", tells(f"This is {desk.name}.")) for desk in (box, mac)]
    assert models == ["claude/b6", "claude@mac/b6"]
    for model, text in zip(models, ("This is box.", "This is mac."), strict=True):
        reply = asked(gateway, model)
        assert Asking("chat", model, False).text(reply) == text
    assert asked(gateway, "claude@nobody/b6").status == 404


@pytest.mark.fault("B1")
def test_a_machine_that_is_gone_is_unreachable_and_the_other_answers_on(
    gateway: GatewayProcess, box: Desk, mac: Desk, report: Callable[[str], None]
) -> None:
    here, there = (desk.play("b1", tells("Here.")) for desk in (box, mac))
    assert asked(gateway, there).status == 200
    answers: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(lambda: answers.extend(asked(gateway, here).status for _ in range(25)))
        mac.stop(signal.SIGKILL)
        took = mac.until("unreachable", 5)
        began = time.monotonic()
        reply = asked(gateway, there)
        assert time.monotonic() - began < 1, "nobody waits for who is not there"
        others.result()
    assert answers == [200] * 25
    report(f"B1: a companion that was killed is unreachable after {took:.2f} s; 25 of 25 others answered")
    assert "agent_offline_since 20" in mac.state[1]
    message = str(reply.error()["message"])
    assert reply.status == 502 and "agent_offline_since" in message and "mac" in message
    mac.start()
    mac.until("ok")
    assert asked(gateway, there).status == 200


@pytest.mark.fault("B5")
def test_a_laptop_that_sleeps_in_mid_stream(
    gateway: GatewayProcess, mac: Desk, report: Callable[[str], None]
) -> None:
    model = mac.play("b5", _HELD)
    programs = len(mac.process.children(recursive=True))
    with ExitStack() as stack:
        streams = {
            dialect: stack.enter_context(begun(gateway, model, dialect, "so far")) for dialect in DIALECTS
        }
        mac.process.send_signal(signal.SIGSTOP)
        asleep = time.monotonic()
        for dialect, client in streams.items():
            reply, asking = client.read_reply(), Asking(dialect, model, True)
            assert reply.status == 200 and asking.text(reply) == "so far"
            assert asking.error(reply) and not asking.ends_well(reply), reply.body[-300:]
        told = time.monotonic() - asleep
        assert told < 6
    assert mac.until("unreachable", 5) < 5
    eventually(lambda: status_of(gateway, "b5") == ["truncated"] * len(DIALECTS))
    mac.process.send_signal(signal.SIGCONT)
    back = mac.until("ok", 5)
    report(
        f"B5: five dialects told of a sleeping machine after {told:.2f} s; back {back:.2f} s after it woke"
    )
    mac.play("b5-awake", tells("Good morning."))
    assert asked(gateway, f"{mac.provider}/b5-awake").status == 200
    # what was asked before it slept goes on costing nothing
    eventually(lambda: len(mac.process.children(recursive=True)) <= programs + 2, 10)


@pytest.mark.fault("B7")
def test_an_answer_without_end_is_cut_and_nobody_grows_by_it(
    gateway: GatewayProcess, mac: Desk, report: Callable[[str], None]
) -> None:
    model = mac.play("b7", _ENDLESS)
    before = sizes(gateway, mac)
    most = [0, 0]
    with begun(gateway, model, "chat", "no end"), begun(gateway, model, "chat", "no end") as client:
        passed, tail, looked = 0, b"", time.monotonic()
        while not tail.endswith(b"0\r\n\r\n"):  # the first client reads nothing any more
            data = client.sock.recv(_MIB)
            passed, tail = passed + len(data), (tail + data)[-4096:]
            if time.monotonic() - looked > 0.1:
                looked = time.monotonic()
                grown = (now - then for now, then in zip(sizes(gateway, mac), before, strict=True))
                most = [max(pair) for pair in zip(most, grown, strict=True)]
    grew = " and ".join(f"{each / _MIB:.1f}" for each in most)
    report(f"B7: cut off after {passed / _MIB:.1f} MiB; gateway and companion grew by {grew} MiB")
    assert 32 * _MIB < passed < 80 * _MIB
    assert b"error" in tail and b"is over" in tail and b"[DONE]" not in tail, tail
    assert most[0] < 32 * _MIB, f"the gateway grew by {most[0]} bytes"
    assert most[1] < 128 * _MIB, f"the companion grew by {most[1]} bytes: it keeps one answer"
    eventually(lambda: len(status_of(gateway, model)) == 2)
    assert asked(gateway, mac.play("b7-after", tells("Enough."))).status == 200


def sizes(gateway: GatewayProcess, desk: Desk) -> tuple[int, int]:
    """Return what a gateway and a companion have in memory."""
    return gateway.status_kib("VmRSS") * 1024, desk.process.memory_info().rss


@pytest.mark.fault("B9")
def test_a_login_that_has_ended_is_one_notice(gateway: GatewayProcess, box: Desk) -> None:
    model = box.play("b9", _REFUSED)
    box.vendor.tell(login={"loggedIn": False})
    for _ in range(20):
        reply = asked(gateway, model)
        assert reply.status == 401, reply
        assert "llm-gateway login claude" in str(reply.error()["message"])
    assert box.until("auth_required", 5) < 5
    assert notices(gateway) == [("warning", "claude", "auth_required")]
    box.vendor.tell(login={"loggedIn": True, "authMethod": "claude.ai", "subscriptionType": "max"})
    again = box.play("b9-again", tells("Welcome back."))
    assert asked(gateway, again).status == 200
    box.until("ok")
    eventually(lambda: len(notices(gateway)) == 2)
    assert notices(gateway)[1:] == [("info", "claude", None)]


def notices(gateway: GatewayProcess) -> list[tuple[str, str, str | None]]:
    """Return what the log has told of bridges."""
    lines = [json.loads(line) for line in gateway.stderr().splitlines() if line.startswith("{")]
    return [
        (line["level"], line["name"], line.get("state"))
        for line in lines
        if str(line["event"]).startswith("a bridge ")
    ]


_ODD: dict[str, list[Json]] = {
    "nothing that is known": [{"type": "turn.v2", "text": "Hello."}, END],
    "no JSON": [{"stderr": "panic"}, {"exit": 0}],
    "an end without an answer": [END],
    "another form of an event": [
        piece(type="message_start", message={"id": 7, "model": None}),
        piece(type="content_block_delta", index="first", delta={"kind": "text", "words": "Hello."}),
        END,
    ],
    "a start and an end": [says("x")[0], END],
}


@pytest.mark.fault("B10")
@pytest.mark.parametrize("odd", _ODD)
def test_a_vendor_that_speaks_otherwise_is_no_polite_answer(
    gateway: GatewayProcess, box: Desk, odd: str
) -> None:
    model = box.play(f"b10-{list(_ODD).index(odd)}", _ODD[odd])
    whole = asked(gateway, model)
    assert whole.status >= 500, whole
    assert str(whole.error()["message"]).count(" ") > 4, "a sentence for a person"
    stream, asking = asked(gateway, model, stream=True), Asking("chat", model, True)
    assert asking.error(stream) and not asking.ends_well(stream), stream


@pytest.mark.fault("B10")
def test_what_is_new_beside_what_is_known_is_passed_over(gateway: GatewayProcess, box: Desk) -> None:
    new = {"type": "stream_event", "event": {"type": "vendor_hint", "hint": 1}, "parent_tool_use_id": None}
    known = tells("Hello.")
    model = box.play("b10-new", [known[0], new, {"type": "mood", "mood": "good"}, *known[1:]])
    reply = asked(gateway, model)
    assert reply.status == 200 and Asking("chat", model, False).text(reply) == "Hello."


@pytest.mark.fault("B2")
def test_a_vendors_program_that_is_too_old(gateway: GatewayProcess, box: Desk) -> None:
    model = box.play("b2", tells("Hello."))
    box.vendor.tell(version="1.0.0")
    box.vendor.program.touch()
    try:
        reply = asked(gateway, model)
        message = str(reply.error()["message"])
        assert reply.status == 502 and "1.0.0 is installed" in message and "claude update" in message
        assert box.until("version_mismatch", 10) < 10
    finally:
        box.vendor.tell(version="2.1.330")
        box.vendor.program.touch()
    assert asked(gateway, model).status == 200
