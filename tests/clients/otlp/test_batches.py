"""Times of records: the first that is told, in microseconds."""

from llm_gateway.clients.otlp.batches import moment_us


def test_the_first_time_that_is_told_counts() -> None:
    assert moment_us(0, 1_795_161_600_250_000_999) == 1_795_161_600_250_000
    assert moment_us(5_000, 9_000) == 5
    assert moment_us(0, 0) == moment_us(-1) == moment_us(2**63) == 0
