"""Whether anything is due, from the ledger's index and Git alone: no zone file is read, no packet is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dnsplan.cli.options import Options
from dnsplan.errors import ConfigError
from dnsplan.model.portfolio import Audit
from dnsplan.ports import Clock


def audit_settings(folder: Path) -> Audit:
    """Return the `audit` of dsplan.yaml, the only part of the files that is needed to look into the ledger."""
    from dnsplan.portfolio.schema import breaches
    from dnsplan.portfolio.yamlfile import read_yaml

    if not (folder / "dsplan.yaml").is_file():
        raise ConfigError(
            f"there is no dsplan.yaml in {folder}", hint="change into the portfolio's folder, or use -C DIR"
        )
    file = read_yaml(folder / "dsplan.yaml", "dsplan.yaml")
    if file.faults or any(True for _ in breaches(file, "dsplan")):
        raise ConfigError("dsplan.yaml has faults", hint="`dsplan validate` shows all of them")
    settings: dict[str, Any] = file.value.get("audit", {})
    return Audit(**settings)


def nothing_due(options: Options, audit: Audit, clock: Clock) -> bool:
    """Tell whether no wait is over and the committed files are those that were last planned in full."""
    from dnsplan.cli.repository import tree_of
    from dnsplan.ledger import GitLedger

    ledger = GitLedger(options.folder, audit, clock)
    ledger.sync()
    return ledger.planned() == tree_of(options.folder) and not ledger.due(clock.now())
