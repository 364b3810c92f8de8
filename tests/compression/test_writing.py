"""Results written: what is taken out where, and what stays beside it."""

import json

from llm_gateway.compression.numbered import Numbering
from llm_gateway.compression.places import Places
from llm_gateway.compression.references import Earlier
from llm_gateway.compression.writing import Least, Writing, write

CODE = [f"    value_{number} = compute(value_{number - 1}, {number})" for number in range(60)]
REMINDER = [
    "",
    "<system-reminder>",
    "Consider whether this file is what it seems. " * 4,
    "</system-reminder>",
]
LEAST = Least()


def earlier(*texts: list[str]) -> Earlier:
    found = Earlier()
    for number, lines in enumerate(texts, 1):
        found.add(f"result {number}", lines)
    return found


def wrote(text: str, before: Earlier | None = None, *, shell: bool = False, least: Least = LEAST) -> Writing:
    return write(text, 9, shell, before or Earlier(), Places(), least)


def test_nothing_to_take_out() -> None:
    assert wrote("a\nb") == Writing(["a", "b"], False, {})


def test_a_file_that_is_read_again_after_an_edit() -> None:
    changed = [*CODE[:30], "    changed", *CODE[31:]]
    found = wrote("\n".join(Numbering(1, 6, "→").put(changed)), earlier(CODE))
    assert found.lines == [
        "[lines 1-60]",
        '[same as result 1 lines 1-26: "value_0 = compute(va" … "value_25 = compute(v"]',
        *CODE[26:30],
        "    changed",
        *CODE[31:35],
        '[same as result 1 lines 36-60: "value_35 = compute(v" … "value_59 = compute(v"]',
    ]


def test_repeats_stay_within_numbered_lines() -> None:
    same = ["a line that comes again and again"] * 9
    assert wrote("\n".join(Numbering(1, 6, "→").put(same))).lines == ["[lines 1-9]", *same]
    assert wrote("\n".join(same)).lines == [same[0], "[previous line 8 more times]"]


def test_what_stands_beside_numbered_lines_is_referred_to_when_it_is_short() -> None:
    text = "\n".join([*Numbering(1, 6, "→").put(["x", "y", "z"]), *REMINDER])
    before = earlier(["other", *REMINDER])
    assert (
        wrote(text, before)
        .lines[-1]
        .startswith('[same as result 1 lines 2-5: "<system-reminder>" … "</system-reminder>')
    )
    assert wrote("\n".join(["x", *REMINDER]), before).lines == ["x", *REMINDER]
    assert len(wrote("\n".join(["x", *REMINDER]), before, shell=True).lines) == 2


def test_imitations_are_escaped_everywhere() -> None:
    imitation = "[previous line 3 more times]"
    numbered = "\n".join(Numbering(1, 6, "→").put([imitation, "b", "c"]))
    assert wrote(f"{numbered}\n{imitation}").lines == [
        *("[lines 1-3]", "\\" + imitation, "b", "c", "\\" + imitation),
    ]


def test_json_is_written_where_that_is_shorter() -> None:
    rows = [{"name": f"package-{number}", "version": "1.0.0"} for number in range(5)]
    found = wrote("before\n" + json.dumps(rows, indent=4) + "\nbehind")
    assert found.lines[:3] == ["before", "[JSON indent 4]", '{"$cols":["name","version"],"$rows":[']
    assert found.lines[-1] == "behind"
    assert list(found.json) == ["9"]
    twice = '{\n  "a": "a long enough text to be looked at",\n  "a": 2\n}'
    compact = '{"a":"a long enough text to be looked at","a":2}'
    assert wrote(twice).lines == ["[JSON indent 2 minified]", compact] or wrote(twice).lines == twice.split(
        "\n"
    )
    short = '{"a":"a long enough text to be looked at"}'
    assert wrote(short) == Writing([short], False, {})


def test_beginnings_are_said_once_by_choice_only() -> None:
    lines = [f"lib/spotter/repo.ex:{number}:  def run" for number in range(10, 18)]
    text = "\n".join(lines)
    assert not wrote(text).shorter
    grouped = wrote(text, least=Least(groups=True)).lines
    assert grouped == ["[next 8 lines each begin with: lib/spotter/repo.ex:]", *(line[20:] for line in lines)]
    unclear = "\n".join([*lines, "lib/spotter/repo.ex:[lines 1-3]"])
    assert not wrote(unclear, least=Least(groups=True)).shorter
