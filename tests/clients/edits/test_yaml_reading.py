"""Where everything lies in YAML."""

import pytest

from llm_gateway.clients.edits.values import CannotEdit
from llm_gateway.clients.edits.yaml_reading import read_parts

TEXT = """# top
a: 1 # one
b:
  - x
  -   y: 2
      z: |
        text

    # inside
c: {d: [1]}
e:

# end
"""


def test_each_part_is_found() -> None:
    root = read_parts(TEXT)
    assert root is not None and (root.kind, root.column) == ("mapping", 0)
    assert [(part.name, part.kind, part.in_line) for part in root.parts] == [
        ("a", "scalar", False),
        ("b", "list", False),
        ("c", "mapping", True),
        ("e", "scalar", False),
    ]
    first, second, third, last = root.parts
    assert TEXT[first.start : first.end] == "a: 1"
    assert TEXT[third.value_start : third.end] == "{d: [1]}" and third.parts == ()
    assert last.value_start == last.end
    assert [TEXT[part.start] for part in second.parts] == ["-", "-"]
    item = second.part("1")
    assert item is not None and item.column == 6 and [part.name for part in item.parts] == ["y", "z"]
    assert TEXT[second.start : second.end].endswith("text")
    assert root.part("nothing") is None


def test_a_text_may_say_nothing_and_an_alias_is_refused() -> None:
    assert read_parts("") is None and read_parts("# only\n") is None
    with pytest.raises(CannotEdit, match="line 2 holds an alias"):
        read_parts("a: &x [1]\nb: *x\n")
    deep = "\n".join(f"{'  ' * level}k:" for level in range(150))
    with pytest.raises(CannotEdit):
        read_parts(deep)
