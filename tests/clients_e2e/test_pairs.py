"""The pairs of every run are enough: each client, each way between dialects. The page tells them."""

import re

from clients_e2e.pairs import usual
from clients_e2e.rows import CLIENTS, EVERY
from clients_e2e.speech import SPEECHES
from house import ROOT, text
from real_clients import Installation

PAGE = text(ROOT / "docs" / "clients.md")
WIRES = {"chat": "Chat Completions", "responses": "Responses", "messages": "Messages", "gemini": "Gemini"}
# A line of the page's table: client, version, wire, dialects.
LINE = re.compile(r"^\|([^|]*)\|([^|]*)\|([^|]*)\| (`[a-z`, ]+`) \|$", re.MULTILINE)


def test_every_client_meets_its_own_dialect_and_a_foreign_one() -> None:
    for client in EVERY:
        assert client.foreign and client.dialect not in client.foreign, client.name
        assert set(client.foreign) <= set(SPEECHES), client.name


def test_together_they_go_from_every_dialect_to_every_other() -> None:
    ways = {(client.dialect, dialect) for client in CLIENTS for dialect in SPEECHES if usual(client, dialect)}
    spoken = {client.dialect for client in CLIENTS}
    assert ways == {(dialect, other) for dialect in spoken for other in SPEECHES}


def test_names_are_unique() -> None:
    assert len({client.name for client in EVERY}) == len(EVERY)


def test_the_page_tells_the_pinned_versions() -> None:
    installation = Installation(ROOT)
    python, aider = installation.wanted("python")["llm"], installation.wanted("aider")["aider-chat"]
    connected = {installation.wanted("npm")["opencode-ai"], aider}  # these are connected, and play no turns
    pinned = {*installation.wanted("npm").values(), python} - connected
    assert {version.strip() for _, version, _, _ in LINE.findall(PAGE)} - {""} == pinned
    assert all(version in PAGE for version in connected)


def test_the_page_tells_who_meets_whom() -> None:
    told = sorted(
        (wire.strip().strip('"').capitalize().split()[0].partition("-")[0], foreign)
        for _, _, wire, foreign in LINE.findall(PAGE)
    )
    there = sorted(
        (WIRES[client.dialect].split()[0], ", ".join(f"`{dialect}`" for dialect in client.foreign))
        for client in EVERY
    )
    assert told == there
