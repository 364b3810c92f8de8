"""Real browsers on a page of somebody else's: nine ways to reach for the gateway, and none gets an answer.

The browsers' own protection is off, the page comes from this machine, and the name under which it comes
resolves to it: the worst case there is.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from browsers.stage import Attack, Command, chromium, firefox
from gateway_process import GatewayProcess, configuration
from scripted import ScriptedUpstream

pytestmark = pytest.mark.browsers

REFUSED = {401, 403, 421}
WAYS = {
    "plain",
    "json",
    "zero",
    "localhost",
    "rebound",
    "image",
    "websocket",
    "same-port-get",
    "same-port-post",
}


@pytest.fixture
def attack() -> Iterator[Attack]:
    with Attack() as attack:
        yield attack


@pytest.mark.control("T4")
@pytest.mark.parametrize(
    ("browser", "arrive"),
    # Firefox asks nobody at 0.0.0.0.
    [(chromium, WAYS), (firefox, WAYS - {"zero"})],
    ids=["chromium", "firefox"],
)
def test_no_way_in_from_a_foreign_page(
    attack: Attack,
    browser: Command,
    arrive: set[str],
    tmp_path: Path,
    report: Callable[[str], None],
    counted: Callable[[str, int], None],
) -> None:
    server = f'host = "127.0.0.2"\nport = {attack.port}'
    with (
        ScriptedUpstream() as upstream,
        GatewayProcess(
            tmp_path / "gateway-of-the-test",
            configuration(upstream.url, server=server),
            arguments=("--port", str(attack.port)),
        ),
    ):
        asked = len(upstream.requests)
        attack.run(browser, tmp_path)
        assert len(upstream.requests) == asked, "nobody was asked anything"
    assert set(attack.answers) == arrive, "each of them came as far as the gateway"
    statuses = {status for answers in attack.answers.values() for _, status in answers}
    assert statuses <= REFUSED, attack.answers
    assert [name for name in attack.read if name] == []
    # a way that a browser does not even try is closed as well
    counted(browser.__name__, len(WAYS))
    lines = (f"  {way:15} {answers}" for way, answers in sorted(attack.answers.items()))
    report("\n".join([f"{browser.__name__}: what each way in got", *lines]))


@pytest.mark.control("T4")
def test_a_page_gets_through_where_nobody_guards(attack: Attack, tmp_path: Path) -> None:
    """The same page at a server that answers everybody: else the test above would prove nothing."""
    command = [sys.executable, str(Path(__file__).parent / "careless_server.py"), str(attack.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as careless:
        assert careless.stdout is not None and careless.stdout.readline() == b"ready\n"
        attack.run(chromium, tmp_path)
        careless.kill()
    assert {"same-port-get", "same-port-post", "json"} <= set(attack.read)
    assert set(attack.answers) == WAYS
