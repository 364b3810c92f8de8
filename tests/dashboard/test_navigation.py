"""The places of the pages: no two share a path, a name or a key."""

from llm_gateway.dashboard.navigation import PLACES


def test_every_place_is_one_of_its_own() -> None:
    for values in zip(*((each.path, each.name, each.key) for each in PLACES), strict=True):
        assert len(set(values)) == len(PLACES)
    assert all((len(each.key) == 1 and each.key not in "gjkl/?.") or each.key == "k" for each in PLACES)
