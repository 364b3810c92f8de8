"""The 112 ways to ask for an address: four conditions, each met or not, for seven kinds of host.

Each is a configuration on disk that the start of a gateway judges; what starts is started for real, in
network namespaces, in `blackbox/test_exposure.py`.
"""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from llm_gateway.app import App
from llm_gateway.config import Server, load
from llm_gateway.errors import ConfigError, RefusedByPolicy
from llm_gateway.server.exposure import confirm, judge_bind

# What it is, and whether anybody but this machine can reach it.
HOSTS = {
    "0.0.0.0": True,
    "::": True,
    "192.0.2.5": True,
    "gateway.example": True,
    "::ffff:192.0.2.5": True,
    "127.0.0.2": False,
    "localhost": False,
}
CONDITIONS = list(itertools.product((True, False), repeat=4))
EITHER = [("certificate", ()), ("", ("192.0.2.0/24",))]


def starts(home: Path, server: Server, *, keys: bool, agreed: bool) -> bool:
    """Whether a gateway with this file would start; keys are never off, so that is asked of the judge."""
    if not keys:
        return judge_bind(server, confirmed=agreed, keys_on=False) is None
    home.mkdir()
    (home / "gateway.toml").write_text(
        f'[server]\nhost = "{server.host}"\nport = 8790\nexpose = {str(server.expose).lower()}\n'
        f"allow_from = {msgspec.json.encode(server.allow_from).decode()}\n"
        + (f'tls_cert = "{server.tls_cert}"\ntls_key = "{server.tls_key}"\n' if server.tls_cert else "")
    )
    environ = {"LLM_GATEWAY_HOME": str(home)}
    loaded = load(flags={}, environ=environ)
    if agreed:
        confirm(home, loaded.settings.server)

    async def check() -> bool:
        try:
            await App(loaded, environ).check()
        except RefusedByPolicy:
            return False
        except ConfigError as error:  # it may listen, and its certificate is none
            return "server.tls_cert" in str(error)
        return True

    return asyncio.run(check())


def server_for(host: str, protected: bool, expose: bool) -> Server:
    if not protected:
        return Server(host=host, expose=expose)
    networks = ("192.0.2.0/24",)
    return Server(host=host, expose=expose, tls_cert="none.pem", tls_key="none.pem", allow_from=networks)


@pytest.mark.control("T2")
@pytest.mark.parametrize("host", HOSTS)
def test_only_all_four_together_start(host: str, tmp_path: Path, counted: Callable[[str, int], None]) -> None:
    found = {
        (keys, protected, expose, agreed): starts(
            tmp_path / f"{number}", server_for(host, protected, expose), keys=keys, agreed=agreed
        )
        for number, (keys, protected, expose, agreed) in enumerate(CONDITIONS)
    }
    expected = {conditions: all(conditions) or not HOSTS[host] for conditions in CONDITIONS}
    assert found == expected
    assert len(found) * len(HOSTS) == 112
    counted("bind", len(found))


@pytest.mark.control("T2")
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(("certificate", "networks"), EITHER, ids=["TLS alone", "a list alone"])
def test_one_protection_is_enough_but_for_every_address(
    host: str, certificate: str, networks: tuple[str, ...], tmp_path: Path
) -> None:
    server = Server(host=host, expose=True, tls_cert=certificate, tls_key=certificate, allow_from=networks)
    started = starts(tmp_path / "home", server, keys=True, agreed=True)
    assert started is (host not in ("0.0.0.0", "::"))


def test_no_setting_turns_keys_off() -> None:
    names = {name for name in Server.__struct_fields__ if "key" in name or "auth" in name or "token" in name}
    assert names == {"tls_key"}
