"""Which target answered a conversation last is remembered for a while, for so many, and no longer."""

from llm_gateway.pipeline.sticky import Sticky


def test_the_last_answer_counts() -> None:
    sticky = Sticky(60, 10)
    assert sticky.target("a", 0) == ""
    sticky.answered("a", "one/m", 0)
    sticky.answered("b", "one/m", 1)
    sticky.answered("a", "two/m", 2)
    assert (sticky.target("a", 3), sticky.target("b", 3), sticky.target("c", 3)) == ("two/m", "one/m", "")


def test_what_is_too_long_ago_is_forgotten() -> None:
    sticky = Sticky(60, 10)
    sticky.answered("a", "one/m", 0)
    assert sticky.target("a", 60) == "one/m"
    assert (sticky.target("a", 60.5), len(sticky)) == ("", 0)
    sticky.answered("b", "one/m", 0)
    sticky.answered("c", "one/m", 50)
    sticky.answered("b", "one/m", 55)
    sticky.answered("d", "one/m", 112)
    assert len(sticky) == 2, "c is gone, though nobody asked for it; b was answered again"
    sticky.answered("e", "one/m", 1000)
    assert len(sticky) == 1


def test_one_too_many_drives_out_the_one_that_was_answered_longest_ago() -> None:
    sticky = Sticky(60, 2)
    for name in ("a", "b", "a", "c"):
        sticky.answered(name, "one/m", 0)
    assert [sticky.target(name, 0) for name in ("a", "b", "c")] == ["one/m", "", "one/m"]


def test_other_settings_count_from_then_on() -> None:
    sticky = Sticky(60, 10)
    for name in ("a", "b", "c"):
        sticky.answered(name, "one/m", 0)
    sticky.use(5, 2)
    sticky.answered("d", "one/m", 1)
    assert len(sticky) == 2
    assert sticky.target("c", 6) == ""
