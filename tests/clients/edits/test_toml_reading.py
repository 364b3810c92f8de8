"""Where the statements of TOML lie."""

import tomllib

from llm_gateway.clients.edits.toml_reading import statements

TEXT = '''# [no]
a = 1 # one
"b c".d = """
[no] = "x" \\
"""  # two
e = [ # ]
  { f = "}" }, 'g#',
]
[t . "u.v"]
w = 'x'
h = { i.j = [1] }
[[k]]
l = 1
[[k]]
[k.m]
n = 2026-01-01T00:00:00Z
[[k.o]]
p = \'\'\'it''s'\'\'\'
'''


def test_each_statement_is_found_with_its_place_and_its_value() -> None:
    found = list(statements(TEXT))
    assert tomllib.loads(TEXT)
    assert [(each.kind, each.path) for each in found] == [
        ("key", ("a",)),
        ("key", ("b c", "d")),
        ("key", ("e",)),
        ("table", ("t", "u.v")),
        ("key", ("t", "u.v", "w")),
        ("key", ("t", "u.v", "h")),
        ("item", ("k", "0")),
        ("key", ("k", "0", "l")),
        ("item", ("k", "1")),
        ("table", ("k", "1", "m")),
        ("key", ("k", "1", "m", "n")),
        ("item", ("k", "1", "o", "0")),
        ("key", ("k", "1", "o", "0", "p")),
    ]
    values = [TEXT[each.value_start : each.end] for each in found if each.kind == "key"]
    for value in values:
        assert tomllib.loads(f"x = {value}")
    assert values[0] == "1" and values[1].endswith('"""') and values[2].endswith("]")
    assert values[-1] == "'''it''s''''"
    assert [TEXT[each.start : each.end] for each in found if each.kind != "key"][:2] == [
        '[t . "u.v"]',
        "[[k]]",
    ]


def test_a_statement_covers_what_is_in_it() -> None:
    (each,) = statements("a.b = 1")
    assert each.covers(("a",)) and each.covers(("a", "b")) and each.covers(())
    assert not each.covers(("b",)) and not each.covers(("a", "b", "c"))
    assert list(statements("\n# nothing\n")) == []


def test_lines_may_end_in_either_way() -> None:
    found = list(statements("a = 1\r\n[t]\r\nb = 'x' # y\r\n"))
    assert [(each.path, each.start, each.end) for each in found] == [
        (("a",), 0, 5),
        (("t",), 7, 10),
        (("t", "b"), 12, 19),
    ]
