"""One call to one way in: after a lost outcome it is read first, and no call starts on a lease that may lapse."""

from __future__ import annotations

from dataclasses import dataclass

from dnsplan.apply.looking import Ports
from dnsplan.errors import AdapterError, DsplanError, LockedError
from dnsplan.model.history import ZoneHistory
from dnsplan.model.plan import Receipt, SetDs, Step
from dnsplan.model.portfolio import ZoneName
from dnsplan.ports import Ledger, Parent, Signer


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


def perform(call: Call, ports: Ports, ledger: Ledger) -> tuple[Receipt | None, str]:
    """Return the receipt and why it failed; no receipt at all when nobody can know what came of the call."""
    if call.manual:
        return Receipt(state="manual", message="a person must act"), ""
    try:
        adapter = ports.parent(call.way[1]) if call.way[0] == "parent" else ports.signer(call.way[1])
    except DsplanError as error:
        return Receipt(state="refused", message=str(error)), str(error)
    left = ledger.lease_left(ports.clock.now())
    if left < adapter.timeout:
        raise LockedError(f"the lease has {left} s left, the call may take {adapter.timeout} s")
    try:
        return _ask(call, adapter), ""
    except DsplanError as error:
        if isinstance(error, AdapterError) and error.unknown:
            return None, str(error)
        return Receipt(state="refused", message=str(error)), str(error)
    except Exception as error:  # noqa: BLE001  # a fault in one adapter: its call may have had effect, others go on
        return None, f"the adapter of {call.way[0]} {call.way[1]} broke: {type(error).__name__}"


def _ask(call: Call, adapter: Parent | Signer) -> Receipt:
    action = call.step.action
    if isinstance(action, SetDs) and call.step.stage == "repeat":
        held = adapter.read(call.zone)
        if held is not None and set(held) == set(action.ds):
            return Receipt(state="accepted", message="found as wanted; not asked for again")
    return adapter.perform(call.zone, action)  # type: ignore[arg-type]  # a SetDs goes to a parent, all else to a signer
