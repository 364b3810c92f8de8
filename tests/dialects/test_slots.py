"""Slots of bodies of every shape: one place each, in every dialect, and never a place too many."""

import json
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from house import ROOT
from llm_gateway.canonical.gather import nothing_known
from llm_gateway.canonical.slots import Called, Slots
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.wire.jsonedit import Document, MalformedJson
from slot_places import paths, written_as_they_are
from tool_talk import MEMBERS

CAPTURES = ROOT.parent / "shared" / "captures"
OBSERVATION = "<returncode>0</returncode>\n<output>\na\n</output>"

KEYS = ("content", "text", "output", "response", "cont\\u0065nt", "cache_control", "x")
WORDS = ("a", "b", '"content":"a"', '","text":"', "é\u2028", OBSERVATION)
SPACES = st.sampled_from(["", "", "", " ", "\n\t "])
Texts = st.SearchStrategy[str]


def spelt(text: str) -> Texts:
    return st.sampled_from([json.dumps(text), json.dumps(text, ensure_ascii=False)])


def bracketed(brackets: str, items: list[str], space: str) -> str:
    return f"{brackets[0]}{space}{f'{space},{space}'.join(items)}{space}{brackets[1]}"


def array(*items: Texts) -> Texts:
    return st.builds(partial(bracketed, "[]"), st.lists(st.one_of(*items), min_size=1, max_size=2), SPACES)


def member(key: str, value: Texts) -> Texts:
    return st.builds(lambda space, value: f'"{key}"{space}:{space}{value}', SPACES, value)


@st.composite
def obj(draw: st.DrawFn, /, **members: Texts) -> str:
    """Return an object of these members, in any order; at times with one more, or one twice."""
    told = [draw(member(key, value)) for key, value in members.items()]
    more = draw(st.integers(0, 12))
    if more == 0:
        told.append(draw(member(draw(st.sampled_from(KEYS)), ANYTHING)))
    elif more == 1:
        key = draw(st.sampled_from(sorted(members)))
        told.append(draw(member(key, members[key])))
    return bracketed("{}", draw(st.permutations(told)), draw(SPACES))


WORD: Texts = st.sampled_from(WORDS).flatmap(spelt)
SCALAR: Texts = WORD | st.sampled_from(["null", "1.0", '"\\ud800"'])
ANYTHING: Texts = SCALAR | array(SCALAR) | obj(content=WORD, text=SCALAR) | obj(output=WORD)


def one_of(*words: str) -> Texts:
    return st.sampled_from([json.dumps(word) for word in words])


PART = obj(type=one_of("text", "input_text"), text=WORD)
ROLE = one_of("user", "user", "tool", "assistant", "model")
PLAIN = obj(role=ROLE, content=WORD | array(PART, ANYTHING) | SCALAR)
RESULT = obj(type=one_of("tool_result"), tool_use_id=WORD, content=WORD | array(PART, PART, ANYTHING))
OUTPUT = one_of("function_call_output", "shell_call_output")
RESPONSE = obj(functionResponse=obj(name=WORD, response=obj(output=WORD) | obj(error=WORD, x=ANYTHING)))
ITEMS: dict[str, Texts] = {
    "chat": PLAIN,
    "ollama": PLAIN,
    "responses": PLAIN | obj(type=OUTPUT, output=WORD | array(PART, PART, obj(stdout=WORD), ANYTHING)),
    "messages": PLAIN | obj(role=one_of("user"), content=array(RESULT, RESULT, PART, ANYTHING)),
    "gemini": obj(role=one_of("user", "model"), parts=array(RESPONSE, RESPONSE, obj(text=WORD), ANYTHING)),
}


def slots(dialect: str, body: bytes) -> Slots | None:
    try:
        document = Document.parse(body)
    except MalformedJson:
        return None
    return DIALECTS[dialect].slots(document, nothing_known)


@pytest.mark.parametrize("dialect", MEMBERS)
def test_every_slot_is_one_place(dialect: str) -> None:
    seen = Counter[str]()

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(array(ITEMS[dialect]), SPACES)
    def one_place(items: str, space: str) -> None:
        found = slots(dialect, f'{{"x":{items},{space}"{MEMBERS[dialect]}":{space}{items}}}'.encode())
        if found is None or not found.starts:
            return
        assert written_as_they_are(found) == found.body
        assert all(path.startswith(f"{MEMBERS[dialect]}/") for path in paths(found))
        assert len(set(paths(found))) == len(found.starts)
        assert 0 <= found.read <= len(found.starts) >= found.marked >= 0
        seen["found"] += 1

    one_place()
    assert seen["found"] > 10  # or it would have shown nothing


CAPTURED = {
    "claude-03-tool-result": ("messages", ["Bash"]),
    "codex-03-tool-result": ("responses", ["exec_command"]),
    "codex-08-responses-lite-tool-result": ("responses", ["exec"]),
    "continue-03-tool-result": ("responses", ["Bash"]),
    "copilot-03-chat-tool-result": ("chat", ["bash"]),
    "copilot-05-responses-tool-result": ("responses", ["bash"]),
    "copilot-07-anthropic-tool-result": ("messages", ["bash"]),
    "gemini-04-tool-result": ("gemini", ["run_shell_command"]),
}


@pytest.mark.parametrize("name", CAPTURED)
def test_recorded_requests_of_clients(name: str) -> None:
    path: Path = CAPTURES / f"{name}.json"
    if not path.exists():
        pytest.fail(f"{path} is missing: the recorded exchanges lie beside the checkout")
    dialect, tools = CAPTURED[name]
    found = slots(
        dialect, json.dumps(json.loads(path.read_text(encoding="utf-8"))["request"]["body"]).encode()
    )
    assert found is not None
    told = [entry for entry in found.entries() if not isinstance(entry, Called)]
    assert [entry.tool for entry in told] == tools and all(entry.shell for entry in told)
    assert found.read == 0 and found.opening
    assert len(paths(found)) == 1
