"""Messages name the key, the value and the place, and show no secret."""

import pytest

from llm_gateway.config.lines import Path
from llm_gateway.config.problems import Origin, Problem, dotted, misfit, refuse, shown, unknown_key
from llm_gateway.errors import ConfigError

FILE = Origin("file", "gateway.toml", 7)


def test_origins_in_words() -> None:
    assert str(Origin()) == "default"
    assert str(FILE) == "line 7 of gateway.toml"
    assert str(Origin("file", "gateway.toml")) == "gateway.toml"
    assert str(Origin("environment", "LLM_GATEWAY_SERVER__PORT")) == "LLM_GATEWAY_SERVER__PORT"


def test_a_problem_says_what_and_where() -> None:
    assert Problem(("a", "b"), "wrong", FILE).say({}) == "a.b: wrong (line 7 of gateway.toml)"
    assert Problem(("a", 0, "b"), "wrong").say({("a", 0): "ollama"}) == "a.ollama.b: wrong"
    assert Problem((), "X is wrong").say({}) == "X is wrong"
    assert dotted(("providers", 1, "name"), {("providers", 0): "other"}) == "providers.1.name"


def test_all_problems_are_said_at_once() -> None:
    refuse([], {})
    with pytest.raises(ConfigError) as refused:
        refuse([Problem(("a",), "one"), Problem(("b",), "two")], {})
    assert str(refused.value) == "a: one\nb: two"


def test_a_misfit_shows_the_value_and_what_was_expected() -> None:
    problem = misfit(("server", "port"), "abc", "Expected `int`, got `str` - at `$.x`", FILE)
    assert problem.why == '"abc" does not fit: expected int, got str'


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("prot", "there is no such setting; did you mean port?"),
        ("hots", "there is no such setting; did you mean host?"),
        ("zzz", "there is no such setting; what is known here: host, port"),
    ],
)
def test_an_unknown_key_comes_with_a_suggestion(key: str, why: str) -> None:
    problem = unknown_key(key, ("server",), ["port", "host"], FILE)
    assert (problem.path, problem.why) == (("server", key), why)


@pytest.mark.parametrize(
    ("path", "way_out"),
    [(("providers", 0), "api_key_env"), (("server",), "LLM_GATEWAY_DASHBOARD_TOKEN"), ((), "_FILE")],
)
@pytest.mark.parametrize(
    "key", ["api_key", "api-key", "apikey", "API_KEY", "key", "token", "dashboard_token", "secret"]
)
def test_a_credential_in_the_file_is_refused_with_the_way_out(path: Path, way_out: str, key: str) -> None:
    problem = unknown_key(key, path, ["base_url"], FILE)
    assert "does not belong in this file" in problem.why
    assert way_out in problem.why


def test_values_are_shown_on_one_line_and_not_in_full() -> None:
    assert shown("a\nb\x1b[31m") == '"a\\nb\\x1b[31m"'
    assert shown(["a", 1]) == "['a', 1]"
    assert shown("ü") == '"\\xfc"'
    assert len(shown("x" * 500)) == 80
