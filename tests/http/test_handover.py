"""Sockets pass from program to program: what is left is found, what is wrong is said, nothing is mixed up."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from llm_gateway.errors import ConfigError
from llm_gateway.http.handover import NOTHING, Inherited, duplicate, leave, read_activation

FIRST = 900  # far from what this process has open
PID = os.getpid()


def put(sock: socket.socket, place: int) -> None:
    """Move a socket to a descriptor."""
    number = sock.detach()
    os.dup2(number, place, inheritable=True)
    os.close(number)


def told(count: object, names: str = "") -> dict[str, str]:
    """Return the variables of a service manager."""
    return {"LISTEN_PID": str(PID), "LISTEN_FDS": str(count), "LISTEN_FDNAMES": names, "LANG": "C"}


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return both ends of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    yield client, accepted
    client.close()
    accepted.close()


@pytest.mark.parametrize(
    "environ",
    [{}, {"LISTEN_FDS": "1"}, {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "a"}],
)
def test_what_is_meant_for_another_process_is_left_alone(environ: dict[str, str]) -> None:
    assert read_activation(environ, PID, FIRST) == NOTHING
    assert environ == {}, "and told to no child"


def test_the_sockets_of_a_service_manager() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        addresses = [one.getsockname(), two.getsockname()]
        put(one, FIRST)
        put(two, FIRST + 1)
    environ = told(2, "llm-gateway.socket:llm-gateway.socket")
    found = read_activation(environ, PID, FIRST)
    assert [each.getsockname() for each in found.given] == addresses
    assert not any(each.get_inheritable() for each in found.given), "no child is to have them"
    assert (found.bound, found.connections, found.restarted) == ((), (), False)
    assert environ == {"LANG": "C"}
    for each in found.given:
        each.close()


def test_a_socket_without_a_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        put(server, FIRST)
    (given,) = read_activation(told(1), PID, FIRST).given
    given.close()


@pytest.mark.parametrize("count", ["", "x", "-1", "²"])
def test_a_count_that_is_none(count: str) -> None:
    with pytest.raises(ConfigError, match="no number of descriptors"):
        read_activation(told(count), PID, FIRST)


def test_a_descriptor_that_is_not_open() -> None:
    with pytest.raises(ConfigError, match=f"descriptor {FIRST} is no socket: Bad file descriptor"):
        read_activation(told(1), PID, FIRST)


def test_a_file_is_no_socket(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        os.dup2(file.fileno(), FIRST)
    with pytest.raises(ConfigError, match="is no socket"):
        read_activation(told(1), PID, FIRST)
    os.close(FIRST)


@pytest.mark.parametrize(
    ("family", "kind"), [(socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_UNIX, socket.SOCK_STREAM)]
)
def test_only_tcp_is_listened_on(family: socket.AddressFamily, kind: socket.SocketKind) -> None:
    put(socket.socket(family, kind), FIRST)
    with pytest.raises(ConfigError, match="TCP alone"):
        read_activation(told(1), PID, FIRST)


def test_a_connection_is_nothing_to_listen_on(pair: tuple[socket.socket, socket.socket]) -> None:
    put(pair[1], FIRST)
    with pytest.raises(ConfigError, match="`Accept=no`"):
        read_activation(told(1, "connection"), PID, FIRST)


def test_what_one_leaves_the_next_finds(pair: tuple[socket.socket, socket.socket]) -> None:
    client, accepted = pair
    client.sendall(b"not read yet")
    server, other = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    addresses = server.getsockname(), other.getsockname()
    environ = leave(Inherited((server,), (other,), (accepted,)))
    found = read_activation({**told(1), **environ}, PID, FIRST)
    assert found.restarted, "and what a service manager gave long ago is not looked for again"
    assert (found.given[0].getsockname(), found.bound[0].getsockname()) == addresses
    assert found.connections[0].recv(100) == b"not read yet"
    for each in (*found.given, *found.bound, *found.connections):
        assert not each.get_inheritable()
        each.close()


def test_what_is_left_stays_where_it_is_and_is_inherited() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    number = server.fileno()
    environ = leave(Inherited(bound=(server,)))
    assert os.get_inheritable(number)
    assert environ == {"LLM_GATEWAY_KEPT_SOCKETS": f"{PID};;{number};"}
    assert read_activation(dict(environ), 1) == NOTHING, "another process"
    (found,) = read_activation(environ, PID).bound
    assert found.fileno() == number and environ == {}
    found.close()


def test_a_variable_has_room_for_all_connections() -> None:
    with socket.socket() as sock, ExitStack() as stack:
        many = [stack.enter_context(socket.socket(fileno=os.dup(sock.fileno()))) for _ in range(300)]
        ((_, text),) = leave(Inherited(connections=tuple(many))).items()
        for each in read_activation({"LLM_GATEWAY_KEPT_SOCKETS": text}, PID).connections:
            each.close()
    assert len(text) / 300 * 16_000 * 2 < 128 * 1024, "descriptors of twice as many digits"


def test_a_duplicate_keeps_a_connection_open(pair: tuple[socket.socket, socket.socket]) -> None:
    client, accepted = pair
    with duplicate(accepted.fileno()) as kept:
        accepted.close()
        kept.sendall(b"still here")
        assert client.recv(100) == b"still here"
        assert not kept.get_inheritable()
