"""Every vendor's SDK against every kind of upstream: plain, streamed, with a tool, with a schema, failing.

The upstream is scripted and speaks one dialect as its vendor does; the SDK speaks its own. What the SDK
shows must be what the upstream said.
"""

from collections.abc import Iterator

import pytest

from gateway_process import GatewayProcess, configuration
from scripted import ScriptedUpstream
from speakers import SPEAKERS, Called, Refused, Speaker
from upstream_answers import UPSTREAMS

PLACE = '{"city": "Köln"}'


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",), tuple(each.responder for each in UPSTREAMS.values())) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Start a gateway with a provider for each dialect, named after it."""
    rows = [
        f'[[providers]]\nname = "up-{name}"\nbase_url = "{upstream.url}"\ndialects = ["{name}"]\n'
        f'api_key_env = "SCRIPTED_API_KEY"\nmodels = ["m"]\n'
        for name in UPSTREAMS
    ]
    rows.append("[routing]\nretries = 0\nlongest_cool_down = 0")  # one error an answer, and no aftermath
    config = configuration(upstream.url, more="\n".join(rows))
    with GatewayProcess(tmp_path_factory.mktemp("matrix"), config) as gateway:
        yield gateway


@pytest.fixture(params=SPEAKERS)
def client(request: pytest.FixtureRequest, gateway: GatewayProcess) -> Iterator[Speaker]:
    speaker = SPEAKERS[request.param](gateway)
    yield speaker
    speaker.close()


@pytest.fixture(params=UPSTREAMS)
def target(request: pytest.FixtureRequest, upstream: ScriptedUpstream) -> str:
    upstream.forget()
    return str(request.param)


def test_a_whole_answer(client: Speaker, target: str, gateway: GatewayProcess) -> None:
    said = client.plain(f"up-{target}/m")
    assert said.text == UPSTREAMS[target].text
    assert (said.tokens_in, said.tokens_out) == (40, 12)
    row = gateway.rows()[0]
    assert (row["status"], row["provider"]) == ("ok", f"up-{target}")
    assert (row["tokens_in"], row["tokens_out"]) == (40, 12)


def test_a_stream(client: Speaker, target: str, gateway: GatewayProcess) -> None:
    said = client.stream(f"up-{target}/m")
    assert said.text.strip() == UPSTREAMS[target].text
    assert (said.tokens_in, said.tokens_out) == (40, 12)
    row = gateway.rows()[0]
    assert (row["status"], row["tokens_in"], row["tokens_out"]) == ("ok", 40, 12)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_tool_turn(client: Speaker, target: str, streamed: bool) -> None:
    called = client.tool_turn(f"up-{target}/m", streamed=streamed)
    assert called == Called("lookup", {"city": "Köln"}, UPSTREAMS[target].text)


def test_an_answer_of_a_schema(client: Speaker, target: str, upstream: ScriptedUpstream) -> None:
    upstream.queue(UPSTREAMS[target].saying(PLACE))
    assert client.structured(f"up-{target}/m") == {"city": "Köln"}
    (asked,) = upstream.asked()
    assert b"city" in asked.body, "the schema went along, as such or in words"


@pytest.mark.parametrize("status", [400, 429, 500])
def test_an_error(client: Speaker, target: str, upstream: ScriptedUpstream, status: int) -> None:
    upstream.queue(UPSTREAMS[target].failing(status, "Das geht so nicht."))
    assert client.refused(f"up-{target}/m") == Refused(status, "Das geht so nicht.")
