"""The memory that survives: the audit branch in Git, its hash chain, its lock and its verification."""

from dnsplan.ledger.lock import LockInfo
from dnsplan.ledger.store import GitLedger
from dnsplan.ledger.verify import Broken, Verified, verify

__all__ = ["Broken", "GitLedger", "LockInfo", "Verified", "verify"]
