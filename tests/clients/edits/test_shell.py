"""Exports, and blocks of a profile, as real shells read them."""

import subprocess
from pathlib import Path

import pytest

from llm_gateway.clients.edits import shell
from llm_gateway.clients.edits.values import CannotEdit

_NASTY = 'it\'s $HOME `id` "q" \\ # !'


def test_a_shell_reads_what_was_written(tmp_path: Path) -> None:
    exports, profile = tmp_path / "it's here.sh", tmp_path / "profile"
    exports.write_text(shell.put(shell.put("", ["A"], _NASTY), ["B"], "2"))
    profile.write_text(shell.put("C=3", [shell.BLOCK, "codex-cli"], str(exports)))
    told = subprocess.run(
        ["sh", "-c", f'. \'{profile}\'; printf \'%s|\' "$A" "$B" "$C"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == f"{_NASTY}|2|3|"
    exports.unlink()
    assert (
        subprocess.run(["sh", "-ec", f". '{profile}'; echo on"], capture_output=True, check=False).stderr
        == b""
    )


def test_they_are_read_back_replaced_and_taken_out() -> None:
    text = '# mine\nexport PATH="$HOME/bin:$PATH" # first\n'
    made = shell.put(shell.put(text, [shell.BLOCK, "a"], "/x y"), [shell.BLOCK, "b"], "/z")
    tree = shell.parse(made)
    assert tree == {"PATH": "$HOME/bin:$PATH", shell.BLOCK: {"a": "/x y", "b": "/z"}}
    assert shell.parse(shell.put(made, [shell.BLOCK, "a"], "/new")) == {
        "PATH": "$HOME/bin:$PATH",
        shell.BLOCK: {"a": "/new", "b": "/z"},
    }
    assert shell.cut(shell.cut(made, [shell.BLOCK, "a"]), [shell.BLOCK, "b"]) == text
    assert shell.put(text, ["PATH"], "x") == "# mine\nexport PATH=x\n"
    assert shell.cut(text, [shell.BLOCK]) == text


def test_a_block_that_somebody_wrote_in_goes_as_a_whole() -> None:
    text = "# >>> llm-gateway a >>>\n[ -r /x ] && . /x\nmore\n# <<< llm-gateway a <<<\nafter\n"
    assert shell.parse(text) == {shell.BLOCK: {"a": "/x"}}
    assert shell.cut(text, [shell.BLOCK, "a"]) == "after\n"
    assert shell.parse("# >>> llm-gateway a >>>\n") == {}


def test_what_a_line_cannot_hold_is_refused() -> None:
    with pytest.raises(CannotEdit, match="several lines"):
        shell.put("", ["A"], "x\ny")
    for at in (["1A"], ["A B"], ["a", "b", "c"]):
        with pytest.raises(CannotEdit, match="no name of a variable"):
            shell.put("", at, "x")
    with pytest.raises(CannotEdit, match="no lists"):
        shell.append("", ["A"], "x")
    assert shell.parse("export A='open\nexport B=a b\n") == {"A": "'open", "B": "a b"}
