"""Exit codes of the parts, by which the starter knows whether trying again makes sense."""

from __future__ import annotations

WRONG_SETTINGS = 2
"""The command line or the settings are wrong, as was said on standard error. It would fail again."""

NOT_AVAILABLE = 3
"""It cannot run here (a busy port, an unwritable folder, a part of a later version), as was said. Not tried again."""
