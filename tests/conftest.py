"""What every test may ask for: a way to show what it measured, and the benchmark's own tools."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import settings

import real_browsers
from real_clients import FOLDER_VARIABLE

__all__ = ["counted", "report"]

_PATIENCE_S = 120

_BENCH = str(Path(__file__).resolve().parents[1] / "bench")
if _BENCH not in sys.path:
    sys.path.append(_BENCH)

_REPORTS = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Make room for what will be measured; let properties take the time that a busy machine gives them."""
    config.stash[_REPORTS] = []
    settings.register_profile("house", deadline=None)
    settings.load_profile("house")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put on record which fault or control a test is about.

    Leave programs of others out of every run that did not install them: `make clients`, `conformance`,
    `browsers`.
    """
    for item in items:
        for name in ("fault", "control"):
            item.user_properties += [(name, mark.args[0]) for mark in item.iter_markers(name)]
    needing = {"real_clients": FOLDER_VARIABLE, "browsers": real_browsers.VARIABLE}
    left_out = [marker for marker, variable in needing.items() if not os.environ.get(variable)]
    marked = [item for item in items if any(item.get_closest_marker(marker) for marker in left_out)]
    if marked:
        config.hook.pytest_deselected(items=marked)
        items[:] = [item for item in items if item not in marked]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what was measured, whether or not it was enough."""
    if texts := config.stash[_REPORTS]:
        terminalreporter.section("measured")
        terminalreporter.write_line("\n\n".join(texts))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that hangs, where it hangs, and go on with the next one."""
    if not hasattr(signal, "setitimer"):
        return (yield)

    def too_long(_: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"{item.nodeid} took longer than {_PATIENCE_S} seconds")

    kills = int(os.environ.get("LLM_GATEWAY_TEST_KILLS", "0")) if item.get_closest_marker("kills") else 0
    soaked = float(os.environ.get("LLM_GATEWAY_TEST_SOAK_S", "0")) if item.get_closest_marker("soak") else 0
    patience = _PATIENCE_S + 10.0 * kills + 1.1 * soaked
    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, patience)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    """Give the collector back as it was: a gateway that starts changes its ways for the process."""
    before = gc.get_threshold()
    yield
    if gc.get_threshold() != before:
        gc.unfreeze()
        gc.set_threshold(*before)


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Return a way to show figures at the end of the run, passed or not."""
    return pytestconfig.stash[_REPORTS].append


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Callable[[str, int], None]:
    """Return a way to put on record how many cases of a name of `controls.catalogue.COUNTED` have passed."""
    told: list[tuple[str, object]] = request.node.user_properties
    return lambda name, number: told.append(("counted", f"{name}:{number}"))
