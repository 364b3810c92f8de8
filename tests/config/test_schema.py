"""The tree of settings is read off their types."""

import pytest

from llm_gateway.config.schema import Leaf, Repeated, Section, Table, describe, find

TREE = describe()


def leaf(*path: str | int) -> Leaf:
    node = find(path, TREE)
    assert isinstance(node, Leaf)
    return node


def test_each_kind_of_node_is_told_apart() -> None:
    assert isinstance(find(("server",), TREE), Section)
    assert isinstance(find(("providers",), TREE), Repeated)
    assert isinstance(find(("providers", 3), TREE), Section)
    assert isinstance(find(("aliases",), TREE), Table)
    assert isinstance(find(("prices", "reference"), TREE), Table)
    assert isinstance(find((), TREE), Section)


@pytest.mark.parametrize(
    ("path", "type_name", "is_list", "choices"),
    [
        (("server", "host"), "string", False, ()),
        (("server", "port"), "integer", False, ()),
        (("server", "expose"), "boolean", False, ()),
        (("server", "idle_timeout"), "number", False, ()),
        (("server", "hosts"), "list of strings", True, ()),
        (("providers", 0, "models"), "list of strings", True, ()),
        (("aliases", "fast"), "list of strings", True, ()),
        (("prices", "reference", "ollama/*"), "string", False, ()),
        (("ledger", "durability"), "string", False, ("process", "power")),
    ],
)
def test_leaves_know_their_type(
    path: tuple[str | int, ...], type_name: str, is_list: bool, choices: tuple[str, ...]
) -> None:
    node = leaf(*path)
    assert (node.type_name, node.is_list, node.choices) == (type_name, is_list, choices)


def test_a_value_may_have_two_forms() -> None:
    aliases = find(("aliases",), TREE)
    assert isinstance(aliases, Table) and aliases.long is not None
    targets = aliases.long.members["targets"]
    assert isinstance(targets, Repeated) and targets.short is not None
    assert (targets.short.type_name, next(iter(targets.each.members))) == ("string", "target")
    providers = find(("providers",), TREE)
    assert isinstance(providers, Repeated) and providers.short is None


def test_defaults_and_what_has_none() -> None:
    assert leaf("server", "port").default == 8787
    assert leaf("server", "hosts").default == ()
    assert leaf("providers", 0, "name").default is not None
    assert not isinstance(leaf("providers", 0, "name").default, str)


@pytest.mark.parametrize(
    "path",
    [
        ("nothing",),
        ("server", "nothing"),
        ("server", "host", "deeper"),
        ("providers", "name"),
        ("aliases", "a", "b"),
    ],
)
def test_what_is_no_setting_is_not_found(path: tuple[str | int, ...]) -> None:
    assert find(path, TREE) is None
