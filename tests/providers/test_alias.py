"""An alias of the configuration, in its short and its long form, as a value."""

from decimal import Decimal

from llm_gateway.config.routing import AliasTable, TargetTable
from llm_gateway.providers.alias import Alias, AliasTarget, in_order, read_alias, read_aliases
from llm_gateway.providers.names import Target

QWEN, GPT = Target("ollama", "qwen2.5:14b"), Target("openrouter", "openai/gpt-5.5-mini")


def test_a_list_is_an_order_without_terms() -> None:
    read = read_alias(("ollama/qwen2.5:14b", "openrouter/openai/gpt-5.5-mini"))
    assert read == in_order((QWEN, GPT)) == Alias((AliasTarget(QWEN), AliasTarget(GPT)))
    assert (read.prefer, read.sticky, read.names) == ("order", False, (QWEN, GPT))


def test_a_table_has_terms_and_keeps_conversations_where_they_are() -> None:
    terms = TargetTable(
        str(GPT),
        weight=3,
        tools=False,
        images=False,
        max_input_tokens=8000,
        dialects=("chat",),
        max_price=2.3,
    )
    read = read_alias(AliasTable((str(QWEN), terms), "cheapest"))
    plain, other = read.targets
    assert plain == AliasTarget(QWEN)
    assert other == AliasTarget(GPT, 3, False, False, 8000, ("chat",), Decimal("2.3"))
    assert (read.prefer, read.sticky) == ("cheapest", True)
    assert not read_alias(AliasTable((str(QWEN),), sticky=False)).sticky


def test_each_alias_has_its_name() -> None:
    assert read_aliases({"a": (str(QWEN),), "b": AliasTable((str(GPT),))}) == {
        "a": in_order((QWEN,)),
        "b": Alias((AliasTarget(GPT),), sticky=True),
    }
