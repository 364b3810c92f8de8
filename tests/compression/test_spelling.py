"""How JSON is spelt: told from the text, and written again as it was."""

import json

import pytest

from llm_gateway.compression.spelling import AS_SPELT, ESCAPED, PLAIN, Spelling, spelling_of


@pytest.mark.parametrize(
    "compact, spelling",
    [
        ('{"a":[1,1.5,true,null,"é漢😀\\n\\u001f\x7f/"]}', PLAIN),
        ('{"a":"\\u00e9\\ud83d\\ude00"}', ESCAPED),
        ('{"a":"\\ud800"}', ESCAPED),
        ('{"a":[1.10,1E5,-0,1e400,0.1e-7]}', AS_SPELT),
        (f'{{"a":{"9" * 5000}}}', AS_SPELT),
        ('{"é":[1.10],"b":{"c":"\\\\"}}', AS_SPELT),
    ],
)
def test_known_ways_to_spell(compact: str, spelling: Spelling) -> None:
    found = spelling_of(compact)
    assert found is not None
    assert found[0] is spelling
    assert found[0].write(found[1]) == compact


@pytest.mark.parametrize(
    "compact", ['{"a":"\\/"}', '{"a":1,"a":2}', '{"\\u0061":1.10}', '{"a":"\ud800"}', "[" * 100_000, "", "[1"]
)
def test_other_texts_are_not_ours(compact: str) -> None:
    assert spelling_of(compact) is None


@pytest.mark.parametrize("spelling", [PLAIN, ESCAPED, AS_SPELT])
def test_strings_are_quoted_as_they_are_written(spelling: Spelling) -> None:
    for text in ("", "a", '"\\\b\f\n\r\t\x00\x1f\x7f', "é漢😀\u2028"):
        assert spelling.quote(text) == spelling.write(text)
        assert json.loads(spelling.quote(text)) == text
