"""What a struct skips is found, however deep; the strict struct is the tolerant one for everything else."""

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.wire.strays import strays, strict


class Inner(msgspec.Struct, gc=False):
    text: object = None
    raw: Raw = msgspec.field(default_factory=Raw)


class Needed(msgspec.Struct, gc=False):
    inner: Inner


class Outer(msgspec.Struct, rename="camel"):
    kind_of: str = ""
    one: Inner | None = None
    many: list[Inner] | None = None
    needed: Needed | None = None
    free: object = None


KNOWN = b'{"kindOf":"a","one":{"text":1,"raw":[2]},"many":[{"text":"b"}],"free":{"any":1}}'


def test_what_is_known_is_read_alike() -> None:
    read = msgspec.json.decode(KNOWN, type=strict(Outer))
    assert isinstance(read, Outer)
    assert read.kind_of == "a" and read.one is not None and bytes(read.one.raw) == b"[2]"
    assert read.many is not None and [each.text for each in read.many] == ["b"]
    assert msgspec.json.decode(b"{}", type=strict(Outer)).one is None
    assert strays(KNOWN, Outer) == []


@pytest.mark.parametrize(
    "data",
    [
        b'{"new":1}',
        b'{"one":{"new":1}}',
        b'{"needed":{"inner":{"new":1}}}',
        b'{"many":[{},{"new":1}]}',
        b'{"one":null,"new":[0]}',
    ],
)
def test_what_nobody_knows_is_refused_and_named(data: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `new`"):
        msgspec.json.decode(data, type=strict(Outer))
    assert strays(data, Outer) == ["new"]


def test_what_says_nothing_is_not_named() -> None:
    assert strays(b'{"a":null,"b":[],"c":{},"d":"","e":0,"f":false}', Outer) == []


def test_each_name_is_told_once() -> None:
    assert strays(b'{"many":[{"new":1},{"new":2},{"other":3}]}', Outer) == ["new", "other"]


def test_members_of_what_is_read_as_it_comes_are_not_looked_at() -> None:
    assert strays(b'{"free":{"new":1},"one":{"raw":{"new":1}}}', Outer) == []


def test_a_stray_that_is_not_utf_8_is_a_stray_all_the_same() -> None:
    assert strays(b'{"odd\xff": "a\x9ab"}', Outer) == ["odd\ufffd"]
