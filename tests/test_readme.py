"""What the README tells people to type works as it stands there."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from gateway_process import TOKEN, GatewayProcess
from house import ROOT, text
from llm_gateway.cli.main import leaves
from llm_gateway.cli.output import EXIT_CODES
from llm_gateway.config import check
from llm_gateway.config.routing import AliasTable
from llm_gateway.providers.catalog import load_catalog
from terminal import Terminal

README = text(ROOT / "README.md")
ADDRESS = "http://127.0.0.1:8787"


def blocks(language: str = "") -> list[str]:
    """Return the code blocks of a language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [code for name, code in found if name == language]


def block(words: str, language: str = "") -> str:
    (found,) = (each for each in blocks(language) if words in each)
    return found


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("readme"), "") as gateway:
        yield gateway


def here(command: str, gateway: GatewayProcess) -> str:
    """Return a command of the README for a gateway on another port, that answers without a model."""
    assert ADDRESS in command and "local/smollm2" in command
    return command.replace(ADDRESS, gateway.url).replace("local/smollm2", "demo/echo")


def shell(script: str, gateway: GatewayProcess, **environ: str) -> str:
    folder = str(Path(sys.executable).parent)
    known = {"PATH": f"{folder}:{os.environ['PATH']}", "LLM_GATEWAY_HOME": str(gateway.home / "gateway")}
    done = subprocess.run(
        ["sh", "-ec", script], check=True, env={**known, **environ}, capture_output=True, text=True
    )
    return done.stdout


def test_its_first_request_is_answered(gateway: GatewayProcess) -> None:
    answer = json.loads(shell(here(block("curl "), gateway), gateway))
    assert "Say hello." in answer["choices"][0]["message"]["content"]
    assert gateway.rows()[0]["caller"] == "me"


def test_its_program_runs(gateway: GatewayProcess) -> None:
    program = here(block("OpenAI(", "python"), gateway)
    ast.parse(program)
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        env={**os.environ, "LLM_GATEWAY_KEY": gateway.key},
        capture_output=True,
        text=True,
    )
    assert "Say hello." in done.stdout


def test_its_client_is_told_where_and_by_whom(gateway: GatewayProcess) -> None:
    export, aider = here(block("aider "), gateway).strip().splitlines()
    told = shell(f'{export}; echo "$OPENAI_API_BASE $OPENAI_API_KEY"', gateway).split()
    assert aider == "aider --model openai/demo/echo", (
        "aider's name for it: what is behind the first slash is asked"
    )
    with OpenAI(base_url=told[0], api_key=told[1]) as client:
        client.chat.completions.create(model="demo/echo", messages=[{"role": "user", "content": "hi"}])
    assert gateway.rows()[0]["caller"] == "aider"


def test_its_configuration_is_good(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text("\n".join(blocks("toml")))
    settings = check(tmp_path / "gateway.toml")
    assert [provider.name for provider in settings.providers] == ["workshop"]
    assert settings.aliases["fast"] == ("ollama/qwen2.5:14b", "workshop/qwen3")
    smart = settings.aliases["smart"]
    assert isinstance(smart, AliasTable) and (smart.prefer, len(smart.targets)) == ("local", 3)
    assert [limit.name for limit in settings.limits] == ["laptop"]


def test_its_commands_go_well(gateway: GatewayProcess, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(gateway.home / "gateway", capsys)
    lines = [line.partition("#")[0].split() for line in block("llm-gateway status").splitlines()]
    assert [line[1] for line in lines] == ["status", "requests", "requests", "doctor"]
    made = str(gateway.chat("demo/echo").header("x-llm-gateway-request-id"))
    for words in lines:
        if "--follow" not in words:
            assert terminal(*(made if word == "ID" else word for word in words[1:])).code == 0


def test_the_commands_that_it_names_exist() -> None:
    named = set(re.findall(r"`(?:source )?llm-gateway ([a-z]+(?: [a-z]+)?)", README))
    there = {name for name, _ in leaves()}
    assert len(named) > 10
    assert all(name in there or name.split()[0] in there for name in named), named - there


def test_the_paths_that_it_names_answer(gateway: GatewayProcess) -> None:
    for path in ("/metrics", "/openapi.json", "/api/dashboard/health"):
        assert path.replace("health", "…") in README
        assert gateway.get(path, key=TOKEN).status == 200


def test_the_variables_and_exit_codes_that_it_names_are_right() -> None:
    keys = {name for row in load_catalog() for name in row.api_key_env}
    named = set(re.findall(r"`([A-Z]+_API_KEY)`", README))
    assert named and named <= keys
    told = re.search(r"Commands end with (.*?)\.\n", README, re.DOTALL)
    assert told is not None
    codes = {int(code) for code in re.findall(r"\d+", told[1])}
    assert codes == set(EXIT_CODES) - {4}, "no command ends with 4 yet"
