"""Secrets stay hidden, keys have their form, and files are private or refused."""

import copy
import json
import os
import pickle
import resource
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from llm_gateway.errors import ConfigError
from llm_gateway.telemetry.log import masked
from llm_gateway.vault import (
    Secret,
    check_secret,
    key_digest,
    load_master_key,
    load_or_create_owner_token,
    load_or_create_pepper,
    load_owner_token,
    looks_like_join_token,
    looks_like_key,
    mint_join_token,
    mint_key,
    read_private,
    write_private,
)

CANARY = "canary-5f2c1e"


def test_a_secret_gives_itself_away_to_reveal_alone() -> None:
    secret = Secret(CANARY)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        f"{secret:s}",
        "%s %r" % (secret, secret),  # noqa: UP031 - this way of formatting is a case of its own
        repr({"key": [secret]}),
        repr(copy.copy(secret)),
        repr(copy.deepcopy({"key": secret})),
        repr(ValueError("refused", secret)),
    ]
    assert secret.reveal() == CANARY
    assert [text for text in shown if CANARY in text] == []
    assert not hasattr(secret, "__dict__")


def test_a_secret_is_not_serialised() -> None:
    secret = Secret(CANARY)
    for encode in (json.dumps, msgspec.json.encode, msgspec.msgpack.encode, pickle.dumps):
        with pytest.raises(TypeError) as refused:
            encode({"key": secret})
        assert CANARY not in str(refused.value)


def test_secrets_are_equal_by_value_and_never_to_a_text() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret("another")
    assert Secret(CANARY) != CANARY
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_minted_key_is_recognised_and_no_two_are_alike() -> None:
    keys = {mint_key() for _ in range(200)}
    assert len(keys) == 200
    for key in keys:
        assert key.startswith("lgw_")
        assert len(key) == 53
        assert looks_like_key(key)
        assert looks_like_key(key.encode())


def test_a_join_token_is_no_key_and_no_log_shows_it() -> None:
    token = mint_join_token()
    assert looks_like_join_token(token) and not looks_like_key(token)
    assert not looks_like_join_token(mint_key()) and not looks_like_join_token(token[:-1])
    assert masked(f"joined with {token}") == "joined with ***"


def test_what_is_not_a_key_is_not_taken_for_one() -> None:
    key = mint_key()
    swapped = key[:10] + ("A" if key[10] != "A" else "B") + key[11:]
    for text in ("", "lgw_", key[:-1], key + "0", swapped, key.replace("lgw_", "lgx_"), key[:-1] + "-"):
        assert not looks_like_key(text), text
    assert not looks_like_key(b"\xff" * 53)
    assert not looks_like_key("lgw_" + "é" * 49)


def test_the_digest_depends_on_pepper_and_key() -> None:
    # RFC 4231, test case 2: the digest is plain HMAC-SHA-256.
    assert key_digest(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
    assert key_digest(b"p" * 32, "lgw_a") == key_digest(b"p" * 32, b"lgw_a")
    assert key_digest(b"p" * 32, b"lgw_a") != key_digest(b"q" * 32, b"lgw_a")
    assert len(key_digest(b"p", "\udc80")) == 32


WEAK = (
    "",
    "   ",
    "\t\n",
    "short",
    "fifteen-chars-x",
    "aaaaaaaaaaaaaaaaaaaaaaaa",
    "abababababababababab",
    "changeme-changeme-changeme",
    "Change_Me_Please_12345",
    "your-api-key-goes-here",
    "sk-1234567890abcdef",
    "sk-your-key-0123456789",
    "password123456789",
    "12345678901234567890",
    "0123456789abcdef0123",
    "REPLACE-ME-0987654321",
    "lgw_example_key_000001",
    "with space inside it 1",
    "line\nbreak-in-the-middle-9",
    "schlüssel-mit-umlaut-77",
)


@pytest.mark.parametrize("value", WEAK)
def test_a_secret_that_protects_nothing_is_refused_by_name(value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_secret("LLM_GATEWAY_BOOTSTRAP_KEY", value)
    message = str(refused.value)
    assert message.startswith("LLM_GATEWAY_BOOTSTRAP_KEY ")
    if value.strip():
        assert value not in message


def test_random_secrets_are_taken() -> None:
    for value in (mint_key(), os.urandom(16).hex(), "J8s!kfe02-_xLQp4", "test-dashboard-token-7"):
        check_secret("NAME", value)


def test_the_pepper_is_made_once_and_private(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    pepper = load_or_create_pepper(home)
    assert len(pepper) == 32
    assert load_or_create_pepper(home) == pepper
    assert load_or_create_pepper(tmp_path / "another") != pepper
    assert stat.S_IMODE((home / "pepper").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert [path.name for path in home.iterdir()] == ["pepper"]


def test_starts_at_the_same_time_agree_on_one_pepper(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: load_or_create_pepper(tmp_path), range(32)))
    assert len(set(made)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["pepper"]


@pytest.mark.control("T14")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    load_or_create_pepper(tmp_path)
    (tmp_path / "pepper").chmod(mode)
    with pytest.raises(ConfigError, match=rf"{tmp_path}/pepper is open to others \(mode {mode:04o}\)"):
        load_or_create_pepper(tmp_path)


@pytest.mark.control("T14")
def test_a_link_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"x" * 32)
    (tmp_path / "elsewhere").chmod(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "folder", "pipe"):
        with pytest.raises(ConfigError, match=name):
            read_private(tmp_path / name)


@pytest.mark.control("T14")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_refused(tmp_path: Path) -> None:
    load_or_create_pepper(tmp_path)
    os.chown(tmp_path / "pepper", 65534, 65534)
    with pytest.raises(ConfigError, match="belongs to user 65534"):
        load_or_create_pepper(tmp_path)


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_damaged_pepper_is_refused(tmp_path: Path, content: bytes) -> None:
    write_private(tmp_path / "pepper", content)
    with pytest.raises(ConfigError, match="where 32 belong"):
        load_or_create_pepper(tmp_path)


def test_a_file_too_long_to_be_ours_is_refused(tmp_path: Path) -> None:
    write_private(tmp_path / "pepper", b"x" * 70_000)
    with pytest.raises(ConfigError, match="over 65536 bytes"):
        load_or_create_pepper(tmp_path)


@pytest.mark.fault("P21")
def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "record"
    assert read_private(path) is None
    write_private(path, b"one")
    write_private(path, b"two")
    assert read_private(path) == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["record"]


def test_writing_over_a_link_leaves_its_target_alone(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"theirs")
    (tmp_path / "record").symlink_to(target)
    write_private(tmp_path / "record", b"ours")
    assert target.read_bytes() == b"theirs"
    assert not (tmp_path / "record").is_symlink()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for act in (
        lambda home: write_private(home / "record", b""),
        load_or_create_pepper,
        load_or_create_owner_token,
    ):
        with pytest.raises(ConfigError, match=str(tmp_path / "file")):
            act(tmp_path / "file")
    (tmp_path / "occupied").mkdir()
    with pytest.raises(ConfigError, match="occupied cannot be written"):
        write_private(tmp_path / "occupied", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "occupied"]


@contextmanager
def no_room() -> Iterator[None]:
    """Let every write to a file fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.fault("P21")
def test_on_a_full_disk_the_old_file_stays_and_no_half_one_is_left(tmp_path: Path) -> None:
    write_private(tmp_path / "record", b"old")
    failures = []
    with no_room():
        for act in (
            lambda: write_private(tmp_path / "record", b"new"),
            lambda: load_or_create_pepper(tmp_path),
        ):
            try:
                act()
            except ConfigError as error:
                failures.append(str(error))
    assert len(failures) == 2
    assert all("cannot be written: File too large" in failure for failure in failures)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("record", b"old")]


def test_the_master_key_is_made_when_it_is_needed_and_only_then(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="master key is missing"):
        load_master_key(tmp_path, make=False)
    key = load_master_key(tmp_path, make=True)
    assert len(key) == 32 and key.hex() not in ("0" * 64)
    assert load_master_key(tmp_path, make=False) == load_master_key(tmp_path, make=True) == key
    assert stat.S_IMODE((tmp_path / "master-key").stat().st_mode) == 0o600


def test_a_master_key_that_is_named_has_to_be_there_and_is_read_alone(tmp_path: Path) -> None:
    named = tmp_path / "elsewhere"
    with pytest.raises(ConfigError, match="LLM_GATEWAY_MASTER_KEY_FILE"):
        load_master_key(tmp_path, named, make=True)
    write_private(named, b"ab" * 32 + b"\n")
    assert load_master_key(tmp_path, named, make=True) == b"\xab" * 32
    assert not (tmp_path / "master-key").exists()
    named.chmod(0o644)
    with pytest.raises(ConfigError, match="open to others"):
        load_master_key(tmp_path, named, make=True)


@pytest.mark.parametrize("content", [b"", b"ab" * 31, b"ab" * 33, b"xy" * 32, b"\xff" * 64, b"a b" * 32])
def test_what_is_no_master_key_is_refused_without_being_shown(tmp_path: Path, content: bytes) -> None:
    write_private(tmp_path / "master-key", content)
    with pytest.raises(ConfigError, match="does not hold a master key") as refused:
        load_master_key(tmp_path, make=True)
    assert content.decode("latin-1") not in str(refused.value) or not content


def test_the_owner_token_is_made_once_and_is_no_gateway_key(tmp_path: Path) -> None:
    assert load_owner_token(tmp_path) is None
    token = load_or_create_owner_token(tmp_path)
    assert load_or_create_owner_token(tmp_path) == token
    assert load_owner_token(tmp_path) == token
    assert token.reveal().startswith("lgo_")
    assert not looks_like_key(token.reveal())
    assert stat.S_IMODE((tmp_path / "owner-token").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"lgo_short", b"\xff" * 53])
def test_a_damaged_owner_token_is_refused(tmp_path: Path, content: bytes) -> None:
    write_private(tmp_path / "owner-token", content)
    with pytest.raises(ConfigError, match="does not hold an owner token"):
        load_owner_token(tmp_path)
