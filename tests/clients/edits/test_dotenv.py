"""Files of variables."""

import pytest

from llm_gateway.clients.edits import dotenv
from llm_gateway.clients.edits.values import CannotEdit


def test_values_are_read_as_programs_read_them() -> None:
    text = (
        "A=1\n export B = 'x # y' # why\nC=\"a\\nb\\\"c\"\n# D=1\nE=\nF=plain text # said\nG=it's\nH='\n"
        "no line of ours\nA=2\r\n"
    )
    assert dotenv.parse(text) == {
        "A": "2",
        "B": "x # y",
        "C": 'a\nb"c',
        "E": "",
        "F": "plain text",
        "G": "it's",
        "H": "'",
    }


def test_only_the_value_is_replaced_in_each_place() -> None:
    text = "# mine\r\nexport A = 'one' # why\r\nB=2\r\nA=three"
    assert dotenv.put(text, ["A"], "x y") == "# mine\r\nexport A = 'x y' # why\r\nB=2\r\nA='x y'"
    assert dotenv.cut(text, ["A"]) == "# mine\r\nB=2"


@pytest.mark.parametrize(
    "value", ["", "plain", "with space", "it's", 'a "b" $C `d`', "two\nlines", "#no", "\\"]
)
def test_what_is_written_is_read(value: str) -> None:
    assert dotenv.parse(dotenv.put("", ["A"], value)) == {"A": value}


def test_there_are_no_tables_and_no_lists() -> None:
    with pytest.raises(CannotEdit, match="no name of a variable"):
        dotenv.put("", ["a", "b"], "x")
    with pytest.raises(CannotEdit, match="hold no lists"):
        dotenv.append("", ["A"], "x")
