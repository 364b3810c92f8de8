"""Measure this gateway beside a plain nginx reverse proxy, in the same run and on the same machine.

CPU time per request, of the whole process tree, is the figure that counts: it hardly moves when other
programs run. Latency and requests per second do; they want a quiet machine. See README.md.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from harness import machine
from harness.build import BENCH, Missing, certificate, compile_tools, fill, need
from harness.measures import MEASURES, Figures, Settings, warm_up
from harness.report import judge, summary, table
from harness.targets import Lab, NotReady, Target, gateway, nginx, read_targets
from llm_gateway.vault import mint_key

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return 0, 1 when a goal is missed under --check, 2 when something is missing."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything started here is ended
    folder = Path(tempfile.mkdtemp(prefix="llm-gateway-bench-"))
    try:
        with ExitStack() as running:
            figures = _measure(options, folder, running)
    except (Missing, NotReady) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = summary(figures)
    print(table(rows, figures))
    verdict, held = judge(rows["gateway"])
    print(f"\n{verdict}")
    print(f"\nraw figures: {_keep(options, rows, figures)}")
    return 1 if options.check and not held else 0


def _measure(options: argparse.Namespace, folder: Path, running: ExitStack) -> dict[str, Figures]:
    settings = Settings(
        options.seconds, options.connections, options.rate, options.streams, options.held, options.nice
    )
    lab, trusted = _lab(options, folder, running)
    targets = _start(options, lab, trusted, running)
    figures = {target.name: Figures() for target in targets}
    for target in targets:
        for seconds in target.cold_seconds:
            figures[target.name].note("cold_s", seconds)
        if target.pid is not None:
            figures[target.name].note("idle_mb", machine.pss_mb(target.pid))
        warm_up(target)
    for number in range(options.rounds):
        for name in options.measures.split(","):
            for target in targets:
                MEASURES[name](target, settings, figures[target.name])
                lab.check()
        _say(f"round {number + 1} of {options.rounds} done, load average {os.getloadavg()[0]:.1f}")
    return figures


def _start(options: argparse.Namespace, lab: Lab, trusted: Path | None, running: ExitStack) -> list[Target]:
    specs = [nginx(lab), gateway(lab, trusted)]
    specs += read_targets(Path(options.targets), lab) if options.targets else []
    wanted = {name for name in options.only.split(",") if name} | {"nginx", "gateway"}
    targets = []
    for spec in specs:
        if options.only and spec.name not in wanted:
            continue
        target = Target(spec, lab)
        running.callback(target.stop)
        for _ in range(options.starts):
            target.stop()
            target.start()
        _say(
            f"{target.name}: first answer after " + ", ".join(f"{s:.2f}" for s in target.cold_seconds) + " s"
        )
        targets.append(target)
    return targets


def _lab(options: argparse.Namespace, folder: Path, running: ExitStack) -> tuple[Lab, Path | None]:
    """Start the mock, with TLS before it when asked; return the lab and the certificate to trust."""
    mock_program, load_program = compile_tools(folder)
    mock = machine.start([str(mock_program), "0"], cpu=options.load_cpu)
    running.callback(machine.end, mock)
    assert mock.stdout is not None
    mock_port = upstream_port = int(mock.stdout.readline())
    trusted = None
    if options.tls:
        trusted = certificate(folder)
        upstream_port = machine.free_port()
        conf = fill("nginx-tls.conf", folder, {"tmp": folder, "mock": mock_port, "port": upstream_port})
        front = machine.start([need("nginx", "for --tls"), "-c", str(conf)], cpu=options.load_cpu)
        running.callback(machine.end, front)
    lab = Lab(
        folder=folder,
        load=load_program,
        mock=mock,
        mock_port=mock_port,
        upstream_port=upstream_port,
        scheme="https" if options.tls else "http",
        key=mint_key(),
        gateway_cpu=options.gateway_cpu,
        load_cpu=options.load_cpu,
    )
    return lab, trusted


def _keep(options: argparse.Namespace, rows: object, figures: dict[str, Figures]) -> Path:
    path = (
        Path(options.out)
        if options.out
        else BENCH / "results" / time.strftime("%Y%m%d-%H%M%S.json", time.gmtime())
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = {
        "schema": "llm-gateway/bench/v1",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": sys.version,
        "machine": machine.describe(),
        "options": vars(options),
        "summary": rows,
        "figures": {name: asdict(own) for name, own in figures.items()},
    }
    path.write_text(json.dumps(raw, indent=1), encoding="utf-8")
    return path


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    usual = Settings()
    cpus = machine.allowed_cpus()
    parser = argparse.ArgumentParser(prog="bench", description="Measure the gateway beside nginx.")
    add = parser.add_argument
    add("--measures", default=",".join(MEASURES), help=f"of {','.join(MEASURES)} (default: all)")
    add("--rounds", type=int, default=5, help="how often each measure is taken, targets in turn")
    add("--seconds", type=float, default=usual.seconds, help="length of a measure")
    add("--connections", type=int, default=usual.connections, help="of c1k and c60k")
    add("--rate", type=float, default=usual.rate, help="requests per second of lat")
    add("--streams", type=int, default=usual.streams, help="streams at once in stream")
    add("--held", type=int, default=usual.held, help="streams held open in hold")
    add("--starts", type=int, default=3, help="how often a start is timed")
    add("--targets", default="", help="a file of further targets (see targets.example.json)")
    add("--only", default="", help="comma list of further targets to take from that file")
    add("--tls", action="store_true", help="speak TLS with the mock upstream")
    add("--gateway-cpu", type=int, default=cpus[0], help="processor of the targets")
    add("--load-cpu", type=int, default=cpus[-1], help="processor of mock and load generator")
    add("--nice", type=int, default=usual.nice, help="priority of the target in lat; negative needs root")
    add("--out", default="", help="file for the raw figures (default: bench/results/TIME.json)")
    add("--check", action="store_true", help="exit with 1 when a goal is missed")
    options = parser.parse_args(arguments)
    unknown = set(options.measures.split(",")) - set(MEASURES)
    if unknown:
        parser.error(f"--measures: {', '.join(sorted(unknown))} is none of {','.join(MEASURES)}")
    return options


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
