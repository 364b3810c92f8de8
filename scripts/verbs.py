"""The verbs of a checkout.

    run          start the gateway, have a real model answer one request, stay until Ctrl-C
    test         run the tests; arguments go to pytest
    check        linters, formatting, types, import contracts, house rules
    bench        measure the gateway beside nginx; arguments go to bench/run.py
    ledger-scale put a million turns into a ledger and measure every query; takes a quarter of an hour
    kills        end the gateway 1,000 times under 50 streams, and look for what is missing
    soak         an hour of mixed load with faults: nothing unexplained, nothing that grows
    faults       break upstreams, clients, bridges, disk, clock and configuration in every known way, and
                 reach for what is somebody else's; show the tables
    ends         end streams of every dialect at every event they have, at either side and at both
    compress-bench  what compression saves on recorded conversations, and that it loses nothing
    compress-cases  encode a million results that were made up to be encoded wrongly
    clients      install real AI clients (Claude Code, Codex, ...) and run them through the gateway
    browsers     install real browsers, and have a web page reach for the gateway with them
    dashboard    look at every page of the dashboard with a real browser
    dashboard-scale  the same on a million turns, with what each page takes
    screenshots  take pictures of every page of the dashboard: build/screenshots
    conformance  install conformance suites and the AI SDK, and run them against the gateway
    setup        only make .venv ready
    changelog    show what the next version's section would say; with a version, write it
    pin          choose the newest versions again and write constraints.txt (needs uv)

Standard library only; `.venv` is made by itself. Not part of what is installed.
"""

import datetime as dt
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import changelog
import conformance
import first_run
import real_browsers
import real_clients
from bounded import TooLong, bounded
from environment import EXTRAS, WEIGHTS, Environment, Failed, say

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[1]
# Tests that start gateways and mostly wait for them; and tests that measure, which nothing may disturb.
OUTSIDE = ("tests/blackbox", "tests/controls", "tests/faults", "tests/cli", "tests/soak")
ALONE = ("tests/perf", "tests/ledger/test_cost.py", "tests/ledger/test_scale.py")
# What tests with programs of others may take, all together: as they are, and as somebody chose them.
LONGEST_S = 720.0
LONGEST_CHOSEN_S = 2400.0
Verb = Callable[[Environment, list[str]], int]


def main(arguments: list[str]) -> int:
    """Do what the arguments say; return the exit code."""
    verb = VERBS.get(arguments[0] if arguments else "")
    if verb is None:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return verb(Environment(ROOT), arguments[1:])
    except (Failed, ValueError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def run(environment: Environment, arguments: list[str]) -> int:
    """Start the gateway and show that it answers."""
    environment.ready(["local"])
    return first_run.start(environment, arguments)


def test(environment: Environment, arguments: list[str]) -> int:
    """Run the tests that are given, else all: side by side what does not disturb each other."""
    environment.ready(["test"])
    if arguments:
        return call(environment, "-m", "pytest", *arguments)
    python = environment.program("python")
    left_out = [f"--ignore={path}" for path in (*OUTSIDE, *ALONE)]
    beside = [python, "-m", "pytest", *left_out]
    with subprocess.Popen(
        beside, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as others:
        failed = call(environment, "-m", "pytest", *OUTSIDE)
        output, _ = others.communicate()
        print(output, flush=True)
    alone = call(environment, "-m", "pytest", *ALONE)
    return failed or others.returncode or alone


def check(environment: Environment, arguments: list[str]) -> int:
    """Run every check, all at once, and show what failed."""
    environment.ready(["test"])
    python = environment.program("python")
    house = sorted(str(path) for path in (ROOT / "tests").glob("test_house_*.py"))
    checks = {
        "ruff check": [environment.program("ruff"), "check", "--quiet"],
        "ruff format": [environment.program("ruff"), "format", "--check", "--quiet"],
        "mypy": [environment.program("mypy")],
        "house rules": [python, "-m", "pytest", "--quiet", *house],
    }
    began = time.monotonic()
    running = {
        name: subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for name, command in checks.items()
    }
    failed = []
    for name, process in running.items():
        output, _ = process.communicate()
        if process.returncode:
            failed.append(name)
            print(f"--- {name}\n{output}", flush=True)
    names = ", ".join(failed) or "none"
    print(f"{len(checks)} checks in {time.monotonic() - began:.1f} s; failed: {names}", flush=True)
    return 1 if failed else 0


def bench(environment: Environment, arguments: list[str]) -> int:
    """Run the benchmark."""
    environment.ready([])
    return call(environment, "bench/run.py", *arguments)


def ledger_scale(environment: Environment, arguments: list[str]) -> int:
    """Measure the ledger with as many turns as a busy year has."""
    environment.ready(["test"])
    os.environ.setdefault("LLM_GATEWAY_TEST_TURNS", "1000000")
    os.environ.setdefault("LLM_GATEWAY_TEST_LOOKING_S", "10")
    chosen = ("-m", "pytest", "-s", "-o", "faulthandler_timeout=3600", "tests/ledger/test_scale.py")
    return call(environment, *chosen, *arguments)


def kills(environment: Environment, arguments: list[str]) -> int:
    """Run the test of kills at its full count."""
    environment.ready(["test"])
    os.environ.setdefault("LLM_GATEWAY_TEST_KILLS", "1000")
    os.environ.setdefault("LLM_GATEWAY_TEST_STREAMS", "50")
    return call(environment, "-m", "pytest", "-m", "kills", "-o", "faulthandler_timeout=7200", *arguments)


def soak(environment: Environment, arguments: list[str]) -> int:
    """Run the soak at its full length: an hour, or LLM_GATEWAY_TEST_SOAK_S seconds."""
    environment.ready(["test"])
    seconds = float(os.environ.setdefault("LLM_GATEWAY_TEST_SOAK_S", "3600"))
    say(f"this takes {seconds / 60:.0f} minutes")
    longest = f"faulthandler_timeout={2 * seconds + 600:.0f}"
    return call(environment, "-m", "pytest", "-m", "soak", "-o", longest, "tests/soak", *arguments)


def ends(environment: Environment, arguments: list[str]) -> int:
    """Run the tests of streams that end early at their full count."""
    environment.ready(["test"])
    os.environ.setdefault("LLM_GATEWAY_TEST_ENDS", "1")
    return call(environment, "-m", "pytest", "tests/accounting/test_every_end.py", *arguments)


def compress_bench(environment: Environment, arguments: list[str]) -> int:
    """Measure compression on ../shared/corpus, or on the folder that is named."""
    environment.ready(["test"])
    return call(environment, "scripts/compress_bench.py", *arguments)


def compress_cases(environment: Environment, arguments: list[str]) -> int:
    """Look for a result that does not come back from compression."""
    environment.ready(["test"])
    command = [environment.program("python"), "-m", "compression_cases", *arguments]
    return subprocess.call(command, cwd=ROOT / "tests")


def faults(environment: Environment, arguments: list[str]) -> int:
    """Run the tests of every fault and control, those that take minutes too, and show what became of each."""
    environment.ready(["test"])
    try:
        real_browsers.ready()
        os.environ.setdefault(real_browsers.VARIABLE, "1")
    except real_browsers.Unavailable as error:
        say(f"without browsers, which cannot be installed here: {error}")
    os.environ.setdefault("LLM_GATEWAY_TEST_FAULTS", "full")
    os.environ.setdefault("LLM_GATEWAY_TEST_SEED", "1")
    os.environ.setdefault("LLM_GATEWAY_TEST_KILLS", "20")
    results = ROOT / "build" / "faults.xml"
    results.parent.mkdir(exist_ok=True)
    results.unlink(missing_ok=True)
    chosen = ("-m", "pytest", "-m", "fault or control")
    failed = call(environment, *chosen, f"--junitxml={results}", *arguments)
    table = [environment.program("python"), "-m", "faults.table", str(results)]
    return subprocess.call(table, cwd=ROOT / "tests") or failed


def clients(environment: Environment, arguments: list[str]) -> int:
    """Run real clients through the gateway, where they can be installed: the pairs of every run."""
    chosen = ("-m", "real_clients and not grown", "tests/clients_e2e", "tests/bridges_e2e")
    longest = LONGEST_CHOSEN_S if arguments else LONGEST_S
    return run_installed(environment, real_clients.Installation(ROOT), longest, *chosen, *arguments)


def browsers(environment: Environment, arguments: list[str]) -> int:
    """Run the tests with real browsers, where those can be installed."""
    environment.ready(["test"])
    try:
        real_browsers.ready()
    except real_browsers.Unavailable as error:
        say(f"SKIPPED: browsers cannot be installed here: {error}")
        return 0
    environ = {**os.environ, real_browsers.VARIABLE: "1"}
    chosen = ("-m", "pytest", "-m", "browsers")
    command = [environment.program("python"), *chosen, *(arguments or ["tests/browsers"])]
    return subprocess.call(command, cwd=ROOT, env=environ)


def dashboard(environment: Environment, arguments: list[str]) -> int:
    """Look at the dashboard with a real browser."""
    return browsers(environment, arguments or ["tests/dashboard_e2e"])


def dashboard_scale(environment: Environment, arguments: list[str]) -> int:
    """Look at the dashboard of a ledger with as many turns as a busy year has."""
    os.environ.setdefault("LLM_GATEWAY_TEST_TURNS", "1000000")
    os.environ.setdefault("LLM_GATEWAY_TEST_LOOKING_S", "10")
    chosen = ["-s", "-o", "faulthandler_timeout=3600", "tests/dashboard_e2e", "-k", "large or quick or load"]
    return browsers(environment, [*chosen, *arguments])


def screenshots(environment: Environment, arguments: list[str]) -> int:
    """Take pictures of every page, in both themes, on a large screen and on a telephone."""
    folder = ROOT / "build" / "screenshots"
    os.environ.setdefault("LLM_GATEWAY_TEST_PICTURES", str(folder))
    failed = browsers(environment, ["tests/dashboard_e2e/test_pictures.py", *arguments])
    say(f"pictures are in {folder}")
    return failed


def conform(environment: Environment, arguments: list[str]) -> int:
    """Run the AI SDK and the suites against the gateway, where they can be installed."""
    suites = conformance.Suites(ROOT)
    chosen = ("-m", "real_clients", "tests/js_e2e", "tests/conformance")
    return run_installed(environment, suites, LONGEST_CHOSEN_S, *chosen, *arguments)


def run_installed(
    environment: Environment, installation: real_clients.Installation, longest: float, *arguments: str
) -> int:
    """Run the tests that need an installation; end them when they take too long."""
    environment.ready(["test"])
    try:
        folder = installation.ready()
    except real_clients.Impossible as error:
        say(f"SKIPPED: {installation.what} cannot be installed here: {error}")
        return 0
    environ = {**os.environ, real_clients.FOLDER_VARIABLE: str(folder)}
    command = [environment.program("python"), "-m", "pytest", *arguments]
    try:
        return bounded(command, longest, cwd=ROOT, environ=environ)
    except TooLong as error:
        raise Failed(f"{error}; what it was at is above") from None


def setup(environment: Environment, arguments: list[str]) -> int:
    """Make the environment ready for everything."""
    environment.ready(EXTRAS)
    return 0


def write_changelog(environment: Environment, arguments: list[str]) -> int:
    """Show the section of the next version, or write it."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    if arguments:
        print(changelog.release(ROOT, arguments[0], today))
    else:
        print(changelog.section("next", today, changelog.fragments(ROOT / "news")))
    return 0


def pin(environment: Environment, arguments: list[str]) -> int:
    """Write constraints.txt anew: every version for every platform, and nothing about where they are."""
    uv = shutil.which("uv")
    if uv is None:
        raise Failed("this needs uv on the path: pip install uv")
    options = ["--universal", "--python-version", "3.11", "--no-header", "--no-annotate", "--quiet"]
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    names = [["pyproject.toml", *extras], ["--no-deps", "-"]]
    lines = []
    for wanted in names:
        command = [uv, "pip", "compile", *options, *arguments, *wanted]
        try:
            made = subprocess.run(
                command, check=True, cwd=ROOT, input=WEIGHTS, stdout=subprocess.PIPE, text=True
            )
        except subprocess.CalledProcessError:
            raise Failed("uv found no versions that fit together; its message is above") from None
        lines += made.stdout.splitlines()
    (ROOT / "constraints.txt").write_text("\n".join(sorted(lines)) + "\n", encoding="utf-8")
    say(f"pinned {len(lines)} versions")
    return 0


def call(environment: Environment, *arguments: str) -> int:
    """Run the environment's Python from the top of the checkout."""
    return subprocess.call([environment.program("python"), *arguments], cwd=ROOT)


VERBS: dict[str, Verb] = {
    "run": run,
    "test": test,
    "check": check,
    "bench": bench,
    "ledger-scale": ledger_scale,
    "kills": kills,
    "soak": soak,
    "faults": faults,
    "ends": ends,
    "compress-bench": compress_bench,
    "compress-cases": compress_cases,
    "clients": clients,
    "browsers": browsers,
    "dashboard": dashboard,
    "dashboard-scale": dashboard_scale,
    "screenshots": screenshots,
    "conformance": conform,
    "setup": setup,
    "changelog": write_changelog,
    "pin": pin,
}
