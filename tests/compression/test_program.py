"""The counting program: one answer to each order, with a tokenizer and without one."""

import io
import subprocess
import sys

from llm_gateway.compression.asked import Asked
from llm_gateway.compression.frames import (
    LENGTH,
    Count,
    Order,
    Shorter,
    framed,
    read_answer,
    read_differences,
)
from llm_gateway.compression.program import count_of, differences, serve

HI = b'{"model": "m", "messages": [{"role": "user", "content": "Hi there"}]}'


def answers(data: bytes) -> list[Count | None]:
    found = []
    while data:
        (length,) = LENGTH.unpack(data[: LENGTH.size])
        found.append(read_answer(data[LENGTH.size : LENGTH.size + length]))
        data = data[LENGTH.size + length :]
    return found


def test_each_order_has_an_answer() -> None:
    orders = io.BytesIO(framed(Order("chat", HI)) + framed(Order("chat", b"?")) + framed(Order("chat", HI)))
    told = io.BytesIO()
    serve(orders, told, lambda text: len(text.split()))
    one = Count(8, 2, 0, 0, 1, 0, 0, 0, 0)
    assert answers(told.getvalue()) == [one, None, one]


def test_what_was_taken_out_is_counted_text_by_text() -> None:
    def words(text: str) -> int:
        return len(text.split())

    pairs = ((b'"a b c\\nd"', b'"a d"'), (b'"a"', b'"a [b c]"'))
    told = io.BytesIO()
    serve(io.BytesIO(framed(Shorter(pairs))), told, words)
    assert read_differences(told.getvalue()[LENGTH.size :]) == (2, -2)
    assert differences(pairs, None) is None, "bytes are known without asking"
    assert differences((*pairs, (b'"\\ud800"', b'""')), words) is None


def test_an_order_that_breaks_off_ends_it() -> None:
    told = io.BytesIO()
    serve(io.BytesIO(framed(Order("chat", HI))[:2]), told, None)
    assert not told.getvalue()


def test_without_a_tokenizer_bytes_of_text_are_counted() -> None:
    found = Asked(("äh", "\ud800"), messages=2, media=1, tools=("now",), forms=("{}",))
    assert count_of(found, None) == Count(9, None, None, None, 2, 0, 1, 1, 1)


def test_the_program_itself_counts_with_o200k() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "llm_gateway.compression.program"],
        input=framed(Order("chat", HI)),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert answers(done.stdout) == [Count(8, 2, 0, 0, 1, 0, 0, 0, 0)]
    assert not done.stderr
