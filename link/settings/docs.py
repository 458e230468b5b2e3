"""docs/SETTINGS.md, written from the schema."""

from __future__ import annotations

import json
from typing import Any

from pydantic import SecretStr

from link.settings.fields import Setting, sections, settings_fields

INTRODUCTION = """# Settings

Generated from `link/settings/schema.py` by `python -m link.docs_cli`; do not edit.

Settings are read from `settings.yaml` (or `settings.json`) in the data folder, one section a block:

```yaml
llm:
  temperature: 0.8
```

An environment variable overrides the file; lists and mappings are written as JSON in it
(`ALISA_LLM__EXTRA_BODY='{"grammar": "..."}'`). A key or variable without a value counts as not given. The file is
read again when it changes; settings marked *restart* take effect when the part is started again. A file with a
mistake in it stops the start with a sentence for each problem, and is ignored with a warning while the hub runs.

Some variables are not settings: `ALISA_DATA_DIR` names the data folder and `ALISA_MODELS_DIR` the models folder.
"""


def settings_markdown() -> str:
    """The whole page, ended by a newline."""
    parts = [INTRODUCTION]
    for name, description in sections().items():
        own = [setting for setting in settings_fields().values() if ".".join(setting.path[:-1]) == name]
        if own:
            parts.append(_section(name, description, own))
    return "\n".join(parts)


def _section(name: str, description: str, settings: list[Setting]) -> str:
    rows = "\n".join(_row(setting) for setting in settings)
    head = "| Setting | Variable | Value | Default | Restart | Meaning |\n|---|---|---|---|---|---|"
    return f"## {name}\n\n{description}\n\n{head}\n{rows}\n"


def _row(setting: Setting) -> str:
    cells = (
        f"`{setting.name}`",
        f"`{setting.variable}`",
        setting.expected + (" (secret)" if setting.secret else ""),
        f"`{_plain(setting.default)}`",
        "restart" if setting.restart else "",
        setting.description,
    )
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _plain(value: Any) -> str:
    return json.dumps(value.get_secret_value() if isinstance(value, SecretStr) else value)
