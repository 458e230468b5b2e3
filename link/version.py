"""The version of Alisa: of the hub and of all her parts. pyproject.toml has the same."""

from __future__ import annotations

VERSION = "0.1.0"
