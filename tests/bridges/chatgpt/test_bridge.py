"""The bridge to a ChatGPT plan, whole, over HTTP against the fake vendor."""

from pathlib import Path

from bridges.chatgpt.chatgpt_stage import MODEL, Stage, ask, played, spoken
from llm_gateway.canonical.events import Finished, Started


def test_somebody_signs_in_and_asks(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open()
        assert (await bridge.health()).state == "auth_required"
        steps = await stage.log_in(bridge)
        assert [step.kind for step in steps] == ["open", "paste", "done"]
        health = await bridge.health()
        assert (health.state, health.verified) == ("ok", "login_seen")
        said = await ask(bridge)
        assert said[0] == Started("resp_scripted_1", MODEL)
        assert spoken(said) == "Hello."
        assert said[-1] == Finished("stop", native="completed")

    played(scene, tmp_path)
