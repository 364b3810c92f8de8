"""The official OpenAI SDK, unchanged, with a key that keeps content.

Turns that go on from each other over providers of every language, what is fetched and deleted, and what a
restart and a kill leave.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import openai
import pytest
from openai.types.responses import Response

from gateway_process import TOKEN, GatewayProcess, configuration
from llm_gateway.content.rows import database_of
from llm_gateway.vault import load_owner_token
from rawhttp import request
from scripted import ScriptedUpstream, Send, responses
from scripted.wording import response
from upstream_answers import UPSTREAMS

MARK = "A MARK THAT NO FILE MAY SHOW"
CHAINED = ("chat", "messages", "responses", "gemini", "ollama")


@pytest.fixture(scope="module")
def _upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",), tuple(each.responder for each in UPSTREAMS.values())) as upstream:
        yield upstream


@pytest.fixture
def upstream(_upstream: ScriptedUpstream) -> ScriptedUpstream:
    _upstream.forget()
    return _upstream


def started(upstream: ScriptedUpstream, home: Path, settings: str = "") -> GatewayProcess:
    rows = [
        f'[[providers]]\nname = "up-{name}"\nbase_url = "{upstream.url}"\ndialects = ["{name}"]\n'
        f'api_key_env = "SCRIPTED_API_KEY"\nmodels = ["m"]\n'
        for name in UPSTREAMS
    ]
    return GatewayProcess(home, configuration(upstream.url, more="\n".join([settings, *rows])))


@pytest.fixture(scope="module")
def gateway(
    _upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    with started(_upstream, tmp_path_factory.mktemp("kept")) as gateway:
        yield gateway


def made(gateway: GatewayProcess, name: str, days: int = 7) -> str:
    """Return a new key that keeps its content for so many days."""
    owner = load_owner_token(gateway.home / "gateway")
    assert owner is not None
    body = json.dumps({"name": name, "keep_content_days": days}).encode()
    with gateway.client() as client:
        client.send(request("POST", "/api/keys", body=body, key=owner.reveal()))
        return str(client.read_reply().json()["key"])


def sdk_of(gateway: GatewayProcess, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0, timeout=30)


@pytest.fixture
def sdk(gateway: GatewayProcess) -> Iterator[openai.OpenAI]:
    with sdk_of(gateway, made(gateway, "ada")) as sdk:
        yield sdk


def ask(sdk: openai.OpenAI, dialect: str, said: str, before: str | None, *, stream: bool = False) -> Response:
    model = f"up-{dialect}/m"
    if not stream:
        return sdk.responses.create(model=model, input=said, previous_response_id=before)
    with sdk.responses.create(model=model, input=said, previous_response_id=before, stream=True) as events:
        for event in events:
            if event.type == "response.completed":
                return event.response
    raise AssertionError("the stream had no end")


def named(upstream: ScriptedUpstream, names: Sequence[str], *, stream: bool) -> None:
    """Have the upstream that speaks `responses` give each answer an id of its own."""
    for name in names:
        if stream:
            events = [event.replace(responses.ID.encode(), name.encode()) for event in responses.events("m")]
            upstream.queue(responses.stream(events))
        else:
            whole = {**responses.completed("m"), "id": name}
            upstream.queue((Send(response(200, json.dumps(whole).encode())),))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", CHAINED)
def test_three_turns_over_every_language(
    sdk: openai.OpenAI, upstream: ScriptedUpstream, dialect: str, stream: bool
) -> None:
    if dialect == "responses":
        named(upstream, ("resp_a", "resp_b", "resp_c"), stream=stream)
    first = ask(sdk, dialect, "first words", None, stream=stream)
    second = ask(sdk, dialect, "second words", first.id, stream=stream)
    third = ask(sdk, dialect, "third words", second.id, stream=stream)
    assert third.output_text.strip() == UPSTREAMS[dialect].text
    bodies = [asked.body for asked in upstream.asked()]
    said = (b"first words", b"second words", b"third words")
    for turn, body in enumerate(bodies):
        assert [word in body for word in said] == [place <= turn for place in range(3)]
        assert b'"previous_response_id":"' not in body
    answer = json.dumps(UPSTREAMS[dialect].text, ensure_ascii=False)[1:-1].encode()
    escaped = json.dumps(UPSTREAMS[dialect].text)[1:-1].encode()
    assert bodies[2].count(answer) + bodies[2].count(escaped) >= 2
    kept = sdk.responses.retrieve(third.id)
    assert (kept.id, kept.previous_response_id, kept.status) == (third.id, second.id, "completed")
    assert kept.output == third.output
    if dialect != "responses":
        assert third.previous_response_id == second.id
        assert third.model_dump()["store"] is True


def test_a_branch_goes_on_from_any_answer(sdk: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    first = ask(sdk, "chat", "the root", None)
    ask(sdk, "messages", "one branch", first.id)
    ask(sdk, "gemini", "another branch", first.id)
    assert b"one branch" not in upstream.asked()[2].body and b"the root" in upstream.asked()[2].body


@pytest.mark.parametrize("dialect", ["chat", "messages", "gemini"])
def test_a_client_that_sends_ids_in_the_place_of_items(
    sdk: openai.OpenAI, upstream: ScriptedUpstream, dialect: str
) -> None:
    """As Vercel's AI SDK does, which takes it for granted that every answer is kept."""
    first = ask(sdk, dialect, "first words", None)
    (message,) = first.output
    assert message.id is not None
    sdk.responses.create(
        model=f"up-{dialect}/m",
        input=[
            {"role": "user", "content": "first words"},
            {"type": "item_reference", "id": message.id},
            {"role": "user", "content": "second words"},
        ],
    )
    body = upstream.asked()[-1].body
    answer = UPSTREAMS[dialect].text
    assert any(json.dumps(answer, ensure_ascii=way)[1:-1].encode() in body for way in (False, True))
    assert message.id.encode() not in body


def test_input_items_come_page_by_page(sdk: openai.OpenAI) -> None:
    first = ask(sdk, "chat", "first words", None)
    second = ask(sdk, "chat", "second words", first.id)
    page = sdk.responses.input_items.list(second.id, limit=2, order="asc")
    assert len(page.data) == 2 and page.has_more
    items = [item.model_dump() for item in sdk.responses.input_items.list(second.id, limit=2, order="asc")]
    assert [item["role"] for item in items] == ["user", "assistant", "user"]
    assert [item["content"][0]["text"].strip() for item in items] == [
        "first words",
        UPSTREAMS["chat"].text,
        "second words",
    ]
    backwards = [item.id for item in sdk.responses.input_items.list(second.id, limit=1)]
    assert backwards == [item["id"] for item in reversed(items)]


def test_what_is_deleted_is_gone(sdk: openai.OpenAI) -> None:
    first = ask(sdk, "chat", "first words", None)
    second = ask(sdk, "chat", "second words", first.id)
    sdk.responses.delete(first.id)
    for again in (
        lambda: sdk.responses.retrieve(first.id),
        lambda: sdk.responses.input_items.list(first.id),
        lambda: sdk.responses.delete(first.id),
    ):
        with pytest.raises(openai.NotFoundError, match="no response of this id is kept"):
            again()
    with pytest.raises(openai.BadRequestError) as refused:
        ask(sdk, "chat", "more", first.id)
    assert refused.value.code == "previous_response_not_found"
    assert sdk.responses.retrieve(second.id).id == second.id


def test_one_key_sees_nothing_of_another(gateway: GatewayProcess, sdk: openai.OpenAI) -> None:
    first = ask(sdk, "chat", "first words", None)
    told = []
    with sdk_of(gateway, made(gateway, "bob")) as bob:
        for name in (first.id, "resp_never_was"):
            with pytest.raises(openai.NotFoundError) as refused:
                bob.responses.retrieve(name)
            with pytest.raises(openai.BadRequestError) as also:
                ask(bob, "chat", "more", name)
            with pytest.raises(openai.NotFoundError) as third:
                bob.responses.delete(name)
            told.append([each.value.message for each in (refused, also, third)])
    assert told[0] == told[1]
    assert sdk.responses.retrieve(first.id).id == first.id


def test_a_key_that_keeps_nothing_is_told_what_to_turn_on(gateway: GatewayProcess) -> None:
    with sdk_of(gateway, gateway.key) as sdk:
        first = ask(sdk, "chat", "first words", None)
        with pytest.raises(openai.NotFoundError, match="keys keep NAME DAYS"):
            sdk.responses.retrieve(first.id)
        with pytest.raises(openai.BadRequestError, match="keys keep NAME DAYS"):
            ask(sdk, "chat", "more", first.id)


def test_what_is_not_offered_is_said(sdk: openai.OpenAI) -> None:
    first = ask(sdk, "chat", "first words", None)
    with pytest.raises(openai.BadRequestError, match="not the events"):
        for _ in sdk.responses.retrieve(first.id, stream=True):
            pass
    with pytest.raises(openai.BadRequestError, match="background"):
        sdk.responses.cancel(first.id)
    with pytest.raises(openai.BadRequestError, match="conversation"):
        sdk.responses.create(model="up-chat/m", input="hi", conversation="conv_1")


def test_what_is_not_to_be_stored_is_not_kept(sdk: openai.OpenAI) -> None:
    made = sdk.responses.create(model="up-chat/m", input="hi", store=False)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(made.id)


def test_nothing_of_it_is_in_any_file_or_on_stderr(gateway: GatewayProcess, sdk: openai.OpenAI) -> None:
    first = ask(sdk, "chat", MARK, None)
    ask(sdk, "messages", f"{MARK} AGAIN", first.id, stream=True)
    assert database_of(gateway.home / "gateway").exists()
    files = b"".join(path.read_bytes() for path in gateway.home.rglob("*") if path.is_file())
    assert b"NO FILE MAY SHOW" not in files and b"NO FILE MAY SHOW" not in gateway.stderr().encode()


def test_a_restart_and_a_kill_take_nothing(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    with started(upstream, tmp_path) as gateway:
        key = made(gateway, "ada")
        with sdk_of(gateway, key) as sdk:
            first = ask(sdk, "messages", "before the restart", None)
        gateway.restart()
        with sdk_of(gateway, key) as sdk:
            second = ask(sdk, "chat", "after it", first.id, stream=True)
            gateway.kill()  # the terminal event was the last thing that the client saw
        gateway.start()
        with sdk_of(gateway, key) as sdk:
            assert sdk.responses.retrieve(second.id).output == second.output
            ask(sdk, "gemini", "and after the kill", second.id)
        body = upstream.asked()[-1].body
        assert all(said in body for said in (b"before the restart", b"after it", b"and after the kill"))


def test_a_full_database_costs_no_answer(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    settings = "[content]\nmax_bytes = 1048576\n"
    with started(upstream, tmp_path, settings) as gateway, sdk_of(gateway, made(gateway, "ada")) as sdk:
        small = ask(sdk, "chat", "small", None)
        large = f"{MARK} {os.urandom(1_200_000).hex()}"
        for stream in (False, True):
            answer = ask(sdk, "chat", large, small.id, stream=stream)
            assert answer.output_text.strip() == UPSTREAMS["chat"].text
            with pytest.raises(openai.NotFoundError):
                sdk.responses.retrieve(answer.id)
        metrics = gateway.get("/metrics", key=TOKEN).body
        assert b"llm_gateway_content_failing 1.0" in metrics
        assert b"llm_gateway_content_not_kept_total 2.0" in metrics
        assert ask(sdk, "chat", "after it", small.id).id
        assert b"llm_gateway_content_failing 0.0" in gateway.get("/metrics", key=TOKEN).body
        assert gateway.stderr().count("content cannot be kept") == 1 and MARK not in gateway.stderr()
