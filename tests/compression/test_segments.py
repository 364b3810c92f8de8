"""Stretches of a text: they cover all of it, and each is what it says."""

import json
import random

from compression_cases import conversation
from llm_gateway.compression.block import Result
from llm_gateway.compression.layout import laid_out_as
from llm_gateway.compression.numbered import Numbering
from llm_gateway.compression.segments import JsonText, Numbered, Plain, Segment, segments

OBJECT = json.dumps({"name": "some name", "values": [1, 2, 3], "note": "long enough"}, indent=2)
LINE = json.dumps({"level": "info", "message": "started", "at": "12:00:01"})


def cut(text: str) -> list[Segment]:
    return segments(text, text.split("\n"))


def joined(found: list[Segment]) -> str:
    lines: list[str] = []
    for segment in found:
        match segment:
            case Numbered():
                lines += segment.numbering.put(segment.lines)
            case JsonText(compact=compact, indent=indent, each=False):
                lines += laid_out_as(compact, indent).split("\n")
            case JsonText() | Plain():
                lines += segment.lines
    return "\n".join(lines)


def test_a_text_without_anything_is_one_stretch() -> None:
    assert cut("a\nb") == [Plain(["a", "b"])]
    assert cut("") == [Plain([""])]


def test_numbered_lines_stand_between_others() -> None:
    numbered = Numbering(1, 6, "→").put(["a", "b", "c"])
    found = cut("\n".join(["before", *numbered, "", "behind"]))
    assert found == [
        Plain(["before"]),
        Numbered(["a", "b", "c"], Numbering(1, 6, "→")),
        Plain(["", "behind"]),
    ]


def test_json_stands_among_lines() -> None:
    found = cut(f"<output>\n{OBJECT}\n</output>")
    assert [type(segment) for segment in found] == [Plain, JsonText, Plain]
    assert isinstance(found[1], JsonText) and found[1].indent == 2 and not found[1].each


def test_json_of_one_line_and_of_one_line_each() -> None:
    (alone,) = cut(LINE)
    assert isinstance(alone, JsonText) and alone.indent == 0 and not alone.each
    several = cut(f"{LINE}\n{LINE}\n{LINE}\nend")
    assert isinstance(several[0], JsonText) and several[0].each and len(several[0].lines) == 3
    assert several[0].compact.startswith('[{"level":"info",')


def test_objects_laid_out_otherwise_are_not_of_one_kind() -> None:
    compact = json.dumps(json.loads(LINE), separators=(",", ":"))
    assert [type(segment) for segment in cut(f"{LINE}\n{compact}")] == [JsonText, JsonText]


def test_what_begins_like_json_and_is_none_is_looked_at_a_few_times_only() -> None:
    wrong = "\n".join(["{", "this is no JSON", "}"] * 100)
    (plain,) = cut(wrong)
    assert isinstance(plain, Plain)
    assert [type(segment) for segment in cut(f"{wrong}\n{OBJECT}")] == [Plain]
    assert isinstance(cut("\n".join(["{"] * 50_000))[0], Plain)
    assert isinstance(cut("\n".join(["[x]" * 20] * 50_000))[0], Plain)


def test_every_text_is_covered() -> None:
    rng = random.Random(7)
    for _ in range(300):
        for step in conversation(rng):
            if isinstance(step, Result):
                assert joined(cut(step.text)) == step.text
