"""From a model name to the targets that may answer, in order."""

from decimal import Decimal

import pytest

from fakes import FakeEngine
from llm_gateway.engines.counting import Counting
from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import UnknownModel
from llm_gateway.pipeline.plan import Left, Nature, Router
from llm_gateway.providers.alias import Alias, AliasTarget, in_order
from llm_gateway.providers.catalog import Quirks
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.providers.names import Directory, Target
from llm_gateway.upstream.client import Line

CHAT, MUTE, CLAUDE = (
    Line(Endpoint("ollama", "chat", "http", "127.0.0.1", 11434, "/v1")),
    Line(Endpoint("mistral", "chat", "https", "mistral.test", 443, "/v1", quirks=Quirks(stream_usage=False))),
    Line(Endpoint("claude", "messages", "https", "claude.test", 443, "/v1")),
)
LINES = {("ollama", "chat"): CHAT, ("mistral", "chat"): MUTE, ("claude", "messages"): CLAUDE}
PROVIDERS = {
    "ollama": ("qwen",),
    "mistral": ("large",),
    "claude": ("opus",),
    "demo": ("echo",),
    "local": ("m",),
}
ENGINES = {
    name: FakeEngine(name, lambda: PreparedAnswer.whole(200, b""), counts=name != "demo")
    for name in ("demo", "local")
}


def router(**aliases: tuple[str, ...]) -> Router:
    made = Router()
    targets = {name: tuple(Target(*text.split("/", 1)) for text in texts) for name, texts in aliases.items()}
    made.replace(Directory(PROVIDERS, targets), LINES, ENGINES)
    return made


def test_a_target_has_the_line_of_its_dialect() -> None:
    plan = router().plan("ollama/anything:7b", "chat")
    (step,) = plan.steps
    assert plan.asked == "ollama/anything:7b"
    assert (step.provider, step.model, step.dialect) == ("ollama", "anything:7b", "chat")
    assert step.line is CHAT and step.engine is None
    assert step.asks_usage and step.counts


def test_a_provider_that_refuses_to_tell_its_usage_is_not_asked() -> None:
    assert not router().plan("large", "chat").steps[0].asks_usage


@pytest.mark.parametrize(("name", "counts"), [("demo/echo", False), ("local/m", True)])
def test_an_engine_has_no_line_and_says_itself_whether_it_counts(name: str, counts: bool) -> None:
    (step,) = router().plan(name, "chat").steps
    assert step.line is None and step.engine is ENGINES[step.provider]
    assert step.counts is counts and step.asks_usage


def test_an_alias_gives_its_targets_in_order() -> None:
    plan = router(fast=("mistral/large", "ollama/qwen", "demo/echo")).plan("fast", "chat")
    assert [step.provider for step in plan.steps] == ["mistral", "ollama", "demo"]


def test_a_target_that_speaks_the_clients_dialect_is_asked_in_it_and_another_is_translated_for() -> None:
    plan = router(fast=("claude/opus", "ollama/qwen")).plan("fast", "chat")
    assert [(step.provider, step.dialect) for step in plan.steps] == [
        ("claude", "messages"),
        ("ollama", "chat"),
    ]
    (step,) = router().plan("claude/opus", "messages").steps
    assert (step.line, step.dialect) == (CLAUDE, "messages")
    (step,) = router().plan("demo/echo", "gemini").steps
    assert (step.dialect, step.line) == ("chat", None), "an engine speaks chat"


def test_of_several_dialects_the_providers_own_order_decides() -> None:
    both = {
        ("both", dialect): Line(Endpoint("both", dialect, "http", "127.0.0.1", 1, "/v1"))
        for dialect in ("responses", "chat")
    }
    made = Router()
    made.replace(Directory({"both": ("m",)}), both, {})
    assert made.plan("both/m", "messages").steps[0].dialect == "responses"
    assert made.plan("both/m", "chat").steps[0].dialect == "chat"
    assert made.plan("both/m", "gemini", "embedContent").steps[0].dialect == "chat", (
        "responses has no embeddings"
    )


def test_targets_that_have_nothing_like_the_operation_are_left_out() -> None:
    plan = router(fast=("claude/opus", "ollama/qwen")).plan("fast", "chat", "embeddings")
    assert [step.provider for step in plan.steps] == ["ollama"]
    for operation in ("embeddings", "completions"):
        with pytest.raises(UnknownModel, match=rf"claude.*`chat`.*{operation}") as refused:
            router().plan("claude/opus", "chat", operation)
        assert refused.value.param == "model"


def test_tokens_are_counted_by_the_upstream_that_can_and_else_here() -> None:
    (step,) = router().plan("claude/opus", "messages", "messages/count_tokens").steps
    assert step.line is CLAUDE
    plan = router().plan("ollama/qwen", "messages", "messages/count_tokens")
    (step,) = plan.steps
    assert isinstance(step.engine, Counting) and step.dialect == "messages" and not step.counts
    assert plan.kind == "count"


def test_an_unknown_name_is_refused_each_time() -> None:
    planned = router()
    for _ in range(2):
        with pytest.raises(UnknownModel, match="qwen"):
            planned.plan("qwem", "chat")


def test_plans_are_kept_until_they_are_replaced() -> None:
    planned = router(fast=("ollama/qwen",))
    plan = planned.plan("fast", "chat")
    assert planned.plan("fast", "chat") is plan
    planned.replace(Directory(PROVIDERS, {"fast": (Target("demo", "echo"),)}), LINES, ENGINES)
    assert planned.plan("fast", "chat").steps[0].provider == "demo"


def test_what_is_kept_is_bounded_because_clients_choose_the_names() -> None:
    planned = router()
    for number in range(10_001):
        planned.plan(f"ollama/{number}", "chat")
    last = planned.plan("ollama/10000", "chat")
    assert planned.plan("ollama/10000", "chat") is not last and planned.plan("ollama/10000", "chat") == last
    assert planned.plan("ollama/0", "chat") is planned.plan("ollama/0", "chat")


def test_names_resolve_without_a_dialect_too() -> None:
    planned = router(fast=("claude/opus",))
    assert tuple(planned.directory.aliases) == ("fast",)
    assert planned.resolve("fast") == (Target("claude", "opus"),)
    with pytest.raises(UnknownModel):
        Router().resolve("anything")


def test_an_alias_says_its_terms_and_a_name_that_is_none_has_none() -> None:
    planned = router(fast=("claude/opus",))
    assert planned.terms("fast") == in_order([Target("claude", "opus")])
    assert planned.terms("nobody").targets == ()
    assert planned.window("claude", "opus") == 0, "nobody knows it here"


def test_what_passes_as_it_came_goes_by_the_first_dialect_that_its_provider_speaks() -> None:
    made = router()
    step = made.onward(Target("claude", "opus"), ("chat", "messages"))
    assert step is not None
    assert (step.dialect, step.line, step.engine) == ("messages", CLAUDE, None)
    assert step.counts and not step.asks_usage
    assert step.headers == b"x-llm-gateway-provider: claude\r\nx-llm-gateway-model: opus\r\n"
    assert made.onward(Target("claude", "opus"), ("chat",)) is None
    assert made.onward(Target("demo", "echo"), ("chat",)) is None, "an engine answers what it knows alone"
    assert tuple(made.directory.providers) == tuple(PROVIDERS)


def test_without_a_model_none_is_told() -> None:
    step = router().onward(Target("ollama", ""), ("chat",))
    assert step is not None and step.headers == b"x-llm-gateway-provider: ollama\r\n"


# aliases with terms


class Known:
    """What is known of these providers, put down beforehand."""

    def nature(self, provider: str) -> Nature:
        return "local" if provider in ("ollama", "local") else "hosted"

    def window(self, provider: str, model: str) -> int:
        return {"ollama": 8000, "claude": 200_000}.get(provider, 0)

    def price(self, provider: str, model: str) -> Decimal | None:
        return {"ollama": Decimal(0), "claude": Decimal(12)}.get(provider)


OLLAMA, MISTRAL, OPUS = Target("ollama", "qwen"), Target("mistral", "large"), Target("claude", "opus")


def planned_by(alias: Alias) -> Router:
    made = Router()
    directory = Directory(PROVIDERS, {"fast": alias.names})
    made.replace(directory, LINES, ENGINES, {"fast": alias}, Known())
    return made


def test_the_terms_of_an_alias_are_part_of_its_plan() -> None:
    targets = (AliasTarget(OLLAMA, tools=False, max_input_tokens=5000), AliasTarget(OPUS, images=False))
    plan = planned_by(Alias(targets, "cheapest", sticky=True)).plan("fast", "chat")
    ollama, opus = (step.traits for step in plan.steps)
    assert (ollama.tools, ollama.images, ollama.most_input, ollama.window) == (False, True, 5000, 8000)
    assert (ollama.price, opus.price) == (Decimal(0), Decimal(12))
    assert (ollama.nature, opus.nature) == ("local", "hosted")
    assert (plan.prefer, plan.sticky) == ("cheapest", True)
    assert plan.reads == {"tools", "images", "size", "session"}


def test_nothing_has_to_be_known_of_a_request_where_nothing_is_chosen_by_it() -> None:
    plain = router().plan("ollama/qwen", "chat")
    assert (plain.reads, plain.fixed) == (frozenset(), True)
    listed = router(fast=("ollama/qwen", "mistral/large")).plan("fast", "chat")
    assert (listed.reads, listed.fixed) == (frozenset(), True)
    single = planned_by(Alias((AliasTarget(OLLAMA),), sticky=True)).plan("fast", "chat")
    assert (single.reads, single.sticky) == (frozenset(), False)
    assert planned_by(Alias((AliasTarget(OLLAMA), AliasTarget(OPUS)))).plan("fast", "chat").reads == {"size"}


def test_what_is_of_no_conversation_stays_nowhere() -> None:
    alias = Alias((AliasTarget(OLLAMA), AliasTarget(MISTRAL)), sticky=True)
    assert planned_by(alias).plan("fast", "chat", "chat/completions").sticky
    for dialect, operation in (("chat", "embeddings"), ("messages", "messages/count_tokens")):
        plan = planned_by(alias).plan("fast", dialect, operation)
        assert (plan.sticky, "session" in plan.reads) == (False, False)


def test_neighbours_with_weights_are_a_group() -> None:
    weights = (0, 2, 1, 0, 3)
    names = ("ollama/a", "ollama/b", "ollama/c", "ollama/d", "ollama/e")
    targets = tuple(
        AliasTarget(Target(*name.split("/")), weight) for name, weight in zip(names, weights, strict=True)
    )
    plan = planned_by(Alias(targets)).plan("fast", "chat")
    assert [step.traits.group for step in plan.steps] == [0, 1, 1, 3, 4]
    assert [step.traits.weight for step in plan.steps] == [0, 2, 1, 0, 3]
    assert not plan.fixed, "lots are drawn"
    assert (
        not planned_by(Alias((AliasTarget(OPUS), AliasTarget(MISTRAL)), "fastest")).plan("fast", "chat").fixed
    )


def test_what_no_request_can_go_to_is_left_out_with_the_reason() -> None:
    targets = (
        AliasTarget(Target("nobody", "m")),
        AliasTarget(OPUS, max_price=Decimal("3.5")),
        AliasTarget(MISTRAL, max_price=Decimal(3)),
        AliasTarget(OLLAMA, max_price=Decimal(0)),
        AliasTarget(OLLAMA, dialects=("messages", "gemini")),
    )
    plan = planned_by(Alias(targets)).plan("fast", "chat")
    assert [(step.provider, step.traits.place) for step in plan.steps] == [("ollama", 3)]
    allowed = "US dollars for a million tokens are allowed"
    assert plan.left == (
        Left(0, Target("nobody", "m"), "no such provider is configured"),
        Left(1, OPUS, f"it costs 12, and at most 3.5 {allowed}"),
        Left(2, MISTRAL, f"its price is not known, and at most 3 {allowed}"),
        Left(4, OLLAMA, "it is for clients that speak `messages` or `gemini`"),
    )
    assert len(planned_by(Alias(targets)).plan("fast", "messages").steps) == 2


def test_a_plan_may_be_left_without_targets_by_its_terms_but_not_by_what_there_is() -> None:
    bound = planned_by(Alias((AliasTarget(OPUS, dialects=("messages",)),)))
    assert bound.plan("fast", "chat").steps == ()
    with pytest.raises(UnknownModel, match="no such provider is configured"):
        planned_by(Alias((AliasTarget(Target("nobody", "m")),))).plan("fast", "chat")
