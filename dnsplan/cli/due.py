"""Whether anything is due, from the ledger's index and Git alone: no zone file is read, no packet is sent."""

from __future__ import annotations

from pathlib import Path

from dnsplan.cli.options import Options
from dnsplan.errors import ConfigError
from dnsplan.model.portfolio import Audit


def audit_settings(folder: Path) -> Audit:
    """Return the `audit` of dsplan.yaml, the only part of the files that is needed to look into the ledger.

    A file without it is not held against the schema: that takes longer than everything else here.
    """
    from dnsplan.portfolio.yamlfile import read_yaml

    if not (folder / "dsplan.yaml").is_file():
        raise ConfigError(
            f"there is no dsplan.yaml in {folder}", hint="change into the portfolio's folder, or use -C DIR"
        )
    file = read_yaml(folder / "dsplan.yaml", "dsplan.yaml")
    wrong = bool(file.faults) or not isinstance(file.value, dict)
    if not wrong and "audit" in file.value:
        from dnsplan.portfolio.schema import breaches

        wrong = any(True for _ in breaches(file, "dsplan"))
    if wrong:
        raise ConfigError("dsplan.yaml has faults", hint="`dsplan validate` shows all of them")
    return Audit(**file.value.get("audit", {}))


def nothing_due(options: Options) -> bool:
    """Tell whether no wait is over and the committed files are those that were last planned in full."""
    from dnsplan.cli.clock import SystemClock
    from dnsplan.cli.repository import tree_of
    from dnsplan.ledger import GitLedger

    clock = SystemClock()
    ledger = GitLedger(options.folder, audit_settings(options.folder), clock)
    ledger.sync()
    return ledger.planned() == tree_of(options.folder) and not ledger.due(clock.now())
