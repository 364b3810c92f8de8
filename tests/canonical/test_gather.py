"""Messages are read once, and whether they are remembered changes nothing but that."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.canonical.gather import Form, Names, found_in, gather, nothing_known
from llm_gateway.canonical.slots import Slot, Slots, Told
from llm_gateway.wire.jsonedit import Document

KEY = b'"say"'


class _Message(msgspec.Struct):
    say: msgspec.Raw
    calls: str = ""


_message = msgspec.json.Decoder(_Message)
READ: list[bytes] = []


def read(raw: bytes, names: Names) -> Told:
    READ.append(raw)
    message = _message.decode(raw)
    if message.calls:
        return Told(raw, answers=True, names=(("id", message.calls),))
    literal = bytes(message.say)
    return Told(raw, *found_in(raw, [(KEY, literal, Slot(literal, names.get("id", "")))]), marked=1)


FORM = Form("test", "items", read)


def slots(body: bytes, known: Slots | None = None) -> Slots:
    READ.clear()
    return gather(Document.parse(body), FORM, lambda _dialect, _body, _start: known)


def test_slots_are_where_they_say() -> None:
    body = b'{"a": 1, "items": [ {"say": "x"} , {"calls":"t","say":1},{"say":"yz"}], "b": 2}'
    found = slots(body)
    assert [body[s : s + len(x)] for s, x in zip(found.starts, found.literals(), strict=True)] == [
        b'"x"',
        b'"yz"',
    ]
    assert (found.read, found.marked, found.dialect) == (1, 2, "test")
    assert [entry.tool for entry in found.entries()] == ["", "t"]


def test_what_is_known_is_not_read_again() -> None:
    before = slots(b'{"items":[{"say":"x"},{"say":"y"}]}')
    now = slots(b'{"items":[{"say":"x"},{"say":"Y"},{"say":"z"}]}', before)
    assert READ == [b'{"say":"Y"}', b'{"say":"z"}']
    assert now == slots(b'{"items":[{"say":"x"},{"say":"Y"},{"say":"z"}]}')


def test_a_tool_of_another_name_makes_results_anew() -> None:
    before = slots(b'{"items":[{"say":1,"calls":"a"},{"say":"y"}]}')
    body = b'{"items":[{"say":1,"calls":"b"},{"say":"y"}]}'
    assert slots(body, before) == slots(body)
    assert [entry.tool for entry in slots(body).entries()] == ["b"]


def test_what_is_not_understood_has_none_and_may_be_a_models() -> None:
    found = slots(b'{"items":[{"say":"x"},{"tell":"y"},{"say":"z"}]}')
    assert (found.literals(), found.read) == ([b'"x"', b'"z"'], 1)
    assert slots(b'{"items":[1]}').starts == []
    assert slots(b'{"items":{"say":"x"}}').starts == ()
    assert slots(b"{}").starts == ()


ITEM = st.sampled_from(
    [
        '{"say":"x"}',
        '{"say": "xy"}',
        '{"say":"x","say":"y"}',
        '{"calls":"t","say":1}',
        '{"calls":"u","say":1}',
        *("1", "12", "[]", "{}", '"a"', "null"),
    ]
)
SPACE = st.sampled_from(["", "", " ", "\n\t"])


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Return two requests of which one may be how the other goes on, or went on otherwise."""
    items, others = draw(st.lists(ITEM, max_size=14)), draw(st.lists(ITEM, max_size=3))
    cut, space = draw(st.integers(0, len(items))), draw(SPACE)
    later = items[:cut] + others + draw(st.sampled_from([[], items[cut:], items[cut + 1 :]]))
    heads = draw(st.sampled_from([("", ""), ("", '"more":1,'), ('"a":"b",', "")]))
    one, other = (
        f'{{{head}"items":[{space}{f"{space},".join(told)}{space}]}}'.encode()
        for head, told in zip(heads, (items, later), strict=True)
    )
    return one, other


@settings(max_examples=500)
@given(bodies())
def test_what_is_known_makes_no_difference(two: tuple[bytes, bytes]) -> None:
    before, now = two
    assert slots(now, slots(before)) == slots(now)


def test_a_message_in_doubt_has_none_and_the_others_have() -> None:
    found = slots(b'{"items":[{"say":"x","say":"y"},{"say":"z"}]}')
    assert found.literals() == [b'"z"']


def test_nothing_is_known_to_who_remembers_nothing() -> None:
    body = b'{"items":[{"say":"x"}]}'
    assert gather(Document.parse(body), FORM, nothing_known) == slots(body)
