"""Orders and their answer fit on one line each, whatever is in them."""

import msgspec

from llm_gateway.engines.local.orders import Orders, Ready

ORDERS = Orders(
    weights="/with\na line/ünd mehr.gguf", alias="a", key="k", threads=1, context=2, slots=3, rest_s=4
)


def test_orders_are_one_line() -> None:
    line = msgspec.json.encode(ORDERS)
    assert b"\n" not in line
    assert msgspec.json.decode(line, type=Orders) == ORDERS


def test_the_answer_is_one_line() -> None:
    assert msgspec.json.decode(msgspec.json.encode(Ready(port=7)), type=Ready) == Ready(port=7)
