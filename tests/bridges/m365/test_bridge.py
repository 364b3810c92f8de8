"""The bridge to Microsoft 365 Copilot, whole, over HTTP against the fake vendor."""

import asyncio
import time
from pathlib import Path

import pytest

from bridges.m365.fake_vendor import CLIENT_ID, CUT, Answer, Refusal
from bridges.m365.m365_stage import Stage, ask, assistant, lost, played, spoken, system, user
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.faults import BridgeFault, FaultKind
from llm_gateway.canonical.events import Finished, Measured, Started, TextDelta
from llm_gateway.canonical.parts import Image, Link
from llm_gateway.canonical.request import Message, Request
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.bridges import BridgeSettings
from scripted import Gate, Hang
from scripted.wording import response

# a turn


def test_an_answer_comes_as_it_grows(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        said = await ask(bridge)
        assert said == [
            Started("conversation-1", "m365-copilot"),
            TextDelta("Hello"),
            Measured(Usage(uncached=3, output=2, estimated=True)),  # an update without messages
            TextDelta(" from"),
            TextDelta(" Copilot."),
            Measured(Usage(uncached=3, output=5, estimated=True)),
            Measured(Usage(uncached=3, output=5, estimated=True)),
            Finished("stop"),
        ]
        assert stage.bodies() == [
            {
                "message": {"text": "Say hello."},
                "locationHint": {"timeZone": "Europe/Berlin"},
                "contextualResources": {"webContext": {"isWebEnabled": True}},
            }
        ]
        (asked,) = stage.asked()
        assert (asked.header("accept"), asked.header("content-type")) == (
            "text/event-stream",
            "application/json",
        )
        assert (asked.header("user-agent") or "").startswith("llm_gateway/")

    played(scene, tmp_path)


def test_who_reads_no_stream_is_told_the_last_word_alone(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.turns.append(Answer(updates=("It is at 9", "Two: at 9"), text="Two: at 9 and 10."))
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        said = await ask(bridge, stream=False)
        assert [each for each in said if isinstance(each, TextDelta)] == [TextDelta("Two: at 9 and 10.")]
        assert lost(said) == []

    played(scene, tmp_path)


def test_a_rewritten_answer_is_told_whole_at_its_end(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.turns.append(Answer(updates=("It is at 9", "Two: at 9"), text="Two: at 9 and 10."))
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        said = await ask(bridge)
        assert [each for each in said if isinstance(each, TextDelta)] == [
            TextDelta("It is at 9"),
            TextDelta("Two: at 9 and 10.", new=True),
        ]
        assert lost(said) == ["content"]

    played(scene, tmp_path)


def test_a_conversation_is_gone_on_with(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        first = spoken(await ask(bridge, system("Be brief."), user("One.")))
        said = await ask(bridge, system("Be brief."), user("One."), assistant(first), user("Two."))
        assert lost(said) == []
        assert stage.vendor.conversations == {"conversation-1": 2}
        first_body, second_body = stage.bodies()
        assert first_body["additionalContext"] == second_body["additionalContext"]
        assert second_body["message"] == {"text": "Two."}

    played(scene, tmp_path)


@pytest.mark.parametrize("how", ["another", "gone", "late"])
def test_what_was_said_goes_along_where_no_conversation_is_kept(tmp_path: Path, how: str) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token(lives=9000))
        first = spoken(await ask(bridge, user("One.")))
        match how:
            case "gone":
                stage.vendor.conversations.clear()
            case "late":
                stage.clock.advance(700)
            case _:
                first = "Something else."
        said = await ask(bridge, user("One."), assistant(first), user("Two."))
        assert lost(said) == ["messages"]
        assert spoken(said) == "Hello from Copilot."
        context = stage.bodies()[-1]["additionalContext"]
        assert isinstance(context, list) and len(context) == 1
        assert context[0]["text"] == f"User: One.\n\nCopilot: {first}"

    played(scene, tmp_path)


def test_sources_follow_the_answer(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        source = {
            "attributionType": "citation",
            "providerDisplayName": "Standup",
            "seeMoreWebUrl": "https://teams.example/1",
        }
        stage.vendor.turns.append(
            Answer(
                updates=("<Event>Standup</Event> at 9[^1", "<Event>Standup</Event> at 9[^1^]."),
                text="<Event>Standup</Event> at 9[^1^].",
                extras={"attributions": [source]},
            )
        )
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        said = await ask(bridge)
        assert spoken(said) == "Standup at 9.\n\nSources:\n- [Standup](https://teams.example/1)"
        assert lost(said) == []

    played(scene, tmp_path)


def test_a_conversation_that_is_ended_for_its_content_says_so(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.turns.append(Answer(updates=(None,), text="No.", state="disengagedForRai"))
        stage.vendor.turns.append(Answer(updates=(None,), text=None, state="disengagedForRai"))
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        for text in ("No.", ""):
            said = await ask(bridge)
            assert said[-1] == Finished("content_filter", native="disengagedForRai")
            assert spoken(said) == text
        said = await ask(bridge, user("Say hello."), assistant("No."), user("Why?"))
        assert lost(said) == ["messages"]  # such a conversation is not gone on with

    played(scene, tmp_path)


def test_work_iq_is_asked_in_the_same_way(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        settings = BridgeSettings("m365-copilot", backend="workiq", web=False, models=("work",))
        bridge = stage.open(settings=settings)
        await stage.log_in(bridge)
        assert spoken(await ask(bridge)) == "Hello from Copilot."
        begun, asked = stage.upstream.asked()
        assert begun.target == "/rest/conversations"
        assert asked.target == "/rest/conversations/conversation-1/chatOverStream"
        assert asked.json()["contextualResources"] == {"webContext": {"isWebEnabled": False}}
        assert [model.id for model in await bridge.models()] == ["work"]
        assert (await bridge.health()).account == "Microsoft 365 Copilot (Work IQ)"

    played(scene, tmp_path)


def test_who_leaves_closes_the_connection(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.turns.append(Answer(before=(Gate("held"),)))
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        turn = bridge.turn(Ask("m365-copilot", Request((user("Hi."),), stream=True)))
        assert isinstance(await anext(turn), Started)
        (asked,) = stage.asked()
        left = time.monotonic()
        await turn.aclose()
        closed = await asyncio.to_thread(stage.upstream.wait_closed, asked.connection)
        assert closed - left < 0.1

    played(scene, tmp_path)


def test_a_stream_that_does_not_end_after_its_answer_is_not_waited_for(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.turns.append(Answer(end=(Hang(),)))
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        begun = time.monotonic()
        assert spoken(await ask(bridge)) == "Hello from Copilot."
        assert time.monotonic() - begun < 4  # less than a silent upstream is waited for here

    played(scene, tmp_path)


def test_the_first_update_is_told_before_the_second_is_there(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.turns.append(Answer(updates=("First",), text="First and last.", before=(Gate("on"),)))
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token(), MICROSOFT_CLIENT_ID=CLIENT_ID)
        turn = bridge.turn(Ask("m365-copilot", Request((user("Hi."),), stream=True)))
        assert [await anext(turn), await anext(turn)] == [
            Started("conversation-1", "m365-copilot"),
            TextDelta("First"),
        ]
        stage.upstream.open("on")
        assert await anext(turn) == TextDelta(" and last.")
        await turn.aclose()

    played(scene, tmp_path)


# what goes wrong


@pytest.mark.parametrize(
    ("turn", "kind", "says"),
    [
        (Refusal(403, "Forbidden", "No Copilot license for ada@contoso.example."), "not_entitled", "licence"),
        (Refusal(400, "LicenseRequired"), "not_entitled", "licence"),
        (Refusal(402, "PaymentRequired"), "not_entitled", "licence"),
        (Refusal(401, "Unauthorized", "AADSTS65001: consent."), "consent_required", "administrator"),
        (Refusal(504, "GatewayTimeout"), "upstream_timeout", "no long tasks"),
        (Refusal(502, "BadGateway"), "upstream_timeout", "in time"),
        (Refusal(503, "Unavailable"), "bridge_failed", "trouble of its own"),
        (Refusal(500, "UnknownError"), "bridge_failed", "trouble of its own"),
        (Refusal(400, "BadRequest", "ada@contoso.example wrote this."), "refused", "(BadRequest)"),
        (Refusal(404, "NotFound"), "bridge_failed", 'backend = "workiq"'),
        (Refusal(429, "TooManyRequests", fields=(("retry-after", "17"),)), "rate_limited", "17 seconds"),
        (Answer(updates=("Half",), text=None), "bridge_disconnected", "before it was complete"),
        (Answer(updates=("Half",), text=None, end=CUT), "bridge_disconnected", "in the middle"),
        (Answer(updates=(), text=""), "bridge_failed", "without a text"),
        (response(200, b'{"messages": []}'), "bridge_failed", "form that is not known"),
        (response(204, b""), "bridge_failed", "form that is not known"),
        (response(200, b"data: hello\n\n", content_type="text/event-stream"), "bridge_failed", "not known"),
        (
            response(
                200, b'data: {"error":{"code":"TooManyRequests"}}\n\n', content_type="text/event-stream"
            ),
            "rate_limited",
            "in a minute",
        ),
        (
            response(200, b'data: {"error":{"code":"Broken"}}\n\n', content_type="text/event-stream"),
            "bridge_failed",
            "(Broken)",
        ),
    ],
)
def test_a_fault_says_what_why_and_the_way_out(
    tmp_path: Path, turn: Answer | Refusal | bytes, kind: FaultKind, says: str
) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.turns.append(turn)
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        with pytest.raises(BridgeFault) as caught:
            await ask(bridge)
        assert (caught.value.kind, says in caught.value.message) == (kind, True), caught.value.message
        assert "contoso" not in caught.value.message

    played(scene, tmp_path)


def test_a_login_that_lacks_permissions_names_them_before_and_after_it_is_asked(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token(("Mail.Read", "Chat.Read")))
        health = await bridge.health()
        lacking = "Sites.Read.All, People.Read.All, OnlineMeetingTranscript.Read.All"
        assert (health.state, lacking in health.reason) == ("not_entitled", True)
        assert not stage.upstream.asked()
        with pytest.raises(BridgeFault) as caught:
            await ask(bridge)
        assert (caught.value.kind, lacking in caught.value.message) == ("not_entitled", True)
        assert "Chat.Read" not in caught.value.message

    played(scene, tmp_path)


def test_whoever_has_asked_for_a_pause_is_left_alone(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.begins.append(Refusal(429, "TooManyRequests", fields=(("retry-after", "40"),)))
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        for wait in (40, 30):
            with pytest.raises(BridgeFault) as caught:
                await ask(bridge)
            assert caught.value.kind == "rate_limited" and caught.value.retry_after == wait
            assert caught.value.resets_us == stage.clock.now_us() + wait * 1_000_000
            stage.clock.advance(10)
        assert len(stage.upstream.asked()) == 1
        health = await bridge.health()
        assert (health.state, health.verified, health.resets_us) == (
            "rate_limited",
            "login_seen",
            stage.clock.now_us() + 20 * 1_000_000,
        )
        stage.clock.advance(20)
        assert (await bridge.health()).state == "ok"
        assert spoken(await ask(bridge)) == "Hello from Copilot."

    played(scene, tmp_path)


def test_what_is_no_text_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        picture = Message("user", (Image(Link("https://example.org/a.png")),))
        for messages in ((user("Hi."), assistant("Hello.")), (picture,)):
            with pytest.raises(BridgeFault) as caught:
                await ask(bridge, *messages)
            assert (caught.value.kind, caught.value.param) == ("refused", "messages")
        assert not stage.upstream.asked()

    played(scene, tmp_path)
