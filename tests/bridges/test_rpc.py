"""JSON-RPC by lines with a real program: both ways, its errors, and what becomes of who waits at its end."""

import asyncio

import msgspec
import pytest

from bridges.rpc_stage import Line, played
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.rpc import METHOD_NOT_FOUND, RpcRefused

ECHO = "for m in lines(): say(id=m['id'], result={'said': m})"


class Answer(msgspec.Struct):
    said: dict[str, object]


class Number(msgspec.Struct):
    said: int


@pytest.mark.parametrize("marked", [False, True])
def test_an_answer_comes_to_who_asked(marked: bool) -> None:
    async def scene(line: Line) -> None:
        answers = await asyncio.gather(*(line.rpc.ask("m", {"n": n}, Answer) for n in range(20)))
        assert [answer.said["params"] for answer in answers] == [{"n": n} for n in range(20)]
        assert all(("jsonrpc" in answer.said) is marked for answer in answers)

    played(ECHO, scene, marked=marked)


def test_answers_come_in_any_order() -> None:
    async def scene(line: Line) -> None:
        first, second = await asyncio.gather(line.rpc.ask("a", None, Answer), line.rpc.ask("b", None, Answer))
        assert (first.said["method"], second.said["method"]) == ("a", "b")

    played(
        "two = [next(lines()), next(lines())]\nfor m in two[::-1]: say(id=m['id'], result={'said': m})", scene
    )


def test_both_sides_tell_and_ask() -> None:
    program = """
say(method="greets", params={"text": "hello"})
say(method="bare")
say(id="r-1", method="approve", params={"x": 1})
say(id=7, method="other")
for m in lines(): say(method="got", params=m)
"""

    async def scene(line: Line) -> None:
        await line.heard.until(lambda heard: len(heard.requests) == 2)
        assert line.heard.notices == [("greets", b'{"text": "hello"}'), ("bare", b"{}")]
        first, second = line.heard.requests
        assert (first.id, first.method, bytes(first.params)) == ("r-1", "approve", b'{"x": 1}')
        await line.rpc.answer(first, {"decision": "decline"})
        await line.rpc.decline(second, METHOD_NOT_FOUND, "no such method")
        await line.rpc.tell("initialized")
        await line.rpc.tell("cancelled", {"why": "x"})
        await line.heard.until(lambda heard: len(heard.notices) == 6)
        assert [msgspec.json.decode(params) for _, params in line.heard.notices[2:]] == [
            {"id": "r-1", "result": {"decision": "decline"}},
            {"id": 7, "error": {"code": METHOD_NOT_FOUND, "message": "no such method"}},
            {"method": "initialized"},
            {"method": "cancelled", "params": {"why": "x"}},
        ]

    played(program, scene)


def test_an_error_is_told_with_its_code_and_without_its_words() -> None:
    async def scene(line: Line) -> None:
        with pytest.raises(RpcRefused) as refused:
            await line.rpc.ask("m", None, Answer)
        assert (refused.value.code, refused.value.message) == (-32001, "for person@example.com")
        assert "person" not in str(refused.value)

    played("say(id=next(lines())['id'], error={'code': -32001, 'message': 'for person@example.com'})", scene)


@pytest.mark.fault("B10")
def test_an_answer_of_another_form_says_which_method_and_where() -> None:
    async def scene(line: Line) -> None:
        with pytest.raises(BridgeFault, match=r"`m` in a form .*\$\.said") as fault:
            await line.rpc.ask("m", None, Number)
        assert fault.value.kind == "version_mismatch"
        assert (await line.rpc.ask("m", None, Answer)).said["method"] == "m", "the line goes on"

    played(ECHO, scene)


def test_its_end_is_told_to_everybody_who_waits() -> None:
    async def scene(line: Line) -> None:
        asks = [line.rpc.ask("m", None, Answer) for _ in range(3)]
        faults = await asyncio.gather(*asks, return_exceptions=True)
        assert {getattr(fault, "kind", "") for fault in faults} == {"bridge_failed"}
        await line.reading
        assert line.heard.fault is line.rpc.fault is not None
        for late in (line.rpc.ask("m", None, Answer), line.rpc.tell("m")):
            with pytest.raises(BridgeFault, match="ended by itself"):
                await late

    played("for _ in range(3): next(lines())", scene)


def test_stopping_the_reading_ends_who_waits() -> None:
    async def scene(line: Line) -> None:
        async def asked() -> None:
            with pytest.raises(BridgeFault, match="was stopped"):
                await line.rpc.ask("m", None, Answer)

        ask = line.tasks.start("asking", asked())
        await line.heard.until(lambda heard: bool(heard.notices))
        line.reading.cancel()
        await ask

    played("next(lines()); say(method='heard'); list(lines())", scene)


def test_silence_has_an_end_and_what_comes_late_is_nobodys() -> None:
    program = """
m = next(lines())
next(lines())
say(id=m["id"], result={"said": {}})
say(id=999, result={})
say(id=None, error={"code": -32700, "message": "parse error"})
for m in lines(): say(id=m["id"], result={"said": m})
"""

    async def scene(line: Line) -> None:
        with pytest.raises(BridgeFault, match=r"did not answer `m` within 0\.05 seconds") as fault:
            await line.rpc.ask("m", None, Answer, within=0.05)
        assert fault.value.kind == "upstream_timeout"
        await line.rpc.tell("go on")
        assert (await line.rpc.ask("n", None, Answer)).said["method"] == "n"

    played(program, scene)


def test_a_few_words_before_the_protocol_are_nothing() -> None:
    async def scene(line: Line) -> None:
        assert (await line.rpc.ask("m", None, Answer)).said["method"] == "m"

    played("print('Welcome!\\n\\n[1]\\n{\"method\": 3}')\n" + ECHO, scene)


@pytest.mark.fault("B2")
def test_another_protocol_is_another_version() -> None:
    async def scene(line: Line) -> None:
        with pytest.raises(BridgeFault, match="does not speak the protocol") as fault:
            await line.rpc.ask("m", None, Answer)
        assert fault.value.kind == "version_mismatch"

    played("next(lines())\nfor _ in range(200): print('HTTP/1.1 400', flush=True)\nlist(lines())", scene)


def test_too_many_requests_are_refused() -> None:
    async def scene(line: Line) -> None:
        waiting = [line.tasks.start("asking", line.rpc.ask("m", None, Answer)) for _ in range(1024)]
        await line.heard.until(lambda heard: len(heard.notices) == 1024)
        with pytest.raises(BridgeFault) as fault:
            await line.rpc.ask("m", None, Answer)
        assert fault.value.kind == "bridge_busy"
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert (await line.rpc.ask("n", None, Answer)).said["method"] == "n", "room is made again"

    played(
        "for m in lines(): say(method='m') if m['method'] == 'm' else say(id=m['id'], result={'said': m})",
        scene,
    )
