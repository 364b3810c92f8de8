"""Names and ids that this dialect can say, and the way back."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.messages.names import CallIds, read_name, write_name

ALLOWED = re.compile(r"[a-zA-Z0-9_-]{1,128}")


@pytest.mark.parametrize("name", ["get_weather", "mcp__a-b__c", "x" * 128])
def test_a_name_that_fits_stays(name: str) -> None:
    assert write_name(name, Losses()) == name
    assert read_name(name) == name


def test_a_name_that_does_not_fit_can_be_recognised() -> None:
    assert write_name("files.read", Losses()) == "files-2e-read-lgw1"


@given(st.text(min_size=1, max_size=12))
@example("a.b-c..d")
@example("odd-lgw1")
@example("-2e--lgw1")
def test_a_name_is_read_back(name: str) -> None:
    losses = Losses()
    written = write_name(name, losses)
    assert ALLOWED.fullmatch(written)
    assert read_name(written) == name or losses.found()


@given(st.text(max_size=400))
def test_any_name_can_be_said(name: str) -> None:
    assert ALLOWED.fullmatch(write_name(name, Losses()))


def test_a_name_that_cannot_be_read_back_is_a_loss() -> None:
    losses = Losses()
    one, other = write_name("a." * 70, losses), write_name("a." * 71, losses)
    assert one != other
    assert [loss.what for loss in losses.found()] == ["tools.name"]


@pytest.mark.parametrize("name", ["a-zz-lgw1", "a-110000-b-lgw1", "-lgw1"])
def test_a_name_of_somebody_elses_is_left_alone(name: str) -> None:
    assert read_name(name) in (name, name.removesuffix("-lgw1"))


@given(st.lists(st.text(max_size=200), max_size=12))
def test_ids_are_allowed_and_used_once(ids: list[str]) -> None:
    taker = CallIds()
    taken = [taker.take(each) for each in ids]
    assert all(ALLOWED.fullmatch(each) for each in taken)
    assert len(set(taken)) == len(taken)
    again = CallIds()
    assert [again.take(each) for each in ids] == taken


def test_an_id_that_fits_stays() -> None:
    ids = CallIds()
    assert [ids.take("call_1"), ids.take("call_1"), ids.take("call_2")] == ["call_1", "call_1_2", "call_2"]
    assert ids.take("functions.f:0").startswith("functions_f_0_")
