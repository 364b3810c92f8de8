"""Conversations over one WebSocket: turns, what they go on from, warm-ups, lanes, and what is no request."""

import json
from pathlib import Path

import pytest

from llm_gateway.dialects.registry import DIALECTS
from rawhttp import parse_replies
from scripted import responses
from socket_stage import Place, talking
from upstream_answers import UPSTREAMS
from websocket_peer import WebSocketPeer, opening

Json = dict[str, object]
TOOLS = [{"type": "function", "name": "lookup", "parameters": {"type": "object"}}]
RESULT = {"type": "function_call_output", "call_id": "", "output": "sonnig"}
ENDS = ("response.completed", "response.incomplete", "response.failed", "error")


def ask(peer: WebSocketPeer, model: str, said: object = "hi", **fields: object) -> None:
    peer.send_json(type="response.create", model=f"{model}/m", input=said, **fields)


async def answer(peer: WebSocketPeer) -> Json:
    """Return the response object that a turn ends with."""
    *_, last = await peer.until(*ENDS)
    assert last["type"] == "response.completed", last
    response = last["response"]
    assert isinstance(response, dict)
    return response


async def error(peer: WebSocketPeer) -> Json:
    """Return the one message that says what is wrong, with its error's members in it."""
    message = await peer.json()
    assert message["type"] == "error", message
    said = message["error"]
    assert isinstance(said, dict) and said["message"] and said["type"]
    return {**said, **message}


def text_of(response: Json) -> str:
    output = response["output"]
    assert isinstance(output, list)
    parts = [part for item in output if item["type"] == "message" for part in item["content"]]
    return "".join(part["text"] for part in parts)


def user(text: str) -> Json:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


# a turn


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_turn_is_answered_event_by_event_and_settled_before_its_end(tmp_path: Path, dialect: str) -> None:
    async def scene(place: Place) -> None:
        async with place.open("User-Agent: codex_exec/0.169.0") as peer:
            ask(peer, dialect)
            first, *between, last = await peer.until(*ENDS)
            assert len(place.stage.settlements()) == 1, "the end is on record before it is told"
            assert (first["type"], last["type"]) == ("response.created", "response.completed")
            assert "response.output_item.done" in [event["type"] for event in between]
            deltas = [event["delta"] for event in between if event["type"] == "response.output_text.delta"]
            response = last["response"]
            assert isinstance(response, dict)
            assert "".join(map(str, deltas)).strip() == text_of(response).strip() == UPSTREAMS[dialect].text
            assert (response["usage"]["input_tokens"], response["usage"]["output_tokens"]) == (40, 12)
            (turn,) = await place.turns()
            headers = first["headers"]
            assert isinstance(headers, dict)
            assert headers["x-llm-gateway-request-id"] == turn.intent.id
            assert headers["x-llm-gateway-provider"] == dialect
            assert "headers" not in last
        assert (turn.intent.dialect, turn.intent.client, turn.intent.stream) == (
            "responses",
            "codex-cli",
            True,
        )
        end = turn.settlement
        assert end is not None and end.usage is not None
        assert (end.outcome, end.provider, end.http_status) == ("ok", dialect, 200)
        used = end.usage
        assert (used.uncached + used.cache_read + used.cache_write, used.output) == (40, 12)
        assert end.response_bytes > 0

    talking(tmp_path, scene)


def test_the_upstream_gets_a_request_like_any_other(tmp_path: Path) -> None:
    """The envelope's members and what opened the socket are not of the request."""

    async def scene(place: Place) -> None:
        beta = "OpenAI-Beta: responses_websockets=2026-02-06, other=v1"
        async with place.open(beta, "Session-Id: s1", "Sec-WebSocket-Extensions: x") as peer:
            ask(peer, "responses", stream_id="l", generate=True, store=False, x_new={"a": [1.50]})
            await answer(peer)
        (asked,) = place.scripted.asked()
        assert asked.target == "/v1/responses"
        assert asked.json() == {
            "model": "m", "input": "hi", "stream": True, "store": False, "x_new": {"a": [1.5]},
        }  # fmt: skip
        assert (asked.header("openai-beta"), asked.header("session-id")) == ("other=v1", "s1")
        assert asked.header("content-type") == "application/json"
        gone = {"upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"}
        assert asked.header_names().isdisjoint(gone)

    talking(tmp_path, scene)


@pytest.mark.parametrize("target", ["/responses", "/v1/v1/responses"])
def test_it_is_spoken_on_every_path_of_responses(tmp_path: Path, target: str) -> None:
    async def scene(place: Place) -> None:
        async with place.open(target=target) as peer:
            ask(peer, "chat")
            await answer(peer)

    talking(tmp_path, scene)


def test_deflated_requests_are_understood(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
        async with place.open(offer) as peer:
            assert b"permessage-deflate" in peer.head
            for said in ("x" * 50_000, "y" * 50_000):
                ask(peer, "responses", said)
                await answer(peer)
        assert [request.json()["input"] for request in place.scripted.asked()] == ["x" * 50_000, "y" * 50_000]

    talking(tmp_path, scene)


# going on


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_turn_goes_on_from_an_earlier_one_with_what_is_new_alone(tmp_path: Path, dialect: str) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            ask(peer, dialect, "how is the weather", tools=TOOLS)
            first = await answer(peer)
            output = first["output"]
            assert isinstance(output, list)
            (call,) = [item for item in output if item["type"] == "function_call"]
            result = {**RESULT, "call_id": call["call_id"]}
            ask(peer, dialect, [result], tools=TOOLS, previous_response_id=first["id"])
            second = await answer(peer)
            assert text_of(second).strip() == UPSTREAMS[dialect].text
            ask(peer, dialect, "thanks", tools=TOOLS, previous_response_id=second["id"])
            await answer(peer)
        bodies = [request.body.decode() for request in place.scripted.asked()]
        news: tuple[tuple[str, ...], ...] = ((), ("sonnig",), ("sonnig", "thanks"))
        for body, told in zip(bodies, news, strict=True):
            assert all(word in body for word in ("how is the weather", *told))
            assert "previous_response_id" not in body
        if dialect == "responses":
            said = user("how is the weather")
            assert json.loads(bodies[1])["input"] == [said, *output, result]
            assert json.loads(bodies[2])["input"] == [
                said, *output, result, responses.message(), user("thanks"),
            ]  # fmt: skip
        assert len(await place.turns()) == 3

    talking(tmp_path, scene)


def test_two_turns_may_go_on_from_the_same_one_and_nothing_is_new_input_too(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            ask(peer, "chat", "root")
            root = (await answer(peer))["id"]
            news: tuple[object, ...] = ("left", "right", None, [])
            for said in news:
                ask(peer, "responses", said, previous_response_id=root)
                await answer(peer)
        inputs = [json.dumps(request.json().get("input")) for request in place.scripted.asked()[1:]]
        assert all("root" in each for each in inputs)
        assert ["left" in each for each in inputs] == [True, False, False, False]
        assert ["right" in each for each in inputs] == [False, True, False, False]

    talking(tmp_path, scene)


@pytest.mark.parametrize("store", [False, True])
def test_thinking_that_only_a_store_could_know_goes_back_to_a_store_alone(
    tmp_path: Path, store: bool
) -> None:
    items = [responses.reasoning(encrypted=None), responses.reasoning(), responses.message()]

    async def scene(place: Place) -> None:
        place.scripted.queue(responses.stream(responses.events("m", items)))
        async with place.open() as peer:
            ask(peer, "responses", store=store)
            first = await answer(peer)
            ask(peer, "responses", "more", store=store, previous_response_id=first["id"])
            await answer(peer)
        sent = place.scripted.asked()[1].json()["input"]
        assert sent == [user("hi"), *(items if store else items[1:]), user("more")]

    talking(tmp_path, scene)


@pytest.mark.parametrize("dialect", ["responses", "chat"])
def test_a_warm_up_generates_nothing_and_can_be_gone_on_from(tmp_path: Path, dialect: str) -> None:
    """Codex sends its first, large input so, and then only what is new (seen with 0.169.0)."""

    async def scene(place: Place) -> None:
        async with place.open() as peer:
            ask(peer, dialect, [user("the rules")], generate=False, stream_id="w")
            told = await peer.until(*ENDS)
            assert [event["type"] for event in told] == ["response.created", "response.completed"]
            assert {event["stream_id"] for event in told} == {"w"}
            warm = told[-1]["response"]
            assert isinstance(warm, dict)
            assert (warm["output"], warm["usage"]["total_tokens"], warm["status"]) == ([], 0, "completed")
            assert place.scripted.asked() == [] and await place.turns() == [], "it cost nothing"
            ask(peer, dialect, [user("the task")], previous_response_id=warm["id"])
            await answer(peer)
        (asked,) = place.scripted.asked()
        assert asked.body.index(b"the rules") < asked.body.index(b"the task")
        assert len(await place.turns()) == 1

    talking(tmp_path, scene)


def test_a_warm_up_may_be_empty(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            ask(peer, "responses", [], generate=False)
            warm = await answer(peer)
            ask(peer, "responses", "hi", previous_response_id=warm["id"])
            await answer(peer)
        assert place.scripted.asked()[0].json()["input"] == "hi"

    talking(tmp_path, scene)


def test_no_connection_goes_on_from_anothers_answer(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as mine, place.open() as other:
            ask(mine, "responses")
            answered = (await answer(mine))["id"]
            for unknown in (answered, "resp_nobody"):
                ask(other, "responses", previous_response_id=unknown, stream_id="l")
                told = await error(other)
                assert (told["status"], told["code"]) == (400, "previous_response_not_found")
                assert (told["param"], told["stream_id"]) == ("previous_response_id", "l")
            ask(other, "responses")
            await answer(other)
        assert len(place.scripted.asked()) == len(await place.turns()) == 2

    talking(tmp_path, scene)


def test_what_a_connection_keeps_is_bounded_by_what_can_be_sent(tmp_path: Path) -> None:
    """The stage takes a mebibyte."""

    async def scene(place: Place) -> None:
        async with place.open() as peer:
            ids = []
            for letter in "ab":
                ask(peer, "responses", letter * 600_000)
                ids.append((await answer(peer))["id"])
                place.scripted.queue(
                    responses.stream(
                        [event.replace(b"scripted_1", b"2nd") for event in responses.events("m")]
                    )
                )
            ask(peer, "responses", "more", previous_response_id=ids[0])
            assert (await error(peer))["code"] == "previous_response_not_found"
            ask(peer, "responses", "more", previous_response_id=ids[1])
            await answer(peer)
            ask(peer, "responses", "c" * 600_000, previous_response_id=ids[1])
            told = await error(peer)
            assert (told["status"], told["code"]) == (413, "body_too_large")

    talking(tmp_path, scene)


# lanes, steering


def test_lanes_are_told_apart_and_answered_in_order(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            for lane, model in (("left", "chat"), ("right", "responses"), ("left", "nobody")):
                ask(peer, model, stream_id=lane)
            for lane, end in (
                ("left", "response.completed"),
                ("right", "response.completed"),
                ("left", "error"),
            ):
                events = await peer.until(*ENDS)
                assert events[-1]["type"] == end
                assert {event["stream_id"] for event in events} == {lane}

    talking(tmp_path, scene)


def test_input_that_is_to_steer_an_answer_is_given_back(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            peer.send_json(type="response.processed", response_id="resp_1")
            peer.send_json(type="response.steer", previous_response_id="resp_1", input=[user("left!")])
            told = await peer.json()
            assert told["type"] == "response.steer.failed"
            assert told["steer"] == {"previous_response_id": "resp_1", "input": [user("left!")]}
            said = told["error"]
            assert isinstance(said, dict)
            assert (said["code"], said["type"]) == ("steering_not_supported", "invalid_request_error")

    talking(tmp_path, scene)


# what is no request


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("{", None),
        ("[]", None),
        ('{"type":"response.create","model":"a","model":"b"}', None),
        ("{}", "type"),
        ('{"type":1}', "type"),
        ('{"type":"response.cancel"}', "type"),
        ('{"type":"response.create","input":"hi"}', "model"),
        ('{"type":"response.create","generate":false}', "model"),
        ('{"type":"response.create","model":"chat/m","input":1}', "input"),
        ('{"type":"response.create","model":"chat/m","stream_id":1}', "stream_id"),
        ('{"type":"response.create","model":"chat/m","stream_id":""}', "stream_id"),
        ('{"type":"response.create","model":"chat/m","stream_id":"%s"}' % ("x" * 257), "stream_id"),
        ('{"type":"response.create","model":"chat/m","previous_response_id":1}', "previous_response_id"),
        ('{"type":"response.create","model":"chat/m","conversation":"conv_1"}', "conversation"),
    ],
)
def test_what_is_no_request_is_told_and_the_next_one_is_answered(
    tmp_path: Path, message: str, param: str | None
) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            peer.send(message)
            told = await error(peer)
            assert (told["status"], told["code"], told["param"]) == (400, "invalid_request", param)
            ask(peer, "chat")
            await answer(peer)
        assert len(await place.turns()) == 1
        assert b'kind="invalid_request"} 1' in place.stage.metrics.render()

    talking(tmp_path, scene)


# the handshake


@pytest.mark.parametrize("key", ["", "lgw_wrong"])
def test_who_has_no_key_gets_no_socket(tmp_path: Path, key: str) -> None:
    async def scene(place: Place) -> None:
        (reply,) = parse_replies(await place.say(opening(key=key)))
        assert (reply.status, reply.error()["code"]) == (401, "invalid_api_key")
        assert reply.header("www-authenticate") == "Bearer"

    talking(tmp_path, scene)


def test_another_version_is_refused_with_the_one_that_is_spoken(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        (reply,) = parse_replies(await place.say(opening(key=place.stage.key, version="8")))
        assert (reply.status, reply.error()["code"]) == (426, "upgrade_refused")
        assert reply.header("sec-websocket-version") == "13"
        assert reply.header("upgrade") == "websocket" and reply.header("connection") == "upgrade"

    talking(tmp_path, scene)


@pytest.mark.parametrize("target", ["/v1/chat/completions", "/v1/messages", "/v1/responses/compact", "/"])
def test_nothing_else_is_spoken_over_a_socket(tmp_path: Path, target: str) -> None:
    async def scene(place: Place) -> None:
        (reply,) = parse_replies(await place.say(opening(target, key=place.stage.key)))
        assert reply.status == 426

    talking(tmp_path, scene)
