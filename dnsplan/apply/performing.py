"""One call to one way in: after a lost outcome it is read first, and no call starts on a lease that may lapse."""

from __future__ import annotations

from dataclasses import dataclass

from dnsplan.apply.looking import Ports, retry_after
from dnsplan.errors import AdapterError, DsplanError, LockedError
from dnsplan.model.action import ImportKeys, SetDs, SetNs
from dnsplan.model.history import ZoneHistory
from dnsplan.model.plan import Receipt, Step
from dnsplan.model.portfolio import ZoneName
from dnsplan.model.time import Seconds
from dnsplan.ports import DelegatingParent, Ledger, Parent, SharingSigner, Signer


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A step about to be carried out."""

    zone: ZoneName
    step: Step
    manual: bool
    history: ZoneHistory
    intent_id: str
    before: tuple[str, ...]
    way: tuple[str, str]
    """(`parent` or `signer`, its name)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came of a call."""

    receipt: Receipt | None
    """None when nobody can know whether it had effect."""
    reason: str = ""
    """Why it failed; empty for what the way in itself said."""
    retry_after: Seconds | None = None
    """After how long the same call may succeed; None if time alone does not help."""
    broke: bool = False
    """The adapter has a fault."""


def perform(call: Call, ports: Ports, ledger: Ledger) -> Answer:
    """Return what came of a call; LockedError, and no call, when the lease is shorter than it may take."""
    if call.manual:
        return Answer(receipt=Receipt(state="manual", message="a person must act"))
    try:
        adapter = ports.parent(call.way[1]) if call.way[0] == "parent" else ports.signer(call.way[1])
    except DsplanError as error:
        return _failed(error)
    left = ledger.lease_left(ports.clock.now())
    if left < adapter.timeout:
        raise LockedError(f"the lease has {left} s left, the call may take {adapter.timeout} s")
    try:
        receipt = _ask(call, adapter)
    except DsplanError as error:
        if isinstance(error, AdapterError) and error.unknown:
            return Answer(receipt=None, reason=str(error), retry_after=retry_after(error))
        return _failed(error)
    except Exception as error:  # noqa: BLE001  # a fault in one adapter: its call may have had effect, others go on
        reason = f"the adapter of {call.way[0]} {call.way[1]} broke: {type(error).__name__}"
        return Answer(receipt=None, reason=reason, broke=True)
    # a refusal speaks of the state that the way in met, such as a concurrent edit: worth another look
    return Answer(receipt=receipt, retry_after=0 if receipt.state == "refused" else None)


def _failed(error: DsplanError) -> Answer:
    message = str(error)
    return Answer(receipt=Receipt(state="refused", message=message), reason=message, retry_after=retry_after(error))


def _ask(call: Call, adapter: Parent | Signer) -> Receipt:
    action = call.step.action
    if isinstance(action, SetNs) and call.way[0] == "parent":
        if not isinstance(adapter, DelegatingParent):
            raise AdapterError(f"parent {call.way[1]} does not change delegations")
        return adapter.delegate(call.zone, action)
    if isinstance(action, ImportKeys | SetNs):
        if not isinstance(adapter, SharingSigner):
            raise AdapterError(f"signer {call.way[1]} cannot be one of two signers of a zone")
        return adapter.share(call.zone, action)
    if isinstance(action, SetDs) and call.step.stage == "repeat":
        held = adapter.read(call.zone)
        if held is not None and set(held) == set(action.ds):
            return Receipt(state="accepted", message="found as wanted; not asked for again")
    return adapter.perform(call.zone, action)  # type: ignore[arg-type]  # a SetDs goes to a parent, all else to a signer
