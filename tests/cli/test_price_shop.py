"""Whose prices are asked for, by the names that a request would use."""

from pathlib import Path

import pytest

from llm_gateway.cli.context import Context
from llm_gateway.cli.price_shop import Shop

NOW = 1_795_737_600 * 1_000_000


def test_a_table_that_cannot_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "prices.json").write_bytes(b"{")
    assert Shop(Context({"home": str(tmp_path)}, {})).uses("openai/gpt-5", NOW)
    assert f"warning: {tmp_path / 'prices.json'} cannot be read" in capsys.readouterr().err


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    (tmp_path / "gateway.toml").write_text(
        '[[providers]]\nname = "lab"\nbase_url = "https://lab.example/v1"\n'
        '[[providers]]\nname = "new"\nbase_url = "https://new.example/v1"\n'
        '[aliases]\nfast = ["openai/gpt-5-mini"]\n'
        '[prices.reference]\n"llamacpp/*" = "lab/*"\n'
        '[[prices.models]]\nmodel = "lab/*"\ninput = 1\noutput = 2\n'
    )
    return Shop(Context({"home": str(tmp_path)}, {}))


@pytest.mark.parametrize(
    ("asked", "uses"),
    [
        ("openai/gpt-5-mini", [("openai/gpt-5-mini", "paid", False)]),
        ("fast", [("openai/gpt-5-mini", "paid", False)]),
        ("lab/anything", [("lab/anything", "paid", False)]),
        ("llamacpp/m", [("llamacpp/m", "worth", True)]),
        ("claude/claude-opus-4-1", [("claude/claude-opus-4-1", "worth", False)]),
        ("sonar-pro", [("perplexity/sonar-pro", "paid", False)]),
        ("perplexity/sonar-pro", [("perplexity/sonar-pro", "paid", False)]),
        ("openai/nothing", []),
        ("ollama/nothing", []),
        ("new/anything", [("new/anything", "paid", False)]),
        ("nobody/nothing", []),
    ],
)
def test_a_model_is_looked_up_by_its_name(shop: Shop, asked: str, uses: list[tuple[str, str, bool]]) -> None:
    found = shop.uses(asked, NOW)
    assert [(use.model, use.use, use.chosen) for use in found] == uses


def test_tiers_are_those_with_a_price_of_their_own(shop: Shop) -> None:
    (use,) = shop.uses("anthropic/claude-opus-4-1", NOW)
    assert set(shop.tiers(use, NOW)) == {"batch"}
    (lab,) = shop.uses("lab/m", NOW)
    assert not shop.tiers(lab, NOW), "nobody says what a tier of it costs"
    (worth,) = shop.uses("codex/gpt-5", NOW)
    assert not shop.tiers(worth, NOW), "a subscription has none"


def test_the_seller_is_whom_the_table_means(shop: Shop) -> None:
    assert [shop.seller(name) for name in ("gemini", "codex", "x-ai", "ollama")] == [
        "google",
        "openai",
        "x-ai",
        "",
    ]
