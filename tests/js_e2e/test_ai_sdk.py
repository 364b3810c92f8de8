"""The AI SDK, with every provider that fits, against every kind of upstream.

One process of Node asks everything (`ask.mjs`); here is what each answer has to be.
"""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from conformance import Suites
from gateway_process import GatewayProcess, configuration
from js_e2e.upstream import EMBEDDERS, MODELS, PLACE, REFUSAL, responders
from scripted import Received, ScriptedUpstream, gemini
from upstream_answers import UPSTREAMS

pytestmark = pytest.mark.real_clients

PROVIDERS = ("openai-responses", "openai-chat", "anthropic", "google", "openai-compatible")
EMBEDDING = ("openai-chat", "google", "openai-compatible")
STATUSES = (400, 429, 500)
CASES = (
    "plain",
    "stream",
    "tools",
    "tools-stream",
    "structured",
    "structured-stream",
    *(f"error-{status}{how}" for status in STATUSES for how in ("", "-stream")),
)
# Whether the calls that Gemini signed come back with their signatures: @ai-sdk/openai knows of no place for
# them in Chat Completions, and so the gateway sends what Google tells servers without one to send.
SIGNED = {provider: provider != "openai-chat" for provider in PROVIDERS}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
_LONGEST_S = 100

Json = Mapping[str, object]
Answers = Mapping[tuple[str, str, str], Json]

every_provider = pytest.mark.parametrize("provider", PROVIDERS)
every_upstream = pytest.mark.parametrize("upstream", UPSTREAMS)


@pytest.fixture(scope="module")
def suites(pytestconfig: pytest.Config) -> Suites:
    suites = Suites(pytestconfig.rootpath)
    assert suites.installed() == suites.digest(), "what is installed is not what is pinned: make conformance"
    return suites


@pytest.fixture(scope="module")
def answers(suites: Suites, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """Ask everything once; the gateway stays until the tests have looked at it."""
    with ScriptedUpstream(MODELS, responders()) as scripted:
        rows = [
            f'[[providers]]\nname = "up-{name}"\nbase_url = "{scripted.url}"\ndialects = ["{name}"]\n'
            f'api_key_env = "SCRIPTED_API_KEY"\nmodels = {json.dumps(MODELS)}\n'
            for name in UPSTREAMS
        ]
        config = configuration(scripted.url, more="\n".join(rows))
        with GatewayProcess(tmp_path_factory.mktemp("ai-sdk"), config) as gateway:
            yield _asked(suites, gateway)
        assert _signed(scripted.asked()) == SIGNED
        assert not [request for request in scripted.asked() if gateway.key.encode() in request.raw]


@every_provider
@every_upstream
@pytest.mark.parametrize("case", ["plain", "stream"])
def test_a_turn(answers: Answers, provider: str, upstream: str, case: str) -> None:
    said = _answer(answers, provider, upstream, case)
    assert str(said["text"]).strip() == UPSTREAMS[upstream].text
    assert said["finished"] == ["stop"]
    cached = 0 if upstream == "ollama" else 8
    assert said["usage"] == {"in": 40, "out": 12, "cached": cached}


@every_provider
@every_upstream
@pytest.mark.parametrize("case", ["tools", "tools-stream"])
def test_a_turn_with_a_tool(answers: Answers, provider: str, upstream: str, case: str) -> None:
    said = _answer(answers, provider, upstream, case)
    assert said["calls"] == [["lookup", {"city": "Köln"}]]
    assert said["results"] == ["Regen in Köln"]
    assert said["finished"] == ["tool-calls", "stop"]
    assert str(said["text"]).strip() == UPSTREAMS[upstream].text


@every_upstream
def test_a_turn_with_a_tool_whose_first_half_should_be_kept(answers: Answers, upstream: str) -> None:
    """Where the model thought something, it is named by an id, and no translated provider keeps it."""
    told = answers["openai-responses", upstream, "tools-kept"]
    if upstream != "gemini":
        assert _answer(answers, "openai-responses", upstream, "tools-kept")["results"] == ["Regen in Köln"]
        return
    match told.get("error"):
        case {"status": 400, "message": str(message)}:
            assert "`store` is false" in message, "the way out"
        case _:
            raise AssertionError(told)


@every_provider
@every_upstream
@pytest.mark.parametrize("case", ["structured", "structured-stream"])
def test_an_answer_of_a_schema(answers: Answers, provider: str, upstream: str, case: str) -> None:
    assert _answer(answers, provider, upstream, case) == {"output": json.loads(PLACE)}


@every_provider
@every_upstream
@pytest.mark.parametrize("how", ["", "-stream"])
@pytest.mark.parametrize("status", STATUSES)
def test_an_error(answers: Answers, provider: str, upstream: str, status: int, how: str) -> None:
    told = answers[provider, upstream, f"error-{status}{how}"]
    assert told.get("error") == {"name": "AI_APICallError", "status": status, "message": REFUSAL}, told


@pytest.mark.parametrize("provider", EMBEDDING)
@pytest.mark.parametrize("upstream", EMBEDDERS)
def test_embeddings(answers: Answers, provider: str, upstream: str) -> None:
    size = EMBEDDERS[upstream]
    assert _answer(answers, provider, upstream, "embeddings") == {"sizes": [size, size]}


def test_nothing_was_left_out(answers: Answers, suites: Suites, report: Callable[[str], None]) -> None:
    asked = {(provider, upstream, case) for provider in PROVIDERS for upstream in UPSTREAMS for case in CASES}
    asked |= {(provider, upstream, "embeddings") for provider in EMBEDDING for upstream in EMBEDDERS}
    asked |= {("openai-responses", upstream, "tools-kept") for upstream in UPSTREAMS}
    assert set(answers) == asked
    assert f"{len(asked)} cases" in PAGE.read_text(encoding="utf-8")
    versions = ", ".join(f"{name} {version}" for name, version in suites.wanted("ai-sdk").items())
    report(f"AI SDK: {len(asked)} cases ({versions})")


def _asked(suites: Suites, gateway: GatewayProcess) -> Answers:
    job = {
        "url": gateway.url,
        "key": gateway.key,
        "packages": str(suites.folder / "ai-sdk"),
        "upstreams": list(UPSTREAMS),
        "embedders": list(EMBEDDERS),
    }
    done = subprocess.run(
        [suites.node, Path(__file__).with_name("ask.mjs"), json.dumps(job)],
        check=False,
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(line["provider"], line["upstream"], line["case"]): line for line in lines}


def _answer(answers: Answers, provider: str, upstream: str, case: str) -> Json:
    told = answers[provider, upstream, case]
    answer = told.get("answer")
    assert isinstance(answer, dict), told
    return answer


def _signed(requests: list[Received]) -> dict[str, bool]:
    """Return of which providers every result of a tool came to Gemini with the signature of its call."""
    results = [request.body for request in requests if b'"functionResponse"' in request.body]
    told = {name: [body for body in results if f"[{name}]".encode() in body] for name in PROVIDERS}
    return {
        name: bool(bodies) and all(gemini.SIGNATURE.encode() in body for body in bodies)
        for name, bodies in told.items()
    }
