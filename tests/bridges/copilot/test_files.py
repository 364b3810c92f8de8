"""A session's files in memory: what the CLI asks of them, and what it is told."""

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.bridges.copilot.files import TRANSCRIPT, Files


def _answer(files: Files, verb: str, **params: str) -> object:
    return files.answer(f"sessionFs.{verb}", Raw(msgspec.json.encode({"sessionId": "s", **params})))


def test_what_was_said_before_is_there_to_be_read() -> None:
    files = Files("one\n")
    assert _answer(files, "exists", path=TRANSCRIPT) == {"exists": True}
    assert _answer(files, "appendFile", path=TRANSCRIPT, content="two\n") is None
    assert _answer(files, "readFile", path=TRANSCRIPT) == {"content": "one\ntwo\n"}
    assert _answer(Files(), "exists", path=TRANSCRIPT) == {"exists": False}


def test_a_file_that_is_not_there_is_said_to_be_missing() -> None:
    files = Files()
    missing = {"error": {"code": "ENOENT", "message": "there is no such file"}}
    assert _answer(files, "readFile", path="/state/x") == {"content": "", **missing}
    told = _answer(files, "stat", path="/state/x")
    assert isinstance(told, dict)
    assert told["error"] == missing["error"]
    assert not told["isFile"]


def test_files_and_folders_are_made_listed_moved_and_removed() -> None:
    files = Files()
    assert _answer(files, "mkdir", path="/state/temp") is None
    assert _answer(files, "writeFile", path="/state/temp/a", content="ä") is None
    assert _answer(files, "writeFile", path="/state/b", content="b") is None
    folder, file = _answer(files, "stat", path="/state/temp"), _answer(files, "stat", path="/state/temp/a")
    assert isinstance(folder, dict)
    assert isinstance(file, dict)
    assert (folder["isDirectory"], folder["isFile"]) == (True, False)
    assert (file["isDirectory"], file["isFile"], file["size"]) == (False, True, 2)
    assert _answer(files, "readdir", path="/state/temp") == {"entries": ["a"]}
    assert _answer(files, "readdirWithTypes", path="/state") == {"entries": [{"name": "b", "type": "file"}]}
    assert _answer(files, "rename", src="/state/b", dest="/state/c") is None
    assert _answer(files, "readFile", path="/state/c") == {"content": "b"}
    assert _answer(files, "rm", path="/state/temp") is None
    assert _answer(files, "exists", path="/state/temp/a") == {"exists": False}
    assert _answer(files, "exists", path="/state/c") == {"exists": True}


def test_anything_else_is_not_done() -> None:
    with pytest.raises(KeyError):
        _answer(Files(), "sqliteQuery")
    with pytest.raises(KeyError):
        _answer(Files(), "rename", src="/state/none", dest="/state/c")
    with pytest.raises(msgspec.DecodeError):
        Files().answer("sessionFs.readFile", Raw(b"[]"))
