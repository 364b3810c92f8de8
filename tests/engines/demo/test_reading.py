"""A request that cannot be read is refused with the member at fault."""

import msgspec
import pytest

from llm_gateway.engines.demo.reading import StreamOptions, Unreadable, Wishes, read


class Sample(Wishes, kw_only=True):
    texts: list[str]


DECODER = msgspec.json.Decoder(Sample)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{}", "texts"),
        (b'{"texts":1}', "texts"),
        (b'{"texts":["a",2]}', "texts"),
        (b'{"texts":[],"stream_options":{"include_usage":"yes"}}', "stream_options"),
        (b"[]", None),
        (b'{"texts":', None),
        (b'{"texts":["\xff"]}', None),
    ],
)
def test_names_the_member_at_fault(body: bytes, param: str | None) -> None:
    with pytest.raises(Unreadable) as caught:
        read(DECODER, body)
    assert caught.value.param == param
    assert str(caught.value)


def test_leaves_unknown_members_alone() -> None:
    request = read(DECODER, b'{"texts":["a"],"temperature":1,"nested":{"x":[1]}}')
    assert request == Sample(texts=["a"])


def test_usage_is_wanted_only_when_asked_for() -> None:
    assert Sample(texts=[], stream_options=StreamOptions(include_usage=True)).wants_usage
    assert not Sample(texts=[], stream_options=StreamOptions()).wants_usage
    assert not Sample(texts=[]).wants_usage
