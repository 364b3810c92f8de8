"""What batches have used, read where somebody looks at them."""

import json

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.errors import UpstreamTruncated
from llm_gateway.pipeline.batches import Look, ResultsMeter, batch_of

USAGE = {"input_tokens": 10, "cache_read_input_tokens": 100, "output_tokens": 7}


def look() -> tuple[Look, list[str]]:
    models: list[str] = []
    return Look("batch_1", models.append), models


@pytest.mark.parametrize(
    ("path", "batch"),
    [
        ("batches/batch_1", "batch_1"),
        ("messages/batches/msgbatch_1/results", "msgbatch_1"),
        ("batches", ""),
        ("batches/batch_1/cancel", ""),
        ("messages/batches/msgbatch_1", ""),
        ("files/file_1/content", ""),
        ("", ""),
    ],
)
def test_where_a_batch_tells_what_it_used(path: str, batch: str) -> None:
    assert batch_of(path) == batch


def batch(**members: object) -> bytes:
    usage = {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 5},
        "output_tokens": 3,
        "total_tokens": 23,
    }
    told = {"id": "batch_1", "object": "batch", "status": "completed", "model": "m", "usage": usage}
    return json.dumps(told | members).encode()


@pytest.mark.parametrize("status", ["completed", "expired", "cancelled", "failed"])
def test_a_batch_that_is_over_tells_what_it_used(status: str) -> None:
    looking, models = look()
    seen = looking.read(batch(status=status))
    assert (seen.usage, seen.tier, seen.response_id) == (Usage(15, 5, 0, 3), "batch", "batch_1")
    assert (seen.model, seen.complete, models) == ("m", True, ["m"])


@pytest.mark.parametrize(
    "body",
    [
        batch(status="in_progress"),
        batch(status="finalizing"),
        batch(object="list"),
        batch(usage=None),
        batch(usage={"input_tokens": 0, "output_tokens": 0}),
        b"{",
        b"[]",
    ],
)
def test_anything_else_uses_nothing(body: bytes) -> None:
    looking, models = look()
    seen = looking.read(body)
    assert (seen.usage, seen.tier, seen.response_id, seen.complete, models) == (None, "", "", True, [])


def test_a_model_that_is_none_is_none() -> None:
    looking, models = look()
    assert looking.read(batch(model=7)).usage == Usage(15, 5, 0, 3)
    assert models == [""]


def line(model: object = "m", usage: object = USAGE) -> bytes:
    result = {"type": "succeeded", "message": {"model": model, "usage": usage}}
    return json.dumps({"custom_id": "1", "result": result}).encode() + b"\n"


FAILED = b'{"custom_id":"2","result":{"type":"errored","error":{}}}\n'


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_results_are_added_up_and_pass_as_they_are(size: int) -> None:
    looking, models = look()
    meter = ResultsMeter(looking)
    told = line() + FAILED + b"odd\n" + line() + line().rstrip()
    out = b"".join([meter.feed(told[at : at + size]) for at in range(0, len(told), size)])
    assert not meter.seen.complete
    assert (out + meter.close(), models) == (told, ["m"])
    seen = meter.seen
    assert (seen.usage, seen.tier) == (Usage(30, 300, 0, 21), "batch")
    assert (seen.response_id, seen.complete) == ("batch_1", True)


def test_results_of_several_models_have_no_one_price() -> None:
    looking, models = look()
    meter = ResultsMeter(looking)
    meter.feed(line() + line("other") + line(7))
    meter.close()
    assert (meter.seen.usage, meter.seen.model, models) == (Usage(30, 300, 0, 21), "", [""])


def test_results_that_break_off_count_nothing() -> None:
    looking, models = look()
    meter = ResultsMeter(looking)
    meter.feed(line())
    assert meter.fail(UpstreamTruncated("broke")) == b""
    assert (meter.seen.usage, meter.seen.complete, models) == (None, False, [])


def test_a_line_that_is_too_long_ends_the_looking_and_not_the_passing() -> None:
    looking, models = look()
    meter = ResultsMeter(looking)
    long = b"x" * (17 * 1024 * 1024)
    assert meter.feed(line() + long + b"\n" + line()) == line() + long + b"\n" + line()
    assert meter.feed(line()) == line()
    meter.close()
    assert (meter.seen.usage, meter.seen.complete, models) == (None, True, [])
