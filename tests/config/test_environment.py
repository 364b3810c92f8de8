"""Variables are told apart, and a secret that protects nothing is refused."""

from pathlib import Path

import pytest

from llm_gateway.config.environment import SECRETS, own_secret, settable
from llm_gateway.errors import ConfigError
from llm_gateway.vault import Secret, mint_key

NAMES = SECRETS["dashboard_token"]
GOOD = "a-long-enough-random-text-93"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("LLM_GATEWAY_SERVER__PORT", ("server", "port")),
        ("LLM_GATEWAY_SERVER__MAX_BODY_BYTES", ("server", "max_body_bytes")),
        ("LLM_GATEWAY_A__B__C", ("a", "b", "c")),
        ("LLM_GATEWAY_HOME", None),
        ("OTHER__PORT", None),
        ("llm_gateway_server__port", None),
    ],
)
def test_a_name_that_sets_a_setting(name: str, path: tuple[str, ...] | None) -> None:
    assert settable(name) == path


def test_no_secret_is_none() -> None:
    assert own_secret({}, NAMES) == (None, "")


def test_the_first_name_wins() -> None:
    environ = {"DASHBOARD_AUTH_TOKEN": GOOD + "-older"}
    assert own_secret(environ, NAMES) == (Secret(GOOD + "-older"), "DASHBOARD_AUTH_TOKEN")
    environ["LLM_GATEWAY_DASHBOARD_TOKEN"] = GOOD
    assert own_secret(environ, NAMES) == (Secret(GOOD), "LLM_GATEWAY_DASHBOARD_TOKEN")


def test_a_secret_comes_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(GOOD.encode() + b"\r\n")
    environ = {"LLM_GATEWAY_DASHBOARD_TOKEN_FILE": str(file)}
    assert own_secret(environ, NAMES) == (Secret(GOOD), "LLM_GATEWAY_DASHBOARD_TOKEN_FILE")
    with pytest.raises(ConfigError, match="are both set"):
        own_secret({**environ, "LLM_GATEWAY_DASHBOARD_TOKEN": GOOD}, NAMES)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"short",
        b"changeme-changeme-changeme",
        b"two lines\nof text here",
        b"\xff" * 30,
        b"x" * 20_000,
    ],
)
def test_a_file_without_a_good_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="LLM_GATEWAY_DASHBOARD_TOKEN_FILE"):
        own_secret({"LLM_GATEWAY_DASHBOARD_TOKEN_FILE": str(file)}, NAMES)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(ConfigError, match=f"LLM_GATEWAY_DASHBOARD_TOKEN_FILE: {path} cannot be read"):
            own_secret({"LLM_GATEWAY_DASHBOARD_TOKEN_FILE": str(path)}, NAMES)


@pytest.mark.parametrize("name", [variable.name for names in SECRETS.values() for variable in names])
@pytest.mark.parametrize(
    "value", ["", "  ", "\t", "short", "changeme-changeme-changeme", "0000000000000000000000"]
)
def test_every_secret_that_protects_nothing_is_refused_by_name(name: str, value: str) -> None:
    names = next(names for names in SECRETS.values() if name in {variable.name for variable in names})
    with pytest.raises(ConfigError, match=f"^{name} "):
        own_secret({name: value}, names)


def test_a_minted_key_is_a_good_secret() -> None:
    key = mint_key()
    assert own_secret({"LLM_GATEWAY_BOOTSTRAP_KEY": key}, SECRETS["bootstrap_key"])[0] == Secret(key)
