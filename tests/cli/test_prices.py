"""What `prices` shows: the card of a model, where it stands, how it was found, and what a tier changes."""

from terminal import Terminal

CONFIG = """
[aliases]
fast = ["openai/gpt-5-mini", "gemini/gemini-2.5-flash"]

[[providers]]
name = "lab"
base_url = "https://lab.example/v1"
models = ["big"]

[[prices.models]]
model = "lab/big"
input = 2
output = 8.5
above = [{ tokens = 100000, input = 4, output = 17 }]
batch = 0.5
request = 0.01
since = "2026-06-01"

[prices.reference]
"ollama/*" = "openai/gpt-5-mini"
"""


def configured(terminal: Terminal) -> Terminal:
    terminal.home.mkdir(parents=True, exist_ok=True)
    (terminal.home / "gateway.toml").write_text(CONFIG)
    return terminal


def prices(terminal: Terminal, *arguments: str) -> list[dict[str, object]]:
    told = terminal.json("prices", "show", *arguments)
    assert told["schema"] == "llm-gateway/prices/v1"
    found = told["prices"]
    assert isinstance(found, list)
    return found


def test_a_card_is_shown_with_its_tiers_and_where_it_stands(stopped: Terminal) -> None:
    out = stopped.ok("prices", "show", "openai/gpt-5").out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[:4] == [
        "openai/gpt-5",
        "$ A MILLION TOKENS USUAL BATCH FLEX PRIORITY FAST",
        "input 1.25 0.625 0.625 2.5 2.5",
        "cache read 0.125 0.0625 0.0625 0.25 0.25",
    ]
    assert "a thousand searches: $10" in lines and "row: openai/gpt-5, by its name" in lines
    assert lines[-2].startswith("row: ") and lines[-3].startswith("source: genai-prices ")
    assert lines[-1].startswith("card: ")


def test_a_stated_price_is_shown_as_it_is_stated(stopped: Terminal) -> None:
    lines = [
        " ".join(line.split())
        for line in configured(stopped).ok("prices", "show", "lab/big").out.splitlines()
    ]
    assert lines[:-1] == [
        "lab/big",
        "$ A MILLION TOKENS USUAL BATCH",
        "input 2, 4 above 100000 1, 2 above 100000",
        "output 8.5, 17 above 100000 4.25, 8.5 above 100000",
        "each request: $0.01",
        "source: configuration",
        "row: lab/big, stated for this model",
        "holds: since 2026-06-01",
    ]


def test_before_a_price_holds_nobody_knows_one(stopped: Terminal) -> None:
    (found,) = prices(configured(stopped), "lab/big", "--at", "2026-05-31")
    card = found["card"]
    assert isinstance(card, dict) and card["match"] == "assumed" and found["use"] == "paid"
    assert card["rates"]["output"] == [[0, "75"]]


def test_hours_and_doubts_are_shown(stopped: Terminal) -> None:
    out = stopped.ok("prices", "show", "deepseek/deepseek-chat", "--at", "2026-11-01T05:00").out
    assert "holds: from 00:30 to 16:30 UTC" in out and "doubt: litellm " in out


def test_an_alias_is_what_it_stands_for(stopped: Terminal) -> None:
    assert [each["model"] for each in prices(configured(stopped), "fast")] == [
        "openai/gpt-5-mini",
        "gemini/gemini-2.5-flash",
    ]


def test_what_nobody_bills_is_worth_something(stopped: Terminal) -> None:
    (codex,) = prices(configured(stopped), "codex/gpt-5-mini")
    (local,) = prices(stopped, "ollama/qwen")
    assert (codex["use"], codex["chosen"], local["use"], local["chosen"]) == ("worth", False, "worth", True)
    assert codex["id"] == local["id"] and not codex["tiers"]
    assert "worth the reference that you chose" in stopped.ok("prices", "show", "ollama/qwen").out
    assert "worth what the vendor takes" in stopped.ok("prices", "show", "codex/gpt-5-mini").out


def test_a_bare_name_is_everybodys_that_has_it(stopped: Terminal) -> None:
    found = {str(each["model"]): each["use"] for each in prices(stopped, "gpt-5-mini")}
    assert found["openai/gpt-5-mini"] == "paid" and found["codex/gpt-5-mini"] == "worth"
    out = stopped.ok("prices", "show", "gpt-5-mini").out
    assert "chatgpt-login/gpt-5-mini, codex/gpt-5-mini, chatgpt/gpt-5-mini: nobody bills it" in out


def test_a_model_of_a_provider_that_we_have_no_row_for_is_found_in_the_table(stopped: Terminal) -> None:
    (only,) = prices(stopped, "sonar-pro")
    assert only["model"] == "perplexity/sonar-pro"


def test_what_has_no_price_is_1_and_says_what_helps(stopped: Terminal) -> None:
    for model in ("nothing", "openai/nothing", "ollama/qwen", "claude/sonnet"):
        done = stopped("prices", "show", model)
        assert (done.code, done.out) == (1, "") and f"no price of {model} is known" in done.err
        assert "[prices.reference]" in done.err
    done = stopped("prices", "show", "nothing", "--json")
    assert done.code == 1 and done.err == "" and '"prices":[]' in done.out


def test_a_time_that_is_none_is_wrong_usage(stopped: Terminal) -> None:
    done = stopped("prices", "show", "gpt-5", "--at", "yesterday")
    assert done.code == 2 and "2026-05-01" in done.err


def test_a_time_may_have_its_own_zone(stopped: Terminal) -> None:
    night, day = (
        prices(stopped, "deepseek/deepseek-chat", "--at", f"2026-11-01T{time}")[0]["id"]
        for time in ("01:30+02:00", "03:30+02:00")
    )
    assert night != day


def test_providers_and_their_models_are_listed(stopped: Terminal) -> None:
    out = stopped.ok("prices", "list")
    assert any(line.startswith("openai ") for line in out.out.splitlines())
    assert "sha256" in out.err
    listed = stopped.ok("prices", "list", "--provider", "gemini").out.splitlines()
    assert listed[0].split()[:3] == ["MODEL", "IN", "OUT"]
    assert any(line.startswith("gemini-2.5-pro ") and "2.5 above 200000" in line for line in listed)
    models = stopped.json("prices", "list", "--provider", "google")["models"]
    assert isinstance(models, list) and len(models) == len(listed) - 1
    assert "providers" in stopped.json("prices", "list")


def test_a_provider_that_the_table_has_not_is_1(stopped: Terminal) -> None:
    done = stopped("prices", "list", "--provider", "ollama")
    assert done.code == 1 and "no prices of ollama" in done.err
