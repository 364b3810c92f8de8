"""Files without our settings: as they were, or as others left them."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.clients.catalog import Client, Edit, File, Format, Way
from llm_gateway.clients.connect.applying import apply
from llm_gateway.clients.connect.files import CannotChange, digest
from llm_gateway.clients.connect.planning import Wish, Words, plan
from llm_gateway.clients.connect.record import Kept, Made, Record
from llm_gateway.clients.connect.traces import traces
from llm_gateway.clients.connect.undoing import state, undo, undoing
from llm_gateway.clients.machine import Machine

_EDITS = (
    Edit(("env", "URL"), "{url}"),
    Edit(("env", "KEY"), "{key}"),
    Edit(("deep", "er", "us"), {"url": "{url}", "name": "us"}),
    Edit(("list",), {"url": "{url}", "key": "{key}"}, append=True),
    Edit(("model",), "us/{model}"),
)
_leaves = st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=4)
_users = st.fixed_dictionaries(
    {},
    optional={
        "env": st.dictionaries(st.sampled_from(["URL", "OTHER"]), _leaves, max_size=2),
        "deep": st.dictionaries(st.sampled_from(["er", "x"]), st.just({"theirs": 1}), max_size=2),
        "list": st.lists(_leaves, max_size=3),
        "model": _leaves,
        "more": _leaves,
    },
)


def made(*at: str, to: object, append: bool = False) -> Made:
    return Made(at, append, traces(to, {}))


def record(path: Path, before: str | None, after: str, *settings: Made, format: Format = "json") -> Record:
    path.write_text(after)
    path.chmod(0o600)
    original = None if before is None else before.encode()
    kept = Kept(str(path), format, original, 0o644, digest(after.encode()), 0o600, settings)
    return Record("x", "key", "key_1", 1, (kept,))


def left(path: Path, done: Record) -> object:
    undone = undo(done, path.parent)
    assert undone.failed == ()
    return json.loads(path.read_bytes()) if path.exists() else None


def test_what_was_replaced_comes_back_and_what_was_added_stays(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    done = record(
        path, '{"a": "old"}', '{"a": "new", "b": {"c": 1}}', made("a", to="new"), made("b", "c", to=1)
    )
    path.write_text('{"z": 1, "b": {"c": 1}, "a": "new"}')
    assert left(path, done) == {"z": 1, "a": "old"}
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_somebody_set_to_something_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    done = record(path, '{"a": "old"}', '{"a": "new"}', made("a", to="new"))
    path.write_text('{"a": "theirs"}')
    assert state(done).name == "gone" and state(done).missing == ("a",)
    told = undo(done, tmp_path).said
    assert told == (
        f"a in {path} was changed since and stays as it is",
        f"{path} was changed since; those changes are kept",
    )
    assert path.read_text() == '{"a": "theirs"}'


def test_an_item_is_found_wherever_it_is_by_now(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    item = {"url": "{url}", "name": "us"}
    done = record(path, '{"l": [1]}', "{}", made("l", to=item, append=True))
    path.write_text('{"l": [{"url": "{url}", "name": "renamed", "more": 1}, 1, 2]}')
    assert state(done).name == "as written"
    assert left(path, done) == {"l": [1, 2]}


def test_a_new_file_goes_when_nothing_else_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    done = record(path, None, '{"a": {"b": 1}}', made("a", "b", to=1))
    path.write_text('{\n  "a": {\n    "b": 1\n  }\n}\n')
    assert left(path, done) is None
    done = record(path, None, '{"a": 1}', made("a", to=1))
    path.write_text('{"a": 1, "theirs": 2}')
    assert left(path, done) == {"theirs": 2}


def test_a_mode_that_somebody_set_stays(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    done = record(path, "{}", '{"a": 1}', made("a", to=1))
    path.write_text('{"a": 1, "b": 2}')
    path.chmod(0o640)
    undo(done, tmp_path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_gone_stays_gone(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    done = record(path, "{}", '{"a": 1}', made("a", to=1))
    path.unlink()
    assert state(done).name == "gone"
    assert undo(done, tmp_path).said == (f"{path} was deleted since, and stays so",)
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_read_any_more_is_told_and_the_record_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    done = record(path, "{}", '{"a": 1}', made("a", to=1))
    for content in (b'{"a": 1', b"\xff"):
        path.write_bytes(content)
        with pytest.raises(CannotChange, match="cannot be put right"):
            undoing(done.files[0])
        assert len(undo(done, tmp_path).failed) == 1 and path.read_bytes() == content
        assert state(done).name == "gone"


def test_some_settings_may_be_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    settings = (made("a", to="x"), made("t", "b", to="y"))
    done = record(path, "", 'a = "x"\n\n[t]\nb = "y"\n', *settings, format="toml")
    assert state(done).name == "as written"
    path.write_text('a = "x"\n[t]\nb = "z"\n')
    assert (state(done).name, state(done).missing) == ("rewritten", ("t.b",))


@given(_users, st.sampled_from([None, 0, 3, "\t"]), st.dictionaries(st.text(max_size=3), _leaves, max_size=2))
def test_whatever_was_there_comes_back_whoever_wrote_it_anew(
    tmp_path_factory: pytest.TempPathFactory,
    users: dict[str, object],
    indent: int | str | None,
    added: dict[str, object],
) -> None:
    folder = tmp_path_factory.mktemp("home")
    path, home = folder / "s.json", folder / "gateway"
    before = json.dumps(users, indent=indent)
    path.write_text(before)
    row = Client("x", "X", "nobody", ways={"key": Way((File({"any": "~/s.json"}, "json", _EDITS),))})
    words = Words("http://127.0.0.1:8787", "lgw_key", "x", "m", ("m",))
    planned = plan(Wish(row, "key"), Machine("linux", folder, {}, folder), words, home)
    undo(apply(planned, home, "key_1", 1), home)
    assert path.read_text() == before
    done = apply(planned, home, "key_1", 1)
    theirs = {f"theirs {name}": value for name, value in added.items()}
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **theirs}, indent=2))
    assert state(done).name == "as written"
    assert undo(done, home).failed == ()
    assert json.loads(path.read_bytes()) == {**users, **theirs}
