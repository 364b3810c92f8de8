"""Conversations over HTTP, where the bridge adds nothing: renewal, names in paths, odd streams."""

from pathlib import Path

import pytest

from bridges.m365.fake_vendor import CUT, Answer, Refusal, snapshot
from bridges.m365.m365_stage import Stage, ask, played, spoken
from llm_gateway.bridges.faults import BridgeFault
from scripted import Send
from scripted.wording import LAST_CHUNK, chunk, response, stream_head


def test_a_conversations_name_cannot_leave_its_path(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        stage.upstream.queue((Send(response(201, b'{"id": "../me/messages?x="}')),))
        with pytest.raises(BridgeFault):
            await ask(bridge)
        assert stage.asked()[0].target == (
            "/beta/copilot/conversations/..%2Fme%2Fmessages%3Fx%3D/chatOverStream"
        )

    played(scene, tmp_path)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"id": ""}'])
def test_a_conversation_without_a_name_is_none(tmp_path: Path, body: bytes) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        stage.upstream.queue((Send(response(201, body)),))
        with pytest.raises(BridgeFault, match="form that is not known"):
            await ask(bridge)

    played(scene, tmp_path)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_stream_may_be_cut_anywhere(tmp_path: Path, size: int) -> None:
    async def scene(stage: Stage) -> None:
        stream = b"".join(
            (
                b": a comment\n\n",
                snapshot([("a", "H\u00e9l")]),
                snapshot([]),
                snapshot([("a", "H\u00e9llo")]),
                snapshot([("q", "Say hello."), ("a", "H\u00e9llo \U0001f44b")], 1),
            )
        )
        pieces = b"".join(chunk(stream[at : at + size]) for at in range(0, len(stream), size))
        stage.vendor.turns.append(stream_head() + pieces + LAST_CHUNK)
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        assert spoken(await ask(bridge)) == "H\u00e9llo \U0001f44b"

    played(scene, tmp_path)


def test_an_event_without_end_is_not_kept(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        endless = b"data: " + b"x" * (17 * 1024 * 1024)
        stage.vendor.turns.append(response(200, endless, content_type="text/event-stream"))
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        with pytest.raises(BridgeFault, match="form that is not known"):
            await ask(bridge)

    played(scene, tmp_path)


def test_a_login_that_is_refused_twice_is_not_renewed_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open()
        await stage.log_in(bridge)
        stage.vendor.begins.extend([Refusal(401, "InvalidAuthenticationToken")] * 3)
        with pytest.raises(BridgeFault) as caught:
            await ask(bridge)
        assert caught.value.kind == "auth_required"
        assert len(stage.asked("/token")) == 1 and len(stage.asked("/conversations")) == 2

    played(scene, tmp_path)


def test_an_answer_that_is_cut_after_its_end_is_whole(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.turns.append(Answer(end=(*CUT,)))
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        assert spoken(await ask(bridge)) == "Hello from Copilot."

    played(scene, tmp_path)
