"""Home folders with an application in them, of each platform, as its installer and itself leave them.

`make_home` installs a row of the catalog, not connected: its command or its application, and its files of
settings with what people and the programs write there, comments and unknown names included. `connect_by_hand`
makes a way's settings in them without the program that does that, for those who test what reads them.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from llm_gateway.clients.catalog import Client, Edit, Places, Platform, catalog
from llm_gateway.clients.edits import apply
from llm_gateway.clients.machine import Machine

__all__ = ["ADDRESS", "MODELS", "SETTINGS", "connect_by_hand", "empty_home", "make_home"]

ADDRESS = "http://127.0.0.1:8787"
MODELS = ("gpt-5.5", "qwen2.5:14b")

_CODE_SETTINGS = """// Place your settings in this file to overwrite the default settings
{
    "editor.fontSize": 13,
    "files.exclude": { "**/.git": true, },
    "telemetry.telemetryLevel": "off", // asked for
}
"""

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "claude-code": {
        "{home}/settings.json": """{
  "$schema": "https://json.schemastore.org/claude-code-settings.json",
  "permissions": {
    "allow": ["Bash(npm run lint)"],
    "deny": []
  },
  "env": {
    "EDITOR": "vi"
  },
  "model": "opus",
  "futureSetting": { "kept": [1, 2.50, null] }
}
""",
        "{home}/projects/-srv-app/2f1d.jsonl": '{"type":"summary"}\n',
    },
    "claude-desktop": {
        "{config}/Claude/claude_desktop_config.json": """{
  "mcpServers": {
    "files": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-filesystem"]
    }
  },
  "globalShortcut": ""
}
""",
    },
    "codex-cli": {
        "{home}/config.toml": """# Codex
model = "gpt-5.5"
model_reasoning_effort = "high" # slow, but right
approval_policy = "on-request"

[projects."/srv/app"]
trust_level = "trusted"

[mcp_servers.docs]
command = "npx"
args = ["-y", "docs-server"]

[tui]
notifications = true
""",
        "{home}/auth.json": '{"auth_mode":"chatgpt","OPENAI_API_KEY":null}\n',
    },
    "github-copilot": {
        "{home}/config.json": '{\n  // set by /theme\n  "theme": "dark",\n  "banner": "never"\n}\n',
        "{shell}": """# ~/.profile
export EDITOR=vi
alias ll='ls -l'
if [ -d ~/bin ]; then PATH=~/bin:$PATH; fi
""",
    },
    "copilot-vscode": {
        "{config}/Code/User/chatLanguageModels.json": """[
	{
		"name": "Ollama",
		"vendor": "ollama",
		"url": "http://localhost:11434"
	}
]
""",
        "{config}/Code/User/settings.json": _CODE_SETTINGS,
    },
    "gemini-cli": {
        "{home}/settings.json": """{
  // chosen at the first start
  "security": {
    "auth": {
      "selectedType": "oauth-personal"
    }
  },
  "ui": { "theme": "GitHub" }
}
""",
        "{home}/.env": '# mine\nGOOGLE_CLOUD_PROJECT="acme-1"\n',
    },
    "opencode": {
        "{home}/opencode.jsonc": """{
  "$schema": "https://opencode.ai/config.json",
  // the one that we pay for
  "model": "anthropic/claude-sonnet-5",
  "provider": {
    "anthropic": { "options": { "timeout": 600000 } },
  },
  "theme": "opencode",
}
""",
    },
    "qwen-code": {
        "{home}/settings.json": """{
  "security": { "auth": { "selectedType": "qwen-oauth" } },
  "model": { "name": "coder-model" },
  "$version": 4
}
""",
    },
    "continue": {
        "{home}/config.yaml": """# Continue
name: Local Assistant
version: 1.0.0
schema: v1
models:
  - name: Claude # for chat
    provider: anthropic
    model: claude-sonnet-5
    roles: [chat, edit]
context:
  - provider: code
""",
        "{home}/sessions/sessions.json": "[]\n",
    },
    "cline": {
        "{home}/settings/providers.json": """{
  "version": 1,
  "lastUsedProvider": "anthropic",
  "modes": {},
  "providers": {
    "anthropic": {
      "settings": {
        "provider": "anthropic",
        "model": "claude-sonnet-5"
      },
      "updatedAt": "2026-11-02T10:11:12.345Z",
      "tokenSource": "manual"
    }
  }
}
""",
    },
    "pi": {
        "{home}/settings.json": """{
  "theme": "dark",
  "defaultProvider": "anthropic",
  "lastChangelogVersion": "0.73.1"
}
""",
        "{home}/models.json": """{
  "providers": {
    "ollama": {
      "baseUrl": "http://localhost:11434/v1",
      "api": "openai-completions",
      "apiKey": "ollama",
      "models": [{ "id": "qwen2.5:14b" }]
    }
  }
}
""",
    },
    "llm": {
        "{home}/keys.json": """{
  "// Note": "This file stores secret API credentials. Do not share!",
  "openai": "sk-of-nobody"
}
""",
        "{home}/extra-openai-models.yaml": """# ours
- model_id: orca
  model_name: orca-mini
  api_base: http://localhost:8080
""",
    },
    "aider": {
        "~/.aider.conf.yml": """## aider
dark-mode: true
read: [CONVENTIONS.md] # always
set-env:
  - AIDER_TEST=1
""",
    },
    "zed": {
        "{home}/settings.json": """// Zed settings
//
// To see all of Zed's default settings, run `zed: open default settings`
{
  "theme": "One Dark",
  "agent": {
    "default_model": { "provider": "zed.dev", "model": "claude-sonnet-5" },
  },
  "buffer_font_size": 14,
}
""",
    },
    "raycast": {
        "~/.config/raycast/ai/providers.yaml": """providers:
  - id: local # mine
    name: Local
    base_url: http://localhost:1234/v1
    models:
      - id: phi
        name: Phi
        context: 16000
""",
    },
    "cherry-studio": {"{config}/CherryStudio/config.json": '{"theme":"dark"}\n'},
    "cursor": {"{config}/Cursor/User/settings.json": _CODE_SETTINGS},
}
"""What stands in an application's files before it is connected, by places as the catalog writes them."""

# What stands for a `*` of a place: a version, a product, a package.
_ANY = "2026.2.1"


def empty_home(platform: Platform, folder: Path) -> Machine:
    """Return a machine of a platform with nothing on it, below a folder."""
    home = folder / ("home" if platform == "linux" else "Users") / "ann"
    home.mkdir(parents=True)
    environ: dict[str, str]
    match platform:
        case "windows":
            environ = {
                "USERPROFILE": str(home),
                "APPDATA": str(home / "AppData" / "Roaming"),
                "LOCALAPPDATA": str(home / "AppData" / "Local"),
                "PROGRAMFILES": str(folder / "Program Files"),
                "PATH": str(folder / "Windows" / "system32"),
            }
        case "macos":
            environ = {"HOME": str(home), "SHELL": "/bin/zsh", "PATH": str(folder / "usr" / "bin")}
        case "linux":
            environ = {"HOME": str(home), "SHELL": "/bin/bash", "PATH": str(folder / "usr" / "bin")}
    return Machine(platform, home, environ, folder)


def make_home(row: Client, platform: Platform, folder: Path) -> Machine:
    """Return a machine of a platform with one application on it, not connected, below a folder."""
    machine = empty_home(platform, folder)
    for command in row.commands[:1]:
        _install(machine, command)
    for path in _concrete(machine, row.applications)[:1]:
        if path.suffix in (".exe", ".desktop"):
            _write(path, "")
        else:
            path.mkdir(parents=True)
    for path in _concrete(machine, row.settings, row)[:1]:
        if not path.suffix:
            path.mkdir(parents=True, exist_ok=True)
    whose = catalog().get(row.part_of, row)
    for place, text in SETTINGS.get(whose.id, {}).items():
        if path_of := machine.place({"any": place}, whose):
            _write(path_of, text)
    return machine


def connect_by_hand(row: Client, machine: Machine, way: str, address: str = ADDRESS) -> None:
    """Make the settings of one of a row's ways, with two models and a key of nobody."""
    words = {"base": address, "url": f"{address}/v1", "key": "lgw_of_nobody", "client": row.id}
    for file in next(each for name, each in row.ways.items() if name == way).files:
        path = machine.place(file.path, row)
        if path is None:
            continue
        text = path.read_text("utf-8") if path.exists() else ""
        _write(path, apply(file.format, text, [_spelled(edit, words) for edit in file.edits], MODELS))


def _spelled(edit: Edit, words: Mapping[str, str]) -> Edit:
    """Return an edit with words in place of their names; models are left to whoever makes it for each."""
    if not (edit.each_model or edit.models_in):
        words = {**words, "model": MODELS[0]}
    return msgspec.structs.replace(edit, to=_filled(edit.to, words))


def _filled(template: object, words: Mapping[str, str]) -> object:
    match template:
        case str():
            for name, word in words.items():
                template = template.replace(f"{{{name}}}", word)
            return template
        case dict():
            return {name: _filled(each, words) for name, each in template.items()}
        case list():
            return [_filled(each, words) for each in template]
    return template


def _install(machine: Machine, command: str) -> None:
    if machine.platform == "windows":
        _write(Path(machine.environ["APPDATA"]) / "npm" / f"{command}.cmd", "@echo off\r\n")
    else:
        path = machine.root / "usr" / "local" / "bin" / command
        _write(path, "#!/bin/sh\necho 'the program 1.2.3'\n")
        path.chmod(0o755)


def _concrete(machine: Machine, places: Places, row: Client | None = None) -> list[Path]:
    """Return the paths of places with something in place of each `*`."""
    return [Path(str(path).replace("*", _ANY)) for path in machine.expand(places, row)]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
