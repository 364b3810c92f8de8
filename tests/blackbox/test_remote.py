"""The recipes of docs/remote.md, taken from the page and run: tunnels, nginx and Caddy before a gateway.

Only ports, names of files and the user are put in for those of the page.
"""

import getpass
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from certificate import self_signed
from gateway_process import GatewayProcess, configuration
from rawhttp import RawClient, Reply, request
from scripted import Gate, ScriptedUpstream, chat

PAGE = (Path(__file__).parents[2] / "docs" / "remote.md").read_text("utf-8")
NAMES = 'hosts = ["gateway.example"]\norigins = ["https://gateway.example"]'
PATIENCE_S = 15.0


def recipe(language: str, beginning: str) -> str:
    """Return a block of the page."""
    found = [
        block
        for block in re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        if beginning in block
    ]
    assert len(found) == 1, f"{len(found)} blocks of {language} have {beginning!r}"
    return str(found[0])


def put_in(text: str, words: Mapping[str, str]) -> str:
    """Return a recipe for this machine; each word has to be on the page."""
    for old, new in words.items():
        assert old in text, f"{old!r} is not in the recipe"
        text = text.replace(old, new)
    return text


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    """Run a program until the block ends; it is ready when it takes connections on a port."""
    log = folder / f"{Path(command[0]).name}.log"
    own = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (
        log.open("wb") as said,
        subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, **own}) as process,
    ):
        try:
            until = time.monotonic() + PATIENCE_S
            while not listens(port):
                if process.poll() is not None or time.monotonic() > until:
                    raise AssertionError(f"{command[0]} is not there: {log.read_text()[-2000:]}")
                time.sleep(0.02)
            yield
        finally:
            process.kill()


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def gateway(upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path / "gateway", configuration(upstream.url, server=NAMES)) as gateway:
        yield gateway


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"there is no {name}")
    return found


class Secure(RawClient):
    """A connection by TLS, to the name of the page."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock, server_hostname="gateway.example")


def streams(client: RawClient, gateway: GatewayProcess, upstream: ScriptedUpstream, host: str) -> Reply:
    """Ask for a stream, and see that its first event is here before its second one is sent."""
    head, first, *rest = chat.stream(chat.events("m", ["eins ", "zwei "]))
    upstream.queue((head, first, Gate("rest"), *rest))
    body = gateway.chat_body("scripted/m", stream=True)
    client.send(request("POST", "/v1/chat/completions", body=body, key=gateway.key, host=host))
    client.read_until(b"data: ")
    upstream.wait_gate("rest")
    assert b"zwei" not in client.received
    upstream.open("rest")
    return client.read_reply()


def leaves(client: RawClient, gateway: GatewayProcess, upstream: ScriptedUpstream, host: str) -> None:
    """Leave in the middle, and see that the upstream is let go."""
    head, first, *_ = chat.stream(chat.events("m", ["eins "]))
    upstream.forget()
    upstream.queue((head, first, Gate("never")))
    body = gateway.chat_body("scripted/m", stream=True)
    client.send(request("POST", "/v1/chat/completions", body=body, key=gateway.key, host=host))
    client.read_until(b"data: ")
    connection = upstream.wait_asked().connection
    left = time.monotonic()
    client.sock.close()
    assert upstream.wait_closed(connection) - left < 1.0


def behind_a_proxy(port: int, gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    """See that everything passes that has to, and that the guard still stands."""
    host = "gateway.example"
    with Secure(port) as client:
        assert streams(client, gateway, upstream, host).events()[-1] == b"[DONE]"
        client.send(request("GET", "/v1/models", key=gateway.key, host=host))
        assert client.read_reply().status == 200, "the connection goes on"
    with Secure(port) as client:
        leaves(client, gateway, upstream, host)
    upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("Sec-WebSocket-Version", "13"),
    ]
    with Secure(port) as client:
        client.send(request("GET", "/v1/responses", key=gateway.key, host=host, headers=upgrade))
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
    for headers, size, status in (
        ([("Origin", "https://gateway.example"), ("Sec-Fetch-Site", "same-origin")], 5_000_000, 200),
        ([("Origin", "https://evil.test")], 1, 403),
        ([("Sec-Fetch-Site", "cross-site")], 1, 403),
    ):
        with Secure(port) as client:
            body = gateway.chat_body("scripted/m", user="x" * size)
            target = "/v1/chat/completions"
            client.send(request("POST", target, body=body, key=gateway.key, host=host, headers=headers))
            assert client.read_reply().status == status


def test_nginx(gateway: GatewayProcess, upstream: ScriptedUpstream, tmp_path: Path) -> None:
    nginx, port = program("nginx"), free_port()
    certificate, key = self_signed(tmp_path)
    site = put_in(
        recipe("nginx", "upstream llm_gateway"),
        {
            "127.0.0.1:8787": f"127.0.0.1:{gateway.port}",
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "/etc/ssl/gateway.pem": str(certificate),
            "/etc/ssl/gateway.key": str(key),
        },
    )
    places = "".join(
        f"{name}_temp_path {tmp_path};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = tmp_path / "nginx.conf"
    file.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off;\n{places}{site} }}\n"
    )
    with running([nginx, "-c", str(file), "-e", "stderr", "-p", str(tmp_path)], port, tmp_path):
        behind_a_proxy(port, gateway, upstream)


def test_caddy(gateway: GatewayProcess, upstream: ScriptedUpstream, tmp_path: Path) -> None:
    caddy, port = program("caddy"), free_port()
    tls = "tls {} {}".format(*self_signed(tmp_path))
    site = put_in(
        recipe("caddy", "reverse_proxy"),
        {
            "gateway.example {": f"https://gateway.example:{port} {{\n\tbind 127.0.0.1\n\t{tls}",
            "127.0.0.1:8787": f"127.0.0.1:{gateway.port}",
        },
    )
    file = tmp_path / "Caddyfile"
    file.write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{site}")
    with running([caddy, "run", "--adapter", "caddyfile", "--config", str(file)], port, tmp_path):
        behind_a_proxy(port, gateway, upstream)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[list[str]]:
    """Start an sshd for this test alone; return the options that lead to it, by the key of the page."""
    server, keygen, port = program("sshd"), program("ssh-keygen"), free_port()
    program("ssh")
    for name in ("host", "tunnel"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where Debian's drops its rights
    file = tmp_path / "sshd_config"
    file.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {tmp_path}/authorized_keys\nStrictModes no\nPermitRootLogin prohibit-password\n"
    )
    with running([server, "-D", "-e", "-f", str(file)], port, tmp_path):
        yield [
            *("-F", "none", "-p", str(port), "-i", str(tmp_path / "tunnel")),
            *("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"),
            *("-o", f"UserKnownHostsFile={tmp_path}/known", "-o", "LogLevel=ERROR"),
        ]


def permit(tmp_path: Path, words: Mapping[str, str]) -> None:
    """Write the key that the page has, for these ports alone."""
    public = (tmp_path / "tunnel.pub").read_text().split()[1]
    line = put_in(recipe("text", "permitopen"), {"AAAA…": public, **words})
    (tmp_path / "authorized_keys").write_text(line)


def ssh(options: list[str], line: str) -> list[str]:
    name, *words = line.replace("you@server", f"{getpass.getuser()}@127.0.0.1").split()
    assert name == "ssh"
    return [program("ssh"), *options, *words]


def test_a_tunnel_to_the_gateway(
    gateway: GatewayProcess, upstream: ScriptedUpstream, sshd: list[str], tmp_path: Path
) -> None:
    permit(tmp_path, {"127.0.0.1:8787": f"127.0.0.1:{gateway.port}", "127.0.0.1:11434": "127.0.0.1:1"})
    port = free_port()
    there = f"127.0.0.1:{port}:127.0.0.1:{gateway.port}"
    line = put_in(recipe("sh", "-L 127"), {"127.0.0.1:8787:127.0.0.1:8787": there})
    with running(ssh(sshd, line), port, tmp_path), RawClient(port) as client:
        host = f"127.0.0.1:{gateway.port}"  # as with the same port on both sides
        assert streams(client, gateway, upstream, host).events()[-1] == b"[DONE]"
        client.send(request("GET", "/v1/models", key=gateway.key, host=f"127.0.0.1:{port}"))
        assert client.read_reply().status == 421, "another port has to be named in server.hosts"
    shell = subprocess.run(
        ssh(sshd, "ssh you@server echo there"), check=False, capture_output=True, timeout=PATIENCE_S
    )
    assert shell.stdout == b"" and shell.returncode != 0, "the key opens no shell"


def test_a_tunnel_from_the_gateway(
    gateway: GatewayProcess, upstream: ScriptedUpstream, sshd: list[str], tmp_path: Path
) -> None:
    port = free_port()
    permit(tmp_path, {"127.0.0.1:8787": "127.0.0.1:1", "127.0.0.1:11434": f"127.0.0.1:{port}"})
    there = f"127.0.0.1:{port}:127.0.0.1:{upstream.port}"
    line = put_in(recipe("sh", "-R 127"), {"127.0.0.1:11434:127.0.0.1:11434": there})
    with running(ssh(sshd, line), port, tmp_path), RawClient(port) as client:
        client.send(request("GET", "/v1/models"))
        assert client.read_reply().status == 200
    other = line.replace(str(port), str(free_port()), 1)
    refused = subprocess.run(ssh(sshd, other), check=False, capture_output=True, timeout=PATIENCE_S)
    assert refused.returncode != 0 and b"forwarding failed" in refused.stderr, "the key opens no other port"
