"""Tables become settings value by value, and everything that is wrong is found."""

import tomllib

import pytest

from llm_gateway.config.building import Found, build, read_tables
from llm_gateway.config.lines import Path, locate
from llm_gateway.config.problems import Origin, Problem
from llm_gateway.config.schema import describe
from llm_gateway.config.settings import Provider, Settings

TREE = describe()


def made(text: str, extra: dict[Path, Found] | None = None) -> tuple[Settings, list[str]]:
    problems: list[Problem] = []
    values = read_tables(tomllib.loads(text), TREE, "gateway.toml", locate(text), problems)
    settings = build(values | (extra or {}), TREE, problems)
    return settings, [problem.say({}) for problem in problems]


def test_nothing_gives_the_defaults() -> None:
    assert made("") == (Settings(), [])


def test_all_kinds_of_values_arrive() -> None:
    settings, problems = made(
        """
        [server]
        port = 0
        expose = true
        idle_timeout = 5
        hosts = ["a", "b"]
        [[providers]]
        name = "one"
        dialects = ["chat", "ollama"]
        [[providers]]
        name = "two"
        [aliases]
        fast = ["one/m", "two/m"]
        [prices.reference]
        "one/*" = "two/m"
        [ledger]
        durability = "power"
        """
    )
    assert problems == []
    assert (settings.server.port, settings.server.expose, settings.server.idle_timeout) == (0, True, 5.0)
    assert settings.server.hosts == ("a", "b")
    assert settings.providers == (Provider("one", dialects=("chat", "ollama")), Provider("two"))
    assert settings.aliases == {"fast": ("one/m", "two/m")}
    assert settings.prices.reference == {"one/*": "two/m"}
    assert settings.ledger.durability == "power"


def test_the_order_of_many_providers_is_kept() -> None:
    text = "".join(f'[[providers]]\nname = "p{number}"\n' for number in range(25))
    settings, _ = made(text)
    assert [provider.name for provider in settings.providers] == [f"p{number}" for number in range(25)]


WRONG = [
    (
        "[server]\nport = 'abc'",
        ['server.port: "abc" does not fit: expected int, got str (line 2 of gateway.toml)'],
    ),
    (
        "[server]\nport = 65536",
        ["server.port: 65536 does not fit: expected int <= 65535 (line 2 of gateway.toml)"],
    ),
    (
        "[server]\nport = true",
        ["server.port: True does not fit: expected int, got bool (line 2 of gateway.toml)"],
    ),
    (
        "[server]\nexpose = 1",
        ["server.expose: 1 does not fit: expected bool, got int (line 2 of gateway.toml)"],
    ),
    (
        "[server]\nidle_timeout = nan",
        ["server.idle_timeout: nan does not fit: expected float >= 0.001 (line 2 of gateway.toml)"],
    ),
    (
        "[server]\nidle_timeout = inf",
        ["server.idle_timeout: inf does not fit: expected float <= 86400.0 (line 2 of gateway.toml)"],
    ),
    (
        "[server]\nhosts = 'a'",
        ['server.hosts: "a" does not fit: expected array, got str (line 2 of gateway.toml)'],
    ),
    (
        "[server]\nhosts = ['a', 1]",
        ["server.hosts: ['a', 1] does not fit: expected str, got int (line 2 of gateway.toml)"],
    ),
    (
        "[ledger]\ndurability = 'both'",
        ['ledger.durability: "both" does not fit: expected one of process, power (line 2 of gateway.toml)'],
    ),
    ("server = 3", ["server: this is a table, not 3 (line 1 of gateway.toml)"]),
    (
        "[providers]\nname = 'x'",
        ["providers: this is a list of [[providers]] tables, not {'name': 'x'} (line 1 of gateway.toml)"],
    ),
    ("providers = [1]", ["providers.0: this is a table, not 1 (line 1 of gateway.toml)"]),
    ("aliases = ['a']", ["aliases: this is a table, not ['a'] (line 1 of gateway.toml)"]),
    (
        "[aliases]\nfast = 'one/m'",
        ['aliases.fast: "one/m" does not fit: expected array, got str (line 2 of gateway.toml)'],
    ),
    ("[[providers]]", ["providers.0: this is a table with a name, not {} (line 1 of gateway.toml)"]),
    ("[[providers]]\nbase_url = 'http://a'", ["providers.0.name: this is missing (line 2 of gateway.toml)"]),
    (
        "[[providers]]\nname = 3",
        ["providers.0.name: 3 does not fit: expected str, got int (line 2 of gateway.toml)"],
    ),
    (
        "[nothing]\na = 1",
        [
            (
                "nothing: there is no such setting; what is known here: aliases, ledger, limits, local, log, prices, "
                "providers, server, upstream (line 1 of gateway.toml)"
            )
        ],
    ),
    (
        "[server]\nhots = 'a'\nport = 'b'",
        [
            "server.hots: there is no such setting; did you mean hosts? (line 2 of gateway.toml)",
            'server.port: "b" does not fit: expected int, got str (line 3 of gateway.toml)',
        ],
    ),
]


@pytest.mark.parametrize(("text", "messages"), WRONG)
def test_each_wrong_value_is_named_with_its_line(text: str, messages: list[str]) -> None:
    settings, problems = made(text)
    assert problems == messages
    assert settings == Settings()


ENVIRONMENT = Origin("environment", "X")


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (("server", "port"), "99", 99),
        (("server", "expose"), "true", True),
        (("server", "expose"), "0", False),
        (("server", "idle_timeout"), "1.5", 1.5),
        (("server", "hosts"), "a, b ,,c", ("a", "b", "c")),
        (("server", "hosts"), "", ()),
        (("server", "tls_cert"), "", ""),
        (("log", "level"), "debug", "debug"),
    ],
)
def test_texts_are_read_as_their_settings_type(path: tuple[str, str], text: str, expected: object) -> None:
    settings, problems = made("", {path: Found(text, ENVIRONMENT, text=True)})
    assert problems == []
    assert getattr(getattr(settings, path[0]), path[1]) == expected


@pytest.mark.parametrize("text", ["", "x", "1.5", "70000", "0x10"])
def test_a_text_that_does_not_fit_is_named_with_its_variable(text: str) -> None:
    _, problems = made("", {("server", "port"): Found(text, ENVIRONMENT, text=True)})
    assert len(problems) == 1
    assert problems[0].startswith("server.port: ")
    assert problems[0].endswith("(X)")
