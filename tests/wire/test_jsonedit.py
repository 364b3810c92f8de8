"""Editing JSON in place: what was asked for changes, every other byte stays."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_gateway.wire.jsonedit import Document, MalformedJson

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("model", "stream", "messages", "m", 'quo"te', "back\\slash", "é", "\n", "", 'a":1,"b')
objects = st.dictionaries(st.sampled_from(KEYS), values, max_size=6)
space = st.sampled_from(("", " ", "\n  ", "\t", "\r\n"))


def written(
    members: list[tuple[str, object]], pad: list[str], escape: bool
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Write an object by hand, with any white space; return it and its members' texts."""
    pads = iter(pad * (len(members) * 4 + 2))
    texts = [(_key(key, escape), json.dumps(value, ensure_ascii=escape).encode()) for key, value in members]
    body = b"".join(
        next(pads).encode()
        + key
        + next(pads).encode()
        + b":"
        + next(pads).encode()
        + value
        + next(pads).encode()
        + (b"," if number < len(texts) - 1 else b"")
        for number, (key, value) in enumerate(texts)
    )
    return next(pads).encode() + b"{" + body + b"}" + next(pads).encode(), texts


def _key(key: str, escape: bool) -> bytes:
    if escape and key:
        return b'"' + f"\\u{ord(key[0]):04x}".encode() + json.dumps(key[1:]).encode()[1:]
    return json.dumps(key, ensure_ascii=False).encode()


@given(members=objects, pad=st.lists(space, min_size=1, max_size=5), escape=st.booleans(), new=values)
@example(members={}, pad=[" "], escape=False, new=1)
@example(members={"model": 1}, pad=["", "", " "], escape=False, new="x")
def test_an_edit_changes_one_member_and_no_other_byte(
    members: dict[str, object], pad: list[str], escape: bool, new: object
) -> None:
    body, texts = written(list(members.items()), pad, escape)
    value = json.dumps(new).encode()
    document = Document.parse(body)
    assert document.edit({}) is body
    edited = document.edit({"model": value})
    assert json.loads(edited) == {**members, "model": json.loads(value)}
    if "model" in members:
        old = texts[list(members).index("model")][1]
        start = next(i for i in range(len(body)) if body[:i] + value + body[i + len(old) :] == edited)
        assert body[start : start + len(old)] == old
    else:
        end = len(body.rstrip().removesuffix(b"}").rstrip()) if members else len(body[: body.index(b"{") + 1])
        assert edited.startswith(body[:end])
        assert edited.endswith(body[end:])


@given(
    members=objects,
    pad=st.lists(space, min_size=1, max_size=5),
    escape=st.booleans(),
    remove=st.sets(st.sampled_from((*KEYS, "absent")), max_size=4),
    add=st.booleans(),
)
def test_removal_takes_the_member_with_its_comma(
    members: dict[str, object], pad: list[str], escape: bool, remove: set[str], add: bool
) -> None:
    body, texts = written(list(members.items()), pad, escape)
    changes = {"added": b"[1]", "model": b'"x"'} if add else {}
    edited = Document.parse(body).edit(changes, remove=remove)
    expected = {key: value for key, value in members.items() if key not in remove}
    if add:
        if "model" in expected or "model" not in members:
            expected["model"] = "x"
        expected["added"] = [1]
    assert json.loads(edited) == expected
    for (key_text, value_text), key in zip(texts, members, strict=True):
        if key not in remove:
            assert key_text in edited
            assert value_text in edited or (add and key == "model")


def test_several_changes_at_once_in_any_order() -> None:
    body = b'{"a":1,"b":2,"c":3}'
    assert (
        Document.parse(body).edit({"c": b"33", "d": b"4", "a": b"11", "e": b"5"})
        == b'{"a":11,"b":2,"c":33,"d":4,"e":5}'
    )
    spaced = b'{"a": 1, "b": 2, "c": 3}'
    assert Document.parse(spaced).edit({"c": b"33", "a": b"11"}) == b'{"a": 11, "b": 2, "c": 33}'
    assert Document.parse(spaced).edit({"b": b"[]"}, remove=("a", "c")) == b'{"b": []}'


def test_number_spellings_escapes_and_unknown_fields_survive() -> None:
    body = b'{"model":"a","t":1.0e0,"n":12345678901234567890123,"s":"\\u00e9\\/","x":{"model":"a"},"z":-0}'
    assert Document.parse(body).edit({"model": b'"b"'}) == body.replace(b'"a"', b'"b"', 1)


def test_a_new_key_is_written_as_json() -> None:
    assert Document.parse(b"{ }").edit({'k"': b"1"}) == b'{"k\\"":1 }'
    assert Document.parse(b"{}").edit({"k": b"1"}) == b'{"k":1}'


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","model":"b"}',
        b'{"model":"a","model":"a"}',
        b'{"model": "a", "model": "a"}',
        b'{"model":"a","x":1,"model":"b"}',
        b'{"model":"a","mo\\u0064el":"b"}',
        b'{"mo\\u0064el":"a","model":"b"}',
        b'{"model":"long long long","x":{"y":[1,2,3]},"model":""}',
        b'{"model":"","x":{"y":[1,2,3]},"model":"long long long"}',
        b'{"x":1,"y":2,"model":12,"model":1}',
        b'{"x":1,"y":2,"model":1,"model":12}',
    ],
)
def test_a_key_that_comes_twice_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedJson, match="'model' comes twice"):
        Document.parse(body)


@given(
    members=st.lists(st.tuples(st.sampled_from(KEYS), values), min_size=2, max_size=6),
    escape=st.booleans(),
    pad=st.lists(space, min_size=1, max_size=5),
)
def test_no_pair_of_equal_keys_gets_through(
    members: list[tuple[str, object]], escape: bool, pad: list[str]
) -> None:
    body, _ = written(members, pad, escape)
    if len({key for key, _ in members}) < len(members):
        with pytest.raises(MalformedJson, match="comes twice"):
            Document.parse(body)
    else:
        assert list(Document.parse(body).fields) == [key for key, _ in members]


def test_a_key_cannot_pass_for_two_members() -> None:
    """The key `a":1,"c` reads like two members where its escapes are not looked at."""
    body = b'{"a":1,"c":3,"a":1,"c":3,"a\\":1,\\"c":3}'
    with pytest.raises(MalformedJson, match="comes twice"):
        Document.parse(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ('{"a":1}'.encode("utf-16"), "byte order mark"),
        ('{"a":1}'.encode("utf-16-le"), "not valid JSON"),
        (b"[1]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":Infinity}', "not valid JSON"),
        (b'{"a":1,}', "not valid JSON"),
        (b'{"a":1} {"a":1}', "trailing characters"),
        (b'{"a":1}\x00', "trailing characters"),
        (b"{'a':1}", "not valid JSON"),
        (b'{"a":"\x01"}', "not valid JSON"),
        (b'{"a":01}', "not valid JSON"),
        (b'{"a":"', "not valid JSON"),
        (b'{"a":"\\ud800 alone"}', "not valid JSON"),
        (b'{"\xff":1}', "a key is not UTF-8"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"a":' + b'{"b":' * 50_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_object_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedJson, match=reason):
        Document.parse(body)


def test_the_reason_never_quotes_a_value() -> None:
    with pytest.raises(MalformedJson) as caught:
        Document.parse(b'{"messages":"my secret prompt",}')
    assert "secret" not in str(caught.value)


def test_a_document_knows_its_size() -> None:
    assert len(Document.parse(b'{ "a": 1 }')) == 10


@pytest.mark.parametrize("body", [b'{"a":1,"b":[2]}', b'{"a": 1, "b": [2]}', b'{ "a" :1 ,\n"b"\t: [2] }'])
def test_a_value_begins_where_it_says(body: bytes) -> None:
    document = Document.parse(body)
    assert body[document.start("b") :].startswith(b"[2]")
    assert body[document.start("a") :].startswith(b"1")


@pytest.mark.parametrize(
    "body", [b'{"a":1,"b":[2],"c":3}', b'{"a": 1, "b": [2], "c": 3}', b'{ "a" :1 ,\n"b"\t: [2]\n, "c":3 }']
)
@pytest.mark.parametrize("value", [b"[]", b"[2,22]"])
def test_a_value_that_was_respelt_elsewhere(body: bytes, value: bytes) -> None:
    there = body.replace(b"[2]", value)
    document = Document.parse(body).respelt("b", there)
    assert document.body is there and bytes(document.fields["b"]) == value
    assert document.edit({"a": b"0", "b": b"9", "c": b"8", "d": b"7"}) == Document.parse(there).edit(
        {"a": b"0", "b": b"9", "c": b"8", "d": b"7"}
    )
    assert document.edit({}, remove=["a", "c"]) == Document.parse(there).edit({}, remove=["a", "c"])
