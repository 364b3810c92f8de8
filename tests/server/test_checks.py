"""What is looked at in a home: each check is there, and what cannot be looked at is a finding."""

import os
from pathlib import Path

import pytest

from llm_gateway.config import Loaded, load
from llm_gateway.server.checks import Finding, home_checks, loose


def loaded(home: Path, config: str = "") -> Loaded:
    home.mkdir(exist_ok=True)
    if config:
        (home / "gateway.toml").write_text(config)
    return load(flags={}, environ={"LLM_GATEWAY_HOME": str(home)})


def found(home: Path, config: str = "") -> dict[str, Finding]:
    return {each.check: each for each in home_checks(loaded(home, config))}


def test_every_check_says_something(tmp_path: Path) -> None:
    told = found(tmp_path)
    names = ["configuration", "home", "disk", "audit log", "content", "exposure", "local model", "prices"]
    assert list(told) == names
    assert {each.severity for each in told.values()} == {"ok"}


@pytest.mark.skipif(os.name != "posix", reason="modes as POSIX has them")
def test_what_others_can_read_is_found(tmp_path: Path) -> None:
    (tmp_path / "pepper").write_bytes(b"p" * 32)
    (tmp_path / "pepper").chmod(0o644)
    assert [path.name for path, _ in loose(loaded(tmp_path))] == ["pepper"]
    home = found(tmp_path)["home"]
    assert (home.severity, home.fix) == ("error", "llm-gateway doctor --fix") and "pepper" in home.finding


@pytest.mark.skipif(os.name != "posix", reason="modes as POSIX has them")
def test_what_cannot_be_looked_at_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "exposure.json").write_text("{}")
    (tmp_path / "exposure.json").chmod(0o644)
    assert found(tmp_path)["exposure"].severity == "error"


def test_a_log_that_was_altered_and_a_model_that_is_gone_are_errors(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").write_text("{}\n")
    told = found(tmp_path, "[local]\nmodel_path = '/nowhere/model.gguf'\n")
    assert told["audit log"].severity == "error" and "line 1" in told["audit log"].finding
    assert told["local model"].severity == "error" and "/nowhere/model.gguf" in told["local model"].finding


def test_a_reference_without_a_price_is_warned_of(tmp_path: Path) -> None:
    told = found(tmp_path, '[prices.reference]\n"ollama/*" = "nobody/nothing"\n')
    assert told["prices"].severity == "warning" and "nobody/nothing" in told["prices"].finding
