"""Flag before environment before file before default, and a bad file changes nothing."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from llm_gateway.config.loading import Loaded, check, default_home, load, reload
from llm_gateway.config.settings import Provider, Settings
from llm_gateway.errors import ConfigError
from llm_gateway.vault import Secret

TOKEN = "a-long-enough-random-text-93"

EXAMPLE = """
[server]
host = "127.0.0.1"
port = 8787

[[providers]]
name = "ollama"
base_url = "http://127.0.0.1:11434"
dialects = ["chat", "ollama"]          # what this upstream speaks
api_key_env = "OLLAMA_API_KEY"         # or api_key_file; never a key in the file
models = ["qwen2.5:14b"]               # optional; discovered when left out

[aliases]
fast = ["ollama/qwen2.5:14b", "openai/gpt-5.5-mini"]   # ordered: first healthy one answers

[prices.reference]                     # what a local model's tokens are worth, chosen by the user
"ollama/*" = "openai/gpt-5.5-mini"
"""


def loaded(
    home: Path,
    text: str | None = None,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    if text is not None:
        (home / "gateway.toml").write_text(text, "utf-8")
    return load(flags={"home": home, **(flags or {})}, environ=environ or {})


def refusal(home: Path, text: str | None = None, environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as refused:
        loaded(home, text, environ=environ)
    return str(refused.value)


def origins(result: Loaded) -> dict[str, str]:
    return {name: str(origin) for name, origin in result.origins.items()}


def test_with_nothing_there_are_the_defaults(tmp_path: Path) -> None:
    result = loaded(tmp_path)
    assert result == Loaded(Settings(), {}, tmp_path, tmp_path / "gateway.toml")


def test_the_example_loads_and_every_value_knows_its_line(tmp_path: Path) -> None:
    result = loaded(tmp_path, EXAMPLE)
    assert result.settings.providers == (
        Provider(
            "ollama", "http://127.0.0.1:11434", ("chat", "ollama"), "OLLAMA_API_KEY", "", ("qwen2.5:14b",)
        ),
    )
    assert origins(result) == {
        "server.host": "line 3 of gateway.toml",
        "server.port": "line 4 of gateway.toml",
        "providers.ollama.name": "line 7 of gateway.toml",
        "providers.ollama.base_url": "line 8 of gateway.toml",
        "providers.ollama.dialects": "line 9 of gateway.toml",
        "providers.ollama.api_key_env": "line 10 of gateway.toml",
        "providers.ollama.models": "line 11 of gateway.toml",
        "aliases.fast": "line 14 of gateway.toml",
        "prices.reference.ollama/*": "line 17 of gateway.toml",
    }


PORTS: list[tuple[bool, bool, bool, int, str]] = [
    (False, False, False, 8787, "default"),
    (True, False, False, 1, "line 2 of gateway.toml"),
    (False, True, False, 2, "LLM_GATEWAY_SERVER__PORT"),
    (True, True, False, 2, "LLM_GATEWAY_SERVER__PORT"),
    (False, False, True, 3, "--port"),
    (True, False, True, 3, "--port"),
    (False, True, True, 3, "--port"),
    (True, True, True, 3, "--port"),
]


@pytest.mark.parametrize(("in_file", "in_environment", "as_flag", "port", "origin"), PORTS)
def test_who_wins(
    tmp_path: Path, in_file: bool, in_environment: bool, as_flag: bool, port: int, origin: str
) -> None:
    result = loaded(
        tmp_path,
        "[server]\nport = 1" if in_file else None,
        {"server.port": 3 if as_flag else None, "server.host": None},
        {"LLM_GATEWAY_SERVER__PORT": "2"} if in_environment else {},
    )
    assert result.settings.server.port == port
    assert origins(result).get("server.port", "default") == origin


def test_a_flag_may_be_text_and_has_to_fit(tmp_path: Path) -> None:
    assert loaded(tmp_path, flags={"server.idle_timeout": "7"}).settings.server.idle_timeout == 7.0
    with pytest.raises(ConfigError, match=r'server.port: "x" does not fit: .* \(--port\)'):
        loaded(tmp_path, flags={"server.port": "x"})
    with pytest.raises(ConfigError, match=r"server.prot is not a setting"):
        loaded(tmp_path, flags={"server.prot": 1})


def test_where_home_and_file_are(tmp_path: Path) -> None:
    one, two, file = tmp_path / "one", tmp_path / "two", tmp_path / "else.toml"
    file.write_text("[server]\nport = 5")
    assert load(flags={}, environ={"LLM_GATEWAY_HOME": str(one)}).home == one
    assert load(flags={"home": two}, environ={"LLM_GATEWAY_HOME": str(one)}).home == two
    by_environment = load(flags={"home": one}, environ={"LLM_GATEWAY_CONFIG": str(file)})
    by_flag = load(flags={"home": one, "config": file}, environ={"LLM_GATEWAY_CONFIG": "/nowhere"})
    for result in (by_environment, by_flag):
        assert (result.home, result.file, result.settings.server.port) == (one, file, 5)
    assert load(flags={"home": "~/x"}, environ={}).home == Path("~/x").expanduser()


def test_the_home_has_a_place_of_the_platforms() -> None:
    assert default_home().is_absolute()
    assert "llm-gateway" in default_home().parts
    assert load(flags={"config": None}, environ={"LLM_GATEWAY_HOME": ""}).home == default_home()


def test_a_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    for flags, environ in (({"config": missing}, {}), ({}, {"LLM_GATEWAY_CONFIG": str(missing)})):
        with pytest.raises(ConfigError, match="there is no such file"):
            load(flags={"home": tmp_path, **flags}, environ=environ)
    with pytest.raises(ConfigError, match="not a file"):
        load(flags={"home": tmp_path, "config": tmp_path}, environ={})


BAD_FILES: list[tuple[bytes, str]] = [
    (b"[server", "this is not TOML: Expected ']'"),
    (b"[server]\nport = ", "this is not TOML: Invalid value (at end of document)"),
    (b"[server]\nport = 1\nport = 2\n", "this is not TOML: Cannot overwrite a value (at line 3"),
    (b"[server]\n[server]", "this is not TOML: Cannot declare"),
    (b"server:\n  port: 1", "this is not TOML"),
    (b'{"server": {}}', "this is not TOML"),
    (b"\xff\xfe[\x00s\x00", "it is not UTF-8 (byte 0)"),
    (b"a = '\xe9'", "it is not UTF-8 (byte 5)"),
    (b"\x00", "this is not TOML"),
    (b"#" * (1024 * 1024 + 1), "over 1048576 bytes"),
    (b"[servr]\nport = 1", "servr: there is no such setting; did you mean server? (line 1 of gateway.toml)"),
    (
        b"[server]\nprot = 1",
        "server.prot: there is no such setting; did you mean port? (line 2 of gateway.toml)",
    ),
    (b"port = 1", "port: there is no such setting"),
    (
        b"[server]\nport = '1'",
        'server.port: "1" does not fit: expected int, got str (line 2 of gateway.toml)',
    ),
    (
        b"[server]\nhost = '0'",
        'server.host: "0" is not an IP address or a host name (line 2 of gateway.toml)',
    ),
    (
        b"[[providers]]\nname = 'anthropic'\nbase_url = 'htp://x'",
        'providers.anthropic.base_url: "htp://x" is not a URL such as http://127.0.0.1:11434 (line 3 of ',
    ),
    (
        b"[[providers]]\nname = 'x'\napi_key = 'sk-canary'",
        "providers.x.api_key: a key does not belong in this file; keep it in the environment and name the "
        'variable with api_key_env = "\xe2\x80\xa6", '.encode("latin-1").decode(),
    ),
    (b"[dashboard]\ntoken = 'canary'", "dashboard.token: a secret does not belong in this file"),
    (b"dashboard_token = 'canary'", "dashboard_token: a secret does not belong in this file"),
    (
        b"[[providers]]\nname = 'x'\n[[providers]]\nname = 'x'",
        'providers.x.name: "x" is there 2 times (line 2',
    ),
    (b"[aliases]\nfast = []", "aliases.fast: there is no target"),
]


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_a_bad_file_is_refused_and_on_reload_the_last_good_one_stays(
    tmp_path: Path, content: bytes, message: str
) -> None:
    current = loaded(tmp_path, "[log]\nlevel = 'error'")
    current.file.write_bytes(content)
    error = reload(current, flags={}, environ={})
    assert isinstance(error, ConfigError)
    assert message in str(error)
    assert "canary" not in str(error)
    assert message in refusal(tmp_path)
    with pytest.raises(ConfigError):
        check(current.file)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    message = refusal(
        tmp_path,
        "[server]\nport = 'a'\n[nothing]\n",
        {
            "LLM_GATEWAY_SERVER__HOTS": "x",
            "LLM_GATEWAY_DASHBOARD_TOKEN": "",
            "LLM_GATEWAY_BOOTSTRAP_KEY": "short",
        },
    )
    assert [line.split(":")[0].split(" ")[0] for line in message.splitlines()] == [
        "nothing",
        "server.hots",
        "LLM_GATEWAY_BOOTSTRAP_KEY",
        "LLM_GATEWAY_DASHBOARD_TOKEN",
        "server.port",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("LLM_GATEWAY_SERVR__PORT", "servr: there is no such setting; did you mean server?"),
        ("LLM_GATEWAY_SERVER__PROT", "server.prot: there is no such setting; did you mean port?"),
        ("LLM_GATEWAY_SERVER__PORT__X", "server.port.x: there is no such setting"),
        ("LLM_GATEWAY_PROVIDERS__0__NAME", "providers.0.name: this can only be set in the file"),
        ("LLM_GATEWAY_ALIASES__FAST", "aliases.fast: this can only be set in the file"),
        ("LLM_GATEWAY_PRICES__REFERENCE", "prices.reference: this can only be set in the file"),
        ("LLM_GATEWAY_SERVER__", "server.: there is no such setting"),
    ],
)
def test_an_unknown_name_in_the_environment_is_refused(tmp_path: Path, name: str, message: str) -> None:
    said = refusal(tmp_path, environ={name: "1"})
    assert said.startswith(message)
    assert said.endswith(f"({name})")


def test_another_database_is_refused_and_not_shown(tmp_path: Path) -> None:
    said = refusal(tmp_path, environ={"LLM_GATEWAY_DATABASE_URL": "postgresql://user:canary@host/db"})
    assert said.startswith("LLM_GATEWAY_DATABASE_URL: ")
    assert "canary" not in said


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("CODEX_BRIDGE_URL", "codex"),
        ("OPENAI_CODEX_URL", "codex"),
        ("CLAUDE_BRIDGE_URL", "claude"),
        ("COPILOT_BRIDGE_URL", "github-copilot"),
        ("M365_COPILOT_BRIDGE_URL", "m365-copilot"),
        ("OPENAI_BRIDGE_URL", "openai-bridge"),
        ("CHATGPT_BRIDGE_URL", "chatgpt"),
    ],
)
def test_a_bridges_address_becomes_a_provider(tmp_path: Path, name: str, provider: str) -> None:
    result = loaded(tmp_path, environ={name: " http://127.0.0.1:3253/v1 "})
    bridge = Provider(provider, "http://127.0.0.1:3253/v1", ("chat",), subscription=True)
    assert result.settings.providers == (bridge,)
    assert origins(result)[f"providers.{provider}.base_url"] == name
    assert loaded(tmp_path, environ={name: "  "}).settings.providers == ()
    assert f'providers.{provider}.base_url: "3253" is not a URL' in refusal(tmp_path, environ={name: "3253"})


def test_an_address_in_the_environment_wins_over_the_files(tmp_path: Path) -> None:
    text = (
        "[[providers]]\nname = 'ollama'\nbase_url = 'http://a'\nmodels = ['m']\n[[providers]]\nname = 'b'\n"
    )
    result = loaded(
        tmp_path, text, environ={"OLLAMA_URL": "http://127.0.0.1:9", "CLAUDE_BRIDGE_URL": "http://c"}
    )
    assert result.settings.providers == (
        Provider("ollama", "http://127.0.0.1:9", models=("m",)),
        Provider("b"),
        Provider("claude", "http://c", ("chat",), subscription=True),
    )
    assert origins(result)["providers.ollama.base_url"] == "OLLAMA_URL"
    assert origins(result)["providers.ollama.models"] == "line 4 of gateway.toml"
    alone = loaded(tmp_path, "", environ={"OLLAMA_URL": "http://127.0.0.1:9"})
    assert alone.settings.providers == (Provider("ollama", "http://127.0.0.1:9"),)


def test_two_addresses_for_one_bridge(tmp_path: Path) -> None:
    result = loaded(tmp_path, environ={"CODEX_BRIDGE_URL": "http://a", "OPENAI_CODEX_URL": "http://b"})
    assert result.settings.providers == (Provider("codex", "http://a", ("chat",), subscription=True),)
    assert result.warnings == (
        "OPENAI_CODEX_URL is ignored: CODEX_BRIDGE_URL is set too, to another address",
    )
    same = {"CODEX_BRIDGE_URL": "http://a", "OPENAI_CODEX_URL": "http://a"}
    assert loaded(tmp_path, environ=same).warnings == ()


def test_secrets_come_from_the_environment_and_are_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(TOKEN + "-key\n")
    result = loaded(
        tmp_path, environ={"DASHBOARD_AUTH_TOKEN": TOKEN, "LLM_GATEWAY_BOOTSTRAP_KEY_FILE": str(file)}
    )
    assert result.dashboard_token == Secret(TOKEN)
    assert result.bootstrap_key == Secret(TOKEN + "-key")
    assert origins(result) == {
        "dashboard_token": "DASHBOARD_AUTH_TOKEN",
        "bootstrap_key": "LLM_GATEWAY_BOOTSTRAP_KEY_FILE",
    }
    assert TOKEN not in repr(result)


def test_a_name_that_is_nearly_ours_is_warned_of(tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        environ={
            "LLM_GATEWAY_DASHBORD_TOKEN": TOKEN,
            "LLM_GATEWAY_SOMETHING_ELSE": "1",
            "LLM_GATEWAY_MASTER_KEYFILE": "/x",
            "UNRELATED": "1",
        },
    )
    assert result.warnings == (
        "LLM_GATEWAY_DASHBORD_TOKEN has no effect; did you mean LLM_GATEWAY_DASHBOARD_TOKEN?",
        "LLM_GATEWAY_MASTER_KEYFILE has no effect; did you mean LLM_GATEWAY_MASTER_KEY_FILE?",
    )


def test_the_file_of_the_master_key_is_named_by_the_environment(tmp_path: Path) -> None:
    assert loaded(tmp_path).master_key_file is None
    named = loaded(tmp_path, environ={"LLM_GATEWAY_MASTER_KEY_FILE": str(tmp_path / "key")})
    assert named.master_key_file == tmp_path / "key"
    assert named.warnings == ()


def test_files_of_windows_editors_load_with_the_right_lines(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_bytes("\ufeff[server]\r\n\r\nport = 5\r\n".encode())
    result = loaded(tmp_path)
    assert result.settings.server.port == 5
    assert origins(result) == {"server.port": "line 3 of gateway.toml"}


def test_a_linked_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("[server]\nport = 5")
    (tmp_path / "gateway.toml").symlink_to(tmp_path / "real.toml")
    assert loaded(tmp_path).settings.server.port == 5


def test_a_reload_takes_what_can_change_and_says_what_cannot(tmp_path: Path) -> None:
    current = loaded(
        tmp_path,
        "[server]\nport = 5\n[aliases]\na = ['p/m']",
        environ={"LLM_GATEWAY_DASHBOARD_TOKEN": TOKEN},
    )
    bridges = (
        "[[bridges]]\nname = 'codex'\nparallel = 2\n[[bridges]]\nname = 'claude'\nshare_with = ['ada']\n"
    )
    current.file.write_text(
        f"[server]\nport = 6\n[ledger]\ndurability = 'power'\n[aliases]\nb = ['p/m']\n{bridges}"
    )
    fresh = reload(current, flags={}, environ={})
    assert isinstance(fresh, Loaded)
    assert fresh.settings.aliases == {"b": ("p/m",)}
    assert fresh.settings.server == current.settings.server
    assert fresh.settings.ledger == current.settings.ledger
    assert fresh.dashboard_token == Secret(TOKEN)
    assert fresh.warnings == (
        "server.port has changed; it takes effect at the next start",
        "ledger.durability has changed; it takes effect at the next start",
        "bridges.codex has changed; it takes effect at the next start, but whom it is taken from: now",
        "bridges.claude has changed; it takes effect at the next start, but whom it is taken from: now",
    )


def test_a_file_that_disappears_is_an_error_on_reload(tmp_path: Path) -> None:
    current = loaded(tmp_path, "[log]\nlevel = 'error'")
    current.file.unlink()
    error = reload(current, flags={}, environ={})
    assert isinstance(error, ConfigError)
    assert "there is no such file" in str(error)
    empty = loaded(tmp_path)
    assert reload(empty, flags={}, environ={}) == empty
    (tmp_path / "gateway.toml").write_text("[log]\nlevel = 'debug'")
    fresh = reload(empty, flags={}, environ={})
    assert isinstance(fresh, Loaded)
    assert fresh.settings.log.level == "debug"


def test_a_file_is_checked_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text(EXAMPLE)
    assert check(file).aliases == {"fast": ("ollama/qwen2.5:14b", "openai/gpt-5.5-mini")}


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    for file, message in ((loop, "there is no such file"), (tmp_path / ("x" * 300), "it cannot be read")):
        with pytest.raises(ConfigError, match=message):
            load(flags={"config": file, "home": tmp_path}, environ={})
