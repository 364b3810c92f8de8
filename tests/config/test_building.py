"""Tables become settings value by value, and everything that is wrong is found."""

import tomllib

import pytest

from llm_gateway.config.building import Found, build, read_tables
from llm_gateway.config.lines import Path, locate
from llm_gateway.config.problems import Origin, Problem
from llm_gateway.config.routing import AliasTable, TargetTable
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


def test_an_alias_has_a_short_and_a_long_form() -> None:
    settings, problems = made(
        """
        [aliases]
        short = ["one/m"]
        inline = { targets = ["one/m", { target = "two/m", weight = 2 }], prefer = "local" }
        [aliases.long]
        sticky = false
        [[aliases.long.targets]]
        target = "one/m"
        max_price = 3
        dialects = ["chat"]
        """
    )
    assert problems == []
    assert settings.aliases == {
        "short": ("one/m",),
        "inline": AliasTable(("one/m", TargetTable("two/m", weight=2)), "local"),
        "long": AliasTable((TargetTable("one/m", dialects=("chat",), max_price=3.0),), sticky=False),
    }


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
        "[bogus]\na = 1",
        [
            (
                "bogus: there is no such setting; what is known here: aliases, bridges, cache, clients, "
                "companion, compression, content, dashboard, ledger, limits, local, log, prices, providers, "
                "routing, "
                "server, subscriptions, telemetry, upstream (line 1 of gateway.toml)"
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

WRONG_ALIASES = [
    (
        "[aliases]\nfast = {}",
        "aliases.fast: this is a table with targets, not {}",
        2,
    ),
    (
        "[aliases.fast]\ntargets = 'one/m'",
        'aliases.fast.targets: this is a list of provider/model or of tables, not "one/m"',
        2,
    ),
    (
        "[aliases]\nfast = { targets = ['one/m', {}] }",
        "aliases.fast.targets.1: this is a table with a target, not {}",
        2,
    ),
    (
        "[aliases]\nfast = { targets = ['one/m', 3] }",
        "aliases.fast.targets.1: 3 does not fit: expected str, got int",
        2,
    ),
    (
        "[aliases.fast]\ntargets = ['one/m']\nprefer = 'cheap'",
        (
            'aliases.fast.prefer: "cheap" does not fit: '
            "expected one of order, local, subscription, cheapest, fastest"
        ),
        3,
    ),
    (
        "[aliases.fast]\ntargets = ['one/m']\nstiky = true",
        "aliases.fast.stiky: there is no such setting; did you mean sticky?",
        3,
    ),
    (
        "[[aliases.fast.targets]]\ntarget = 'one/m'\n[[aliases.fast.targets]]\ntarget = 'two/m'\nwieght = 2",
        "aliases.fast.targets.1.wieght: there is no such setting; did you mean weight?",
        5,
    ),
    (
        "[[aliases.fast.targets]]\nweight = 2",
        "aliases.fast.targets.0.target: this is missing",
        2,
    ),
    (
        "[[aliases.fast.targets]]\ntarget = 'one/m'\nmax_price = 'low'",
        'aliases.fast.targets.0.max_price: "low" does not fit: expected float, got str',
        3,
    ),
    (
        "[[aliases.fast.targets]]\ntarget = 'one/m'\nmax_price = -1",
        "aliases.fast.targets.0.max_price: -1 does not fit: expected float >= 0.0",
        3,
    ),
]


@pytest.mark.parametrize(("text", "message", "line"), WRONG_ALIASES)
def test_what_is_wrong_with_an_alias_is_named_with_its_line(text: str, message: str, line: int) -> None:
    assert made(text)[1] == [f"{message} (line {line} of gateway.toml)"]


def test_what_may_be_left_out_may_be_set() -> None:
    settings, problems = made("[[limits]]\nscope = 'global'\nusd_per_day = 2.5\nparallel = 3")
    assert problems == []
    assert (settings.limits[0].usd_per_day, settings.limits[0].parallel) == (2.5, 3)


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
