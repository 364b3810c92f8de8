"""The defaults are safe, and every setting says what it is for."""

from llm_gateway.config.schema import Leaf, Repeated, Section, Table, describe
from llm_gateway.config.settings import Settings


def test_the_defaults_keep_to_this_machine() -> None:
    server = Settings().server
    assert (server.host, server.port, server.expose) == ("127.0.0.1", 8787, False)
    assert (server.hosts, server.origins, server.allow_from) == ((), (), ())
    assert server.default_provider == "", "what is kept at a provider is shared by nobody's default"
    assert server.header_timeout <= 15
    assert server.max_body_bytes == 64 * 1024 * 1024
    assert server.max_header_bytes == 64 * 1024


def test_every_setting_is_described() -> None:
    bare = [name for name, node in _walk(describe(), "") if not node.description]
    assert bare == []


def _walk(section: Section, name: str) -> list[tuple[str, Leaf | Section]]:
    found: list[tuple[str, Leaf | Section]] = [(name, section)]
    for key, node in section.members.items():
        inner = f"{name}.{key}"
        match node:
            case Leaf():
                found.append((inner, node))
            case Table():
                found.append((inner, node.entry))
            case Section():
                found += _walk(node, inner)
            case Repeated():
                found += _walk(node.each, inner)
    return found
