"""Files of requests that commands are given, and who counts."""

from pathlib import Path

import pytest

from llm_gateway.cli.output import Stop
from llm_gateway.cli.request_files import counter, requests_in


def test_tokens_are_counted_or_estimated() -> None:
    count, by = counter()
    assert by in ("o200k", "bytes")
    assert count("Guten Tag") in (2, 3)


def test_a_file_that_is_not_there_ends_the_command(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="cannot be read"):
        requests_in(str(tmp_path / "none"), "bash", "")
    path = tmp_path / "text"
    path.write_text("hello")
    assert len(requests_in(str(path), "bash", "")) == 1
