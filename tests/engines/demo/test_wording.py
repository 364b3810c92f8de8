"""The pieces of demo answers: what is cut is cut at whole characters, what is split joins again."""

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.engines.demo.wording import cut, event, new_id, usage, words


@given(st.text())
def test_words_join_to_the_text(text: str) -> None:
    assert "".join(words(text)) == text


@given(st.text(max_size=200), st.integers(min_value=0, max_value=60))
def test_a_limit_is_kept_in_whole_characters(text: str, tokens: int) -> None:
    short, limited = cut(text, tokens)
    assert text.startswith(short)
    assert len(short.encode("utf-8", "replace")) <= 4 * tokens
    assert limited == (short != text)


def test_a_long_text_is_cut_without_blaming_the_client() -> None:
    assert cut("x" * 5000, None) == ("x" * 1000, False)


def test_usage_counts_four_bytes_a_token() -> None:
    assert usage("12345", "1234") == {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
    assert usage("", "")["total_tokens"] == 0


def test_ids_differ() -> None:
    assert new_id("call") != new_id("call")
    assert new_id("call").startswith("call-demo-")


def test_an_event_is_one_line_of_json() -> None:
    assert event({"text": "a\nb"}) == b'data: {"text":"a\\nb"}\n\n'
