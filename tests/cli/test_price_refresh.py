"""Taking over newer prices: from a file or an address, shown, undone, and never by halves."""

import json
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from llm_gateway.ledger.price_table import read_table, shipped_table, table_of
from llm_gateway.ledger.price_taking import taken, written
from terminal import Terminal

Models = Mapping[str, Mapping[str, float]]

OLD: Models = {"a": {"input_mtok": 1, "output_mtok": 2}, "b": {"input_mtok": 3, "output_mtok": 4}}
NEW: Models = {"a": {"input_mtok": 1.5, "output_mtok": 2}, "c": {"input_mtok": 5}}


def published(models: Models) -> bytes:
    listed = [{"id": name, "match": {"equals": name}, "prices": told} for name, told in models.items()]
    return json.dumps([{"id": "p", "api_pattern": "https://p", "models": listed}]).encode()


@pytest.fixture
def own(stopped: Terminal) -> Terminal:
    """Return a terminal on a home that has a table of its own."""
    stopped.home.mkdir(parents=True, exist_ok=True)
    (stopped.home / "prices.json").write_bytes(written("genai-prices", "2026-01-01", taken(published(OLD))))
    return stopped


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    file = tmp_path / "data.json"
    file.write_bytes(published(NEW))
    return file


@pytest.fixture
def served() -> Iterator[Callable[[bytes], str]]:
    """Return what serves a text at an address."""
    servers: list[ThreadingHTTPServer] = []

    def serve(body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/data.json"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def price(terminal: Terminal, model: str = "p/a") -> object:
    shown = terminal.json("prices", "show", model)["prices"]
    assert isinstance(shown, list)
    return shown[0]["card"]["rates"]["input"]


def test_what_changes_is_shown_and_holds_until_it_is_undone(own: Terminal, newer: Path) -> None:
    assert price(own) == [[0, "1"]]
    done = own.ok("prices", "refresh", str(newer))
    assert [line.split() for line in done.out.splitlines()[1:]] == [
        ["p", "a", "changed", "1/2", "1.5/2"],
        ["p", "b", "gone", "3/4", "-"],
    ]
    assert "1 changed, 1 new, 1 gone" in done.err and "prices refresh --undo" in done.err
    assert price(own) == [[0, "1.5"]]
    table = table_of(own.home)
    assert table.source == "genai-prices" and table.version >= "2026-01-01" and table.names == ("p",)
    own.ok("prices", "refresh", "--undo")
    assert price(own) == [[0, "1"]]
    own.ok("prices", "refresh", "--undo")
    assert table_of(own.home) is shipped_table()
    done = own("prices", "refresh", "--undo")
    assert done.code == 1 and "nothing to undo" in done.err


def test_both_ways_are_on_record(own: Terminal, newer: Path) -> None:
    own.ok("prices", "refresh", str(newer))
    sha256 = table_of(own.home).sha256
    own.ok("prices", "refresh", "--undo")
    entries = own.json("audit")["entries"]
    assert isinstance(entries, list)
    assert [entry["action"] for entry in entries] == ["prices.refresh", "prices.undo"]
    assert entries[0]["detail"] == {"sha256": sha256}


def test_a_dry_run_changes_nothing(own: Terminal, newer: Path) -> None:
    before = (own.home / "prices.json").read_bytes()
    told = own.json("prices", "refresh", str(newer), "--dry-run")
    assert told["schema"] == "llm-gateway/price-refresh/v1" and told["done"] == "shown"
    changes = told["changes"]
    assert isinstance(changes, list)
    assert [(each["model"], each["kind"]) for each in changes] == [
        ("a", "changed"),
        ("b", "gone"),
        ("c", "new"),
    ]
    assert (own.home / "prices.json").read_bytes() == before
    assert "nothing was changed" in own.ok("prices", "refresh", str(newer), "--dry-run").err
    assert not (own.home / "audit.jsonl").exists()


def test_the_same_prices_are_none_that_are_new(own: Terminal, tmp_path: Path) -> None:
    (tmp_path / "same.json").write_bytes(published(OLD))
    done = own.ok("prices", "refresh", str(tmp_path / "same.json"))
    assert "the prices are these already" in done.err and "0 changed, 0 new, 0 gone" in done.err


def test_an_address_is_asked_that_is_named_or_set(own: Terminal, served: Callable[[bytes], str]) -> None:
    own.ok("prices", "refresh", served(published(NEW)))
    assert price(own) == [[0, "1.5"]]
    (own.home / "gateway.toml").write_text(f'[prices]\nurl = "{served(published(OLD))}"\n')
    own.ok("prices", "refresh")
    assert price(own) == [[0, "1"]]


def test_a_bad_source_changes_nothing(own: Terminal, tmp_path: Path, served: Callable[[bytes], str]) -> None:
    before = (own.home / "prices.json").read_bytes()
    (tmp_path / "odd.json").write_bytes(b"<html>")
    with (tmp_path / "endless.json").open("wb") as endless:
        endless.truncate(64 * 1024 * 1024 + 1)
    bad = served(b"[]")
    for source, why in (
        (str(tmp_path / "odd.json"), "not in the form"),
        (str(tmp_path / "none.json"), "No such file"),
        (str(tmp_path), "directory"),
        (str(tmp_path / "endless.json"), "over 67108864 bytes"),
        (bad, "no model with a price"),
        ("ftp://somewhere/data.json", "is not a URL"),
    ):
        done = own("prices", "refresh", source)
        assert (done.code, done.out) == (1, "") and why in done.err and source in done.err
        assert "nothing was changed" in done.err
    assert (own.home / "prices.json").read_bytes() == before


def test_much_less_than_there_was_is_no_newer_table(stopped: Terminal, newer: Path) -> None:
    done = stopped("prices", "refresh", str(newer))
    assert done.code == 1 and "it has 2 models" in done.err
    assert table_of(stopped.home) is shipped_table()


def test_a_table_that_cannot_be_read_is_said_and_replaced(own: Terminal, tmp_path: Path) -> None:
    (own.home / "prices.json").write_bytes(b"{")
    assert "cannot be read" in own.ok("prices", "show", "openai/gpt-5").err
    whole = {f"m{number}": {"input_mtok": 1.0} for number in range(1500)}
    (tmp_path / "whole.json").write_bytes(published(whole))
    own.ok("prices", "refresh", str(tmp_path / "whole.json"))
    assert read_table((own.home / "prices.json").read_bytes()).names == ("p",)
    own.ok("prices", "refresh", "--undo")
    assert not (own.home / "prices.json").exists(), "what could not be read is nothing to go back to"


def test_what_cannot_be_together_is_wrong_usage(own: Terminal, newer: Path) -> None:
    for arguments in (("--undo", str(newer)), ("--undo", "--dry-run")):
        assert own("prices", "refresh", *arguments).code == 2
    (own.home / "gateway.toml").write_text('[prices]\nurl = ""\n')
    done = own("prices", "refresh")
    assert done.code == 2 and "prices.url" in done.err
