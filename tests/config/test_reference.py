"""Every setting and every variable is in the documentation, with its default."""

from pathlib import Path

from llm_gateway.config.environment import ADDRESSES, SECRETS, VARIABLES
from llm_gateway.config.loading import load
from llm_gateway.config.reference import settings_reference, variables_reference
from llm_gateway.config.schema import Leaf, Repeated, Section, Table, describe

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text("utf-8")
    for part in (settings_reference(), variables_reference()):
        assert part in page, "run `python scripts/docs.py`"


def test_the_reference_names_every_setting() -> None:
    text = settings_reference()
    for name, section in describe().members.items():
        match section:
            case Section():
                for key, node in section.members.items():
                    nested = isinstance(node, Table | Section)
                    expected = f"[{name}.{key}]" if nested else f"| `{key}` |"
                    assert expected in text
            case Repeated():
                assert f"[[{name}]]" in text
                assert all(f"| `{key}` |" in text for key in section.each.members)
            case Table():
                assert f"[{name}]" in text
                assert section.long is None or f"[{name}.NAME]" in text
            case Leaf():
                raise AssertionError(f"{name} stands outside any section")


def test_the_reference_shows_types_bounds_and_defaults() -> None:
    text = settings_reference()
    assert "| `port` | integer | `8787` | Port to listen on; 0 lets the system choose. |" in text
    assert "| `header_timeout` | number, 0.001 to 15 | `10.0` |" in text
    assert '| `durability` | `process`, `power` | `"process"` |' in text
    assert "| `name` | string | required |" in text
    assert "In the environment: `LLM_GATEWAY_SERVER__HOST` and so on." in text
    assert "In the environment: `LLM_GATEWAY_TELEMETRY__OTLP__ENDPOINT` and so on." in text
    assert "| `above` | list of tables | none | Other prices for requests with much input. |" in text
    assert "| `targets` | list of strings or tables | required |" in text


def test_the_reference_names_every_variable() -> None:
    text = variables_reference()
    names = [variable.name for variable in VARIABLES] + [address.name for address in ADDRESSES]
    for variables in SECRETS.values():
        for variable in variables:
            names += [variable.name, f"{variable.name}_FILE"]
    assert [name for name in names if f"| `{name}` |" not in text] == []


def test_the_example_of_the_page_is_a_configuration(tmp_path: Path) -> None:
    example = PAGE.read_text("utf-8").split("```toml\n")[1].split("```")[0]
    (tmp_path / "gateway.toml").write_text(example, "utf-8")
    settings = load(flags={"home": tmp_path}, environ={}).settings
    assert settings.providers[0].name == "ollama"
    assert settings.aliases and settings.prices.reference
