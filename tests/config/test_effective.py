"""Settings as they are in effect: one by one, with where each comes from."""

from pathlib import Path

from llm_gateway.config import load
from llm_gateway.config.effective import Effective, effective

FILE = """
[server]
idle_timeout = 60

[[limits]]
scope = "key"
name = "laptop"
parallel = 2

[[limits]]
scope = "global"
parallel = 9

[aliases]
fast = ["demo/echo"]
"""


def told(home: Path, environ: dict[str, str]) -> dict[str, Effective]:
    (home / "gateway.toml").write_text(FILE)
    loaded = load(flags={"server.port": 1}, environ={"LLM_GATEWAY_HOME": str(home), **environ})
    return {each.name: each for each in effective(loaded)}


def test_each_has_its_value_and_where_it_comes_from(tmp_path: Path) -> None:
    found = told(tmp_path, {"LLM_GATEWAY_LOG__LEVEL": "error"})
    assert (found["server.idle_timeout"].value, found["server.idle_timeout"].origin) == (
        "60.0",
        "line 3 of gateway.toml",
    )
    assert found["server.port"].origin == "--port"
    assert (found["log.level"].value, found["log.level"].origin) == ('"error"', "LLM_GATEWAY_LOG__LEVEL")
    assert found["aliases.fast"].value == '["demo/echo"]'
    assert found["upstream.connect_timeout"].is_default and not found["log.level"].is_default


def test_tables_of_a_list_are_told_apart_and_know_their_lines(tmp_path: Path) -> None:
    found = told(tmp_path, {})
    assert found["limits.laptop.parallel"].origin == "line 8 of gateway.toml"
    assert (found["limits.global.parallel"].value, found["limits.global.parallel"].origin) == (
        "9",
        "line 12 of gateway.toml",
    )


def test_of_a_secret_it_is_told_whether_there_is_one(tmp_path: Path) -> None:
    found = told(tmp_path, {"LLM_GATEWAY_DASHBOARD_TOKEN": "a-dashboard-token-0123456789"})
    secret = found["dashboard_token"]
    assert (secret.value, secret.origin) == ("***", "LLM_GATEWAY_DASHBOARD_TOKEN")
    assert (found["bootstrap_key"].value, found["bootstrap_key"].is_default) == ("not set", True)
