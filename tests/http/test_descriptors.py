"""The bound on open files is raised as far as it is needed and allowed, in a process of its own."""

import resource
import subprocess
import sys

import pytest

_PROGRAM = """
import resource, sys
from llm_gateway.http.descriptors import make_room
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
make_room({connections})
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "expected"),
    [
        (64, 3000, 100, 1200),
        (64, 600, 100, 600),
        (64, 600, 20_000, 600),
        (600, 600, 20_000, 600),
        (2000, 3000, 100, 2000),
    ],
)
def test_there_is_room_for_what_may_come(soft: int, hard: int, connections: int, expected: int) -> None:
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= 3000
    program = _PROGRAM.format(soft=soft, hard=hard, connections=connections)
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout.split() == [str(expected), str(hard)]
