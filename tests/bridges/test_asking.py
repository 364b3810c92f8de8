"""Requests to a vendor's hosts: their bytes, and a bridge's fault for whatever is no answer."""

from pathlib import Path

import pytest

from bridges.m365.m365_stage import Stage, played
from llm_gateway.bridges.asking import Asking
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.http.client import Patience
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.upstream.client import Upstream
from llm_gateway.vault import Secret
from scripted import Close, Hang, Script, Send
from scripted.wording import head, response


def asking(stage: Stage, path: str = "/below", first: float = 5.0) -> Asking:
    endpoint = Endpoint("m", "bridge", "http", "127.0.0.1", stage.upstream.port, path, auth="none")
    return Asking("The host", Upstream(stage.pool, Patience(5.0, 5.0)), endpoint, first)


def test_a_form_and_json_say_what_they_are_and_who_asks(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.upstream.queue((Send(response(200, b"{}")),), (Send(response(404, b"no")),))
        form = await asking(stage).form("token", b"a=1")
        assert (form.status, form.body) == (200, b"{}")
        reply = await asking(stage).read(
            await asking(stage).json("c", Secret("t"), b"{}", b"text/event-stream")
        )
        assert (reply.status, reply.body) == (404, b"no")
        first, second = stage.upstream.asked()
        assert (first.target, first.body) == ("/below/token", b"a=1")
        assert first.header("content-type") == "application/x-www-form-urlencoded"
        assert first.header("authorization") is None
        assert second.header("authorization") == "Bearer t"
        assert all((each.header("user-agent") or "").startswith("llm_gateway/") for each in (first, second))
        assert first.connection is second.connection

    played(scene, tmp_path)


@pytest.mark.fault("B10")
@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ((Close(),), "bridge_failed"),
        ((Hang(),), "upstream_timeout"),
        ((Send(head(302, (("location", "https://elsewhere"), ("content-length", "0")))),), "bridge_failed"),
        ((Send(head(200, (("content-length", "9"),)) + b"half"), Close()), "bridge_disconnected"),
    ],
)
def test_what_is_no_answer_is_a_fault(tmp_path: Path, script: Script, kind: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.upstream.queue(script)
        with pytest.raises(BridgeFault) as caught:
            await asking(stage, first=0.2).form("token", b"")
        assert (caught.value.kind, caught.value.message.startswith("The host")) == (kind, True)

    played(scene, tmp_path)


def test_the_next_piece_is_waited_for(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.upstream.queue((Send(head(200, (("content-length", "9"),)) + b"half"), Close()))
        host = asking(stage)
        connection = await host.json("c", Secret("t"), b"{}", b"*/*")
        assert await host.more(connection) == b"half"
        with pytest.raises(BridgeFault):
            await host.more(connection)
        connection.release()

    played(scene, tmp_path)
