"""`dsplan`, killed by SIGKILL at the first event that was not killed at before; every real call is noted in a file.

Events: before and after each write of the ledger, and before and after each call of a way in.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from dnsplan.cli import main
from dnsplan.ledger import GitLedger
from dnsplan.parents.rfc2136 import UpdatedParent
from dnsplan.signers.powerdns import PowerDns

journal, calls = Path(os.environ["KILL_JOURNAL"]), Path(os.environ["CALLS"])


def event(label: str) -> None:
    seen = journal.read_text().splitlines() if journal.exists() else []
    if label in seen or not os.environ.get("KILL"):
        return
    with journal.open("a") as stream:
        stream.write(label + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.kill(os.getpid(), signal.SIGKILL)


def note(line: str) -> None:
    with calls.open("a") as stream:
        stream.write(line + "\n")


real_commit = GitLedger.commit


def commit(self, record, histories, *, subject, planned=None):
    what = subject.rpartition("(")[2].rstrip(")") if "(" in subject else "observed"
    steps = ",".join(step.id for step in record.steps) if record else ""
    event(f"before commit {what} {steps}")
    head = real_commit(self, record, histories, subject=subject, planned=planned)
    note(f"head {head}")
    event(f"after commit {what} {steps}")
    return head


GitLedger.commit = commit


def wrap(kind, real):
    def perform(self, zone, action):
        label = f"{kind} {zone} {type(action).__name__} {getattr(action, 'ds', getattr(action, 'published', ''))}"[:300]
        event(f"before {label}")
        receipt = real(self, zone, action)
        note(f"call {label} -> {receipt.state} {receipt.message[:40]}")
        event(f"after {label}")
        return receipt

    return perform


UpdatedParent.perform = wrap("parent", UpdatedParent.perform)
PowerDns.perform = wrap("signer", PowerDns.perform)

if __name__ == "__main__":
    sys.exit(main())
