"""One gateway and one scripted upstream for all commands that look at a gateway that runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_process import GatewayProcess, configuration
from rawhttp import RawClient
from scripted import Gate, ScriptedUpstream, chat
from terminal import Terminal

__all__ = ["gateway", "stopped", "streaming", "terminal", "upstream"]

_ALIASES = """
[aliases]
fast = ["scripted/scripted-model", "nobody/model", "demo/echo"]
[aliases.smart]
prefer = "local"
targets = [
  { target = "scripted/scripted-model", tools = false, max_input_tokens = 1000 },
  { target = "demo/echo", images = false, dialects = ["chat"] },
]
"""


@pytest.fixture(scope="session")
def _upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def gateway(
    _upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """Start a gateway with a scripted provider, the demo and an alias."""
    config = configuration(_upstream.url, more=_ALIASES)
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), config) as gateway:
        yield gateway


@pytest.fixture
def upstream(_upstream: ScriptedUpstream) -> ScriptedUpstream:
    """Return the scripted upstream, with nothing remembered and nothing queued."""
    _upstream.forget()
    return _upstream


@pytest.fixture
def terminal(gateway: GatewayProcess, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Return a terminal on the home of the gateway that runs."""
    config = str(gateway.home / "gateway.toml")
    return Terminal(gateway.home / "gateway", capsys, {"LLM_GATEWAY_CONFIG": config})


@pytest.fixture
def stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Return a terminal on a home where no gateway runs, nor ever did.

    Its port is any free one: on the usual one this machine's own gateway may be running.
    """
    return Terminal(tmp_path / "home", capsys, {"LLM_GATEWAY_SERVER__PORT": "0"})


@pytest.fixture
def streaming(tmp_path: Path) -> Iterator[tuple[GatewayProcess, ScriptedUpstream, RawClient]]:
    """Return a gateway in the middle of an answer that goes on when the gate `rest` opens."""
    with (
        ScriptedUpstream() as upstream,
        GatewayProcess(tmp_path, configuration(upstream.url)) as gateway,
        gateway.client() as client,
    ):
        head, first, *rest = chat.stream(chat.events("m"))
        upstream.queue((head, first, Gate("rest"), *rest))
        client.send(gateway.chat_request("scripted/m", stream=True))
        client.read_until(b"data: ")
        upstream.wait_gate("rest")
        yield gateway, upstream, client
