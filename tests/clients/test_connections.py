"""What is told of a connection."""

import msgspec

from llm_gateway.clients.connections import Asked, CannotConnect, Connection, FileShown, Opening, PutBack


def test_it_says_what_is_in_the_way_and_what_helps() -> None:
    error = CannotConnect("changed", "it was written since", "look again")
    assert (error.kind, error.message, error.hint, str(error)) == (
        "changed",
        "it was written since",
        "look again",
        "it was written since",
    )
    assert CannotConnect("failed", "no").hint == ""


def test_one_of_which_nothing_is_known_is_not_connected() -> None:
    shown = Connection("x", "X", undo=PutBack((FileShown("~/a", "changed", "-a\n+b"),)))
    told = msgspec.json.decode(msgspec.json.encode(shown))
    assert (told["possible"], told["connected"], told["plan"], told["connected_at"]) == (
        False,
        False,
        "",
        None,
    )
    assert told["undo"]["files"] == [{"path": "~/a", "becomes": "changed", "diff": "-a\n+b"}]
    assert Asked() == Asked("", "", telemetry=False) and Opening("x").key_id == ""
