"""Every combination of what a bind beyond loopback needs, for every kind of host."""

import stat
from itertools import product
from pathlib import Path

import msgspec
import pytest

from llm_gateway.config import Server
from llm_gateway.errors import ConfigError
from llm_gateway.server.exposure import (
    confirm,
    confirmed,
    exposure_view,
    judge_bind,
    listen_address,
    refusal_of,
    truth_table,
    withdraw,
)
from llm_gateway.vault import write_private

DOCUMENT = Path(__file__).parents[2] / "docs" / "exposure.md"

LOOPBACK = ["127.0.0.1", "127.0.0.2", "localhost", "::1", "::ffff:127.0.0.1"]
WILDCARDS = ["0.0.0.0", "::", "::ffff:0.0.0.0"]
ADDRESSES = ["192.168.1.5", "::ffff:192.168.1.5", "fd00::5", "8.8.8.8", "gateway.example"]
COMBINATIONS = list(product((False, True), repeat=5))


def server_for(host: str, tls: bool, listed: bool, expose: bool) -> Server:
    return Server(
        host=host,
        expose=expose,
        tls_cert="cert.pem" if tls else "",
        tls_key="key.pem" if tls else "",
        allow_from=("192.168.1.0/24",) if listed else (),
    )


@pytest.mark.control("T2")
@pytest.mark.parametrize("host", [*LOOPBACK, *WILDCARDS, *ADDRESSES])
def test_the_truth_table(host: str) -> None:
    for keys, tls, listed, expose, agreed in COMBINATIONS:
        refusal = judge_bind(server_for(host, tls, listed, expose), confirmed=agreed, keys_on=keys)
        if host in LOOPBACK:
            starts = True
        elif host in WILDCARDS:
            starts = keys and tls and listed and expose and agreed
        else:
            starts = keys and (tls or listed) and expose and agreed
        assert (refusal is None) is starts, (host, keys, tls, listed, expose, agreed)


@pytest.mark.parametrize("host", ["", "0", "127.1", "0x0", "*", "localhost."])
def test_what_is_no_host_is_refused_whatever_else_there_is(host: str) -> None:
    refusal = judge_bind(server_for(host, True, True, True), confirmed=True, keys_on=True)
    assert isinstance(refusal, ConfigError)
    assert "an IP address or a host name" in str(refusal)


def test_a_refusal_names_everything_that_is_missing_and_only_that() -> None:
    bare = str(judge_bind(Server(host="0.0.0.0"), confirmed=False, keys_on=False))
    for part in (
        "listening on 0.0.0.0",
        "keys on",
        "tls_cert",
        "allow_from",
        "expose = true",
        "bridges expose",
    ):
        assert part in bare
    nearly = str(judge_bind(server_for("192.168.1.5", False, True, True), confirmed=False, keys_on=True))
    assert "bridges expose" in nearly
    for part in ("keys on", "tls_cert", "expose = true"):
        assert part not in nearly


def test_localhost_is_never_looked_up() -> None:
    assert listen_address("localhost") == listen_address("LOCALHOST") == "127.0.0.1"
    for host in ("127.0.0.2", "::1", "0.0.0.0", "gateway.example"):
        assert listen_address(host) == host


def test_an_ipv4_address_in_ipv6_spelling_is_bound_as_what_it_is() -> None:
    assert listen_address("::ffff:192.168.1.5") == listen_address("::FFFF:c0a8:105") == "192.168.1.5"
    assert listen_address("::ffff:0.0.0.0") == "0.0.0.0"


NOW = 1_800_000_000_000_000
EXPOSED = Server(host="192.168.1.5", port=8787, expose=True, allow_from=("10.0.0.0/8", "192.168.1.0/24"))


def test_a_confirmation_is_for_this_exposure_alone(tmp_path: Path) -> None:
    assert not confirmed(tmp_path, EXPOSED, NOW)
    confirm(tmp_path, EXPOSED)
    assert confirmed(tmp_path, EXPOSED, NOW)
    reordered = msgspec.structs.replace(EXPOSED, allow_from=("192.168.1.0/24", "10.0.0.0/8"))
    patient = msgspec.structs.replace(EXPOSED, idle_timeout=5.0)
    assert confirmed(tmp_path, reordered, NOW)
    assert confirmed(tmp_path, patient, NOW)
    for change in (
        {"host": "192.168.1.6"},
        {"host": "0.0.0.0"},
        {"port": 8788},
        {"allow_from": ()},
        {"allow_from": ("10.0.0.0/8",)},
        {"tls_cert": "cert.pem"},
    ):
        assert not confirmed(tmp_path, msgspec.structs.replace(EXPOSED, **change), NOW), change


def test_a_later_confirmation_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    other = msgspec.structs.replace(EXPOSED, port=9)
    confirm(tmp_path, EXPOSED)
    confirm(tmp_path, other)
    assert confirmed(tmp_path, other, NOW)
    assert not confirmed(tmp_path, EXPOSED, NOW)
    withdraw(tmp_path)
    withdraw(tmp_path)
    assert not confirmed(tmp_path, other, NOW)


def test_a_confirmation_ends_when_it_was_said_to(tmp_path: Path) -> None:
    confirm(tmp_path, EXPOSED, "ada", NOW - 5, NOW)
    assert confirmed(tmp_path, EXPOSED, NOW - 1) and not confirmed(tmp_path, EXPOSED, NOW)
    assert refusal_of(tmp_path, EXPOSED, NOW - 1) is None
    refusal = str(refusal_of(tmp_path, EXPOSED, NOW))
    assert "bridges expose" in refusal and refusal.endswith(
        "what you confirmed ended at 2027-01-15T08:00:00Z"
    )
    confirm(tmp_path, EXPOSED, "ada", NOW)
    assert confirmed(tmp_path, EXPOSED, NOW * 2)
    assert refusal_of(tmp_path, Server(), NOW) is None


def test_a_record_of_before_there_was_an_end_counts_on(tmp_path: Path) -> None:
    old = {
        "host": "192.168.1.5",
        "port": 8787,
        "allow_from": ["10.0.0.0/8", "192.168.1.0/24"],
        "tls_cert": "",
    }
    write_private(tmp_path / "exposure.json", msgspec.json.encode(old))
    assert confirmed(tmp_path, EXPOSED, NOW)


def test_what_people_are_shown(tmp_path: Path) -> None:
    closed = exposure_view(tmp_path, EXPOSED, NOW)
    assert (closed.reach, closed.allowed, closed.warning) == ("address", False, "")
    assert "bridges expose" in closed.why
    confirm(tmp_path, EXPOSED, "ada", NOW - 5, NOW + 1_000_000)
    seen = exposure_view(tmp_path, EXPOSED, NOW)
    assert seen.allowed and seen.why == "" and "set server.tls_cert" in seen.warning
    assert (seen.confirmed_by, seen.confirmed_at) == ("ada", "2027-01-15T07:59:59Z")
    assert seen.until == "2027-01-15T08:00:01Z"
    open_to_all = Server(host="192.168.1.5", expose=True, tls_cert="c", tls_key="k")
    confirm(tmp_path, open_to_all)
    assert "set server.allow_from" in exposure_view(tmp_path, open_to_all, NOW).warning
    at_home = exposure_view(tmp_path, Server(), NOW)
    assert (at_home.reach, at_home.allowed, at_home.until, at_home.warning) == ("loopback", True, None, "")


def test_the_record_is_private_and_nothing_else_is_taken_for_one(tmp_path: Path) -> None:
    confirm(tmp_path, EXPOSED)
    record = tmp_path / "exposure.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    record.chmod(0o644)
    with pytest.raises(ConfigError, match="open to others"):
        confirmed(tmp_path, EXPOSED, NOW)
    for content in (b"", b"yes", b"{}", b"true", b"\xff"):
        write_private(record, content)
        assert not confirmed(tmp_path, EXPOSED, NOW)


def test_the_published_table_is_the_true_one() -> None:
    assert truth_table() in DOCUMENT.read_text("utf-8"), "run `python scripts/docs.py`"
    assert len(truth_table().splitlines()) == 2 + 32
