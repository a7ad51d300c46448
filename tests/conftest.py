"""Every test is searched for secrets that got out."""

from __future__ import annotations

pytest_plugins = ["secret_search"]
