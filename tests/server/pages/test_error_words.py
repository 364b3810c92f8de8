"""Every kind of error that a turn can end with is explained, as it is in docs/errors.md."""

from house import ROOT, text
from llm_gateway import errors
from llm_gateway.errors import GatewayError
from llm_gateway.server.pages.error_words import error_words


def kinds(kind: type[GatewayError]) -> set[str]:
    found = {kind.kind} if "kind" in kind.__dict__ else set()
    return found.union(*(kinds(each) for each in kind.__subclasses__()))


def test_every_kind_is_explained() -> None:
    documented = text(ROOT / "docs" / "errors.md")
    for kind in sorted(kinds(errors.GatewayError) | {"upstream_status", "upstream_stream"}):
        words = error_words(kind, "error")
        assert words is not None and words.wrong != "it failed", kind
        assert words.kind == kind and words.helps
        assert f"`{kind}`" in documented or kind.startswith("upstream_"), kind


def test_an_end_without_a_kind_is_explained_by_itself() -> None:
    for outcome in ("cancelled", "truncated", "interrupted"):
        words = error_words(None, outcome)
        assert words is not None and words.kind == outcome and words.wrong != "it failed"
    assert error_words("odd", "error") is not None


def test_what_went_well_needs_no_words() -> None:
    assert error_words(None, "ok") is None and error_words(None, "running") is None
