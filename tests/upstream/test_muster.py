"""Who can be called, by the configuration and by what stands in the environment that is handed in."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from fakes import FakeClock
from llm_gateway.config import Provider, Settings
from llm_gateway.errors import ConfigError
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.providers.catalog import load_catalog
from llm_gateway.upstream.client import Upstream
from llm_gateway.upstream.fleet import Fleet
from llm_gateway.upstream.muster import muster

KEYS = {"OPENAI_API_KEY": "sk-openai", "GEMINI_API_KEY": " g-key ", "MISTRAL_API_KEY": "  "}
LOCAL = {row.name for row in load_catalog() if row.kind == "local"}
HOSTED = {row.name for row in load_catalog() if row.kind == "hosted"}


def mustered(
    *providers: Provider,
    environ: Mapping[str, str] | None = None,
    built_in: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Fleet, list[str]]:
    """Return the fleet and what was said of those that are not in it."""
    skipped: list[str] = []

    async def fill() -> Fleet:
        upstream = Upstream(Pool(connect_timeout=1.0), Patience(1.0, 1.0))
        fleet = Fleet(upstream, FakeClock(), lambda: None)
        settings = Settings(providers=providers)
        muster(fleet, settings, environ or {}, built_in or {}, skipped.append)
        upstream.close()
        return fleet

    return asyncio.run(fill()), skipped


def credentials(fleet: Fleet, name: str) -> list[tuple[bytes, bytes]]:
    return [field for each in fleet.members[name].endpoints for field in each.credential_headers()]


def candidates(fleet: Fleet) -> set[str]:
    return set(fleet._candidates)


# nothing configured


def test_with_nothing_there_are_only_engines_that_may_be_found_running() -> None:
    fleet, skipped = mustered()
    assert fleet.members == {} and candidates(fleet) == LOCAL
    assert skipped == []


def test_a_hosted_provider_appears_when_its_key_is_set() -> None:
    fleet, skipped = mustered(environ=KEYS)
    assert {name: member.presence for name, member in fleet.members.items()} == {
        "openai": "key found",
        "gemini": "key found",
    }
    assert credentials(fleet, "openai")[0] == (b"authorization", b"Bearer sk-openai")
    assert credentials(fleet, "gemini")[0] == (b"x-goog-api-key", b"g-key")
    assert skipped == []


def test_every_hosted_provider_can_appear() -> None:
    environ = {row.api_key_env[0]: "k-1234567890" for row in load_catalog() if row.kind == "hosted"}
    fleet, skipped = mustered(environ={**environ, "CLOUDFLARE_ACCOUNT_ID": "ab12"})
    assert set(fleet.members) == HOSTED and skipped == []


def test_a_key_whose_address_is_incomplete_is_passed_over_with_its_reason() -> None:
    fleet, skipped = mustered(environ={"CLOUDFLARE_API_TOKEN": "cf-secret-token", **KEYS})
    assert "cloudflare" not in fleet.members and "openai" in fleet.members
    (why,) = skipped
    assert "cloudflare" in why and "CLOUDFLARE_ACCOUNT_ID" in why
    assert "cf-secret-token" not in why


def test_a_key_that_no_header_can_carry_is_passed_over_and_not_shown() -> None:
    fleet, skipped = mustered(environ={"OPENAI_API_KEY": "sk-\u00fcbel\nx"})
    assert fleet.members == {}
    (why,) = skipped
    assert "openai" in why and "bel" not in why


@pytest.mark.parametrize(
    ("environ", "url", "presence"),
    [
        ({"OLLAMA_URL": "http://gpu.test:11434"}, "http://gpu.test:11434/v1", "configured"),
        ({"OLLAMA_URL": ""}, None, None),
    ],
)
def test_an_address_in_the_environment_makes_a_local_engine_a_member(
    environ: dict[str, str], url: str | None, presence: str | None
) -> None:
    fleet, _ = mustered(environ=environ)
    member = fleet.members.get("ollama")
    assert (member.presence if member else None) == presence
    assert (member.lines["chat"].endpoint.url if member else None) == url
    assert ("ollama" in candidates(fleet)) == (member is None)


def test_what_is_built_in_is_there_with_its_models() -> None:
    fleet, _ = mustered(built_in={"demo": ("echo", "slow")})
    assert set(fleet.members) == {"demo"}, "an engine that is not there is not shown"
    member = fleet.members["demo"]
    assert (member.presence, member.models, member.state) == ("built in", ("echo", "slow"), "ok")


# configured


def test_a_configured_provider_is_a_member_whether_or_not_it_runs() -> None:
    fleet, _ = mustered(Provider("ollama", base_url="http://127.0.0.1:9"))
    assert fleet.members["ollama"].presence == "configured"
    assert fleet.members["ollama"].lines["chat"].endpoint.port == 9
    assert candidates(fleet) == LOCAL - {"ollama"}, "and it is not looked for a second time"


def test_a_configured_provider_takes_the_place_of_the_one_that_its_key_opens() -> None:
    mine = Provider("openai", base_url="http://proxy.test", models=("gpt",))
    fleet, _ = mustered(mine, environ=KEYS)
    member = fleet.members["openai"]
    assert (member.presence, member.models) == ("configured", ("gpt",))
    assert member.lines["chat"].endpoint.url == "http://proxy.test/v1"
    assert credentials(fleet, "openai")[0] == (b"authorization", b"Bearer sk-openai")


def test_a_second_account_has_its_own_key() -> None:
    work = Provider("work", base_url="https://api.openai.com", api_key_env="WORK_KEY")
    fleet, _ = mustered(work, environ={**KEYS, "WORK_KEY": "sk-work"})
    assert credentials(fleet, "work")[0][1] == b"Bearer sk-work"
    assert credentials(fleet, "openai")[0][1] == b"Bearer sk-openai"


def test_a_key_may_come_from_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text("sk-from-a-file\n")
    mine = Provider("mine", base_url="http://127.0.0.1:9", api_key_file=str(path), api_key_env="UNSET")
    fleet, _ = mustered(mine)
    assert credentials(fleet, "mine") == [(b"authorization", b"Bearer sk-from-a-file")]


def test_a_file_of_the_users_home_may_be_named_in_short(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.api_key_file.*missing or empty") as refused:
        mustered(Provider("mine", base_url="http://x.test", api_key_file="~/no-such-file-of-a-gateway"))
    assert str(Path.home()) in str(refused.value)


@pytest.mark.parametrize("content", [None, b"", b" \n"])
def test_a_file_without_a_key_stops_the_start(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.touch(0o600)
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="missing or empty"):
        mustered(Provider("mine", base_url="http://x.test", api_key_file=str(path)))


def test_a_file_that_others_can_read_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(0o644)
    with pytest.raises(ConfigError, match="open to others"):
        mustered(Provider("mine", base_url="http://x.test", api_key_file=str(path)))


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_key_that_is_named_and_not_set_stops_the_start(value: str | None) -> None:
    mine = Provider("mine", base_url="http://x.test", api_key_env="MY_KEY")
    with pytest.raises(ConfigError, match=r"providers\.mine\.api_key_env.*MY_KEY is not set"):
        mustered(mine, environ={} if value is None else {"MY_KEY": value})


def test_a_configured_provider_needs_no_key() -> None:
    fleet, _ = mustered(Provider("mine", base_url="http://x.test"))
    assert credentials(fleet, "mine") == []


@pytest.mark.parametrize("url", ["htp://x.test", "http://", "http://user:secret@x.test"])
def test_a_configured_address_that_is_none_stops_the_start(url: str) -> None:
    with pytest.raises(ConfigError, match=r"providers\.mine\.base_url") as refused:
        mustered(Provider("mine", base_url=url))
    assert "secret" not in str(refused.value)


def test_what_a_subscription_pays_for_is_not_metered() -> None:
    bridge = Provider("codex", "http://10.0.0.9:8123", ("chat",), subscription=True)
    fleet, _ = mustered(bridge, Provider("other", "http://10.0.0.9:8123", ("chat",)))
    kinds = {name: (each.row.kind, each.row.metered) for name, each in fleet.members.items()}
    assert kinds == {"codex": ("subscription", False), "other": ("hosted", True)}
