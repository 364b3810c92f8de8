"""Documents: read whole when they changed, waited for while they are written, passed over when too large."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from llm_gateway.clients.logs.documents import LARGEST, document_reader
from llm_gateway.clients.logs.reading import QUIET_US, Log, Read
from llm_gateway.ledger.sightings import Sighting


class _Document(msgspec.Struct):
    ids: list[str]


def _form(log: Log, document: bytes, changed_us: int) -> Iterator[Sighting | str]:
    yield "newer"
    for each in msgspec.json.decode(document, type=_Document).ids:
        yield Sighting(log.client, log.machine, "log", each, changed_us)


def read(path: Path, state: str = "", now_us: int = 0) -> Read:
    return document_reader(_form)(Log(path, "c", "m", now_us), state)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.json"
    path.write_bytes(b'\0\0 \n{"ids": ["a", "b"], "said": "\xe4\xbd\xa0"}\n')
    return path


def test_a_document_is_read_when_it_changed(log: Path) -> None:
    first = read(log)
    assert [each.mark for each in first.sightings] == ["a", "b"]
    assert {each.at_us for each in first.sightings} == {log.stat().st_mtime_ns // 1000}
    assert first.problems == ("newer",)
    assert read(log, first.state) == Read([], first.state)
    log.write_bytes(b'{"ids": ["a", "b", "c"]}')
    assert [each.mark for each in read(log, first.state).sightings] == ["a", "b", "c"]


def test_one_that_was_replaced_by_one_of_the_same_size_and_time_is_read(log: Path) -> None:
    first = read(log)
    there = log.stat()
    other = log.with_name("other")
    other.write_bytes(log.read_bytes().replace(b'"b"', b'"c"'))
    os.utime(other, ns=(there.st_atime_ns, there.st_mtime_ns))
    other.rename(log)
    assert [each.mark for each in read(log, first.state).sightings] == ["a", "c"]


def test_one_that_has_no_end_yet_is_waited_for(log: Path) -> None:
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) // 2])
    changed_us = log.stat().st_mtime_ns // 1000
    assert read(log, "", changed_us) == Read([], "")
    late = read(log, "", changed_us + QUIET_US)
    assert late.problems == ("newer", "a document that is not JSON")
    assert read(log, late.state, changed_us + QUIET_US) == Read([], late.state)
    log.write_bytes(whole)
    assert [each.mark for each in read(log, late.state).sightings] == ["a", "b"]


@pytest.mark.parametrize("text", [b"[]", b'{"ids": 5}', b"null"])
def test_another_form_is_said(log: Path, text: bytes) -> None:
    log.write_bytes(text)
    assert read(log).problems == ("newer", "a document of a form that is not known")


def test_one_that_is_too_large_is_said_and_not_opened(log: Path) -> None:
    with log.open("r+b") as file:
        file.truncate(LARGEST + 1)
    told = read(log)
    assert told.problems == ("a document of more than 64 MB was passed over",)
    assert read(log, told.state) == Read([], told.state)


def test_a_folder_is_no_document(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read(tmp_path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "gone")
