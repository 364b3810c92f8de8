"""Make what the benchmark needs before it can run: the two C programs, the configurations, a certificate."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

__all__ = ["BENCH", "Missing", "certificate", "compile_tools", "fill", "need"]

BENCH = Path(__file__).resolve().parent.parent
_USUAL = "/usr/sbin:/usr/local/sbin:/sbin"


class Missing(Exception):
    """A program that the benchmark needs is not installed; the message says how to get it."""


def need(program: str, why: str) -> str:
    """Return the path of a program; Missing says what it is needed for."""
    path = shutil.which(program) or shutil.which(program, path=_USUAL)
    if path is None:
        raise Missing(f"{program} is not installed; the benchmark needs it {why}")
    return path


def compile_tools(into: Path) -> tuple[Path, Path]:
    """Compile the mock upstream and the load generator; return their paths."""
    compiler = need("cc", "to build its mock upstream and load generator (on Debian: apt install gcc)")
    made = []
    for name in ("mock", "load"):
        made.append(into / f"bench-{name}")
        source = BENCH / "src" / f"{name}.c"
        subprocess.run([compiler, "-O2", "-w", "-o", str(made[-1]), str(source)], check=True)
    return made[0], made[1]


def fill(name: str, into: Path, values: Mapping[str, object]) -> Path:
    """Write a file of conf/ with its {placeholders} filled in; return its path."""
    text = (BENCH / "conf" / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace("{" + key + "}", str(value))
    path = into / name
    path.write_text(text, encoding="utf-8")
    return path


def certificate(into: Path) -> Path:
    """Make a self-signed certificate for 127.0.0.1 with its key; return the certificate's path."""
    openssl = need("openssl", "for --tls (on Debian: apt install openssl)")
    path = into / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(into / "key.pem")]
    command = [openssl, "req", "-x509", *key, "-out", str(path), "-days", "9", *subject]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return path
