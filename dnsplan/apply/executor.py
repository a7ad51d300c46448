"""One run: look at every zone once, then carry out what is ready, with the intent committed before each call.

It never acts on a plan made earlier: a step is carried out only as it comes out of this run's own observation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dnsplan import __version__
from dnsplan.apply.guards import Tally, begins, empties, guarded, under_way
from dnsplan.apply.looking import Look, Ports, decide, look
from dnsplan.apply.outcome import RunResult, ZoneOutcome, way_in_unusable
from dnsplan.apply.performing import Answer, Call, perform
from dnsplan.apply.recovery import settle
from dnsplan.apply.saved import compare
from dnsplan.apply.turns import asked_by, noted
from dnsplan.codec import canonical, to_json
from dnsplan.engine import record_intent, record_outcome
from dnsplan.engine.readiness import is_for_parent
from dnsplan.errors import DsplanError, LedgerError, LockedError
from dnsplan.model.action import SetCds, SetDs, SetNs
from dnsplan.model.audit import AuthorisedBy, Record, StepRecord
from dnsplan.model.history import ZoneHistory
from dnsplan.model.plan import Blocked, Headline, Move, NeedsHuman, Plan, Step, Wait, ZonePlan
from dnsplan.model.portfolio import Portfolio, ZoneName
from dnsplan.model.time import Instant
from dnsplan.ports import Ledger

DATED = frozenset({"window", "canary"})
"""Stages of waits for which a guard may name the end."""

MOST_ROUNDS = 8
"""A run creates a key, publishes it and is done: far fewer rounds than this."""


@dataclass(slots=True)
class Stop:
    """Set by a signal; the call in flight is finished and recorded, nothing new begins."""

    asked: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Who runs, under which authorisation, with which guards lifted; `id` names the record."""

    id: str
    commit: str = ""
    actor: str = ""
    run_url: str = ""
    authorised_by: AuthorisedBy = field(default_factory=AuthorisedBy)
    allowed: frozenset[str] = frozenset()
    saved: Plan | None = None
    planned: str | None = None
    """What to note as planned in full; None for a part of the portfolio."""
    stop: Stop = field(default_factory=Stop)
    tally: Tally = field(default_factory=Tally)
    """The same for all runs of one apply."""


def run(portfolio: Portfolio, zones: Sequence[ZoneName], ports: Ports, request: Run) -> RunResult:
    """Carry out everything that is ready for these zones; return what became of each."""
    ledger = ports.ledger
    if ledger is None:
        raise LedgerError("nothing can be applied outside Git", hint="run `git init` and commit the portfolio")
    looks = {one.zone: one for one in look(portfolio, zones, ports)}
    work = _Work(portfolio, ports, ledger, request, looks)
    compared = compare(looks, request.saved, ports)
    request.tally.stale.update(compared.stale)
    work.stale = {zone: why for zone, why in request.tally.stale.items() if zone in looks}
    work.done = compared.done
    work.held = _paced(work)
    work.settle()
    for _ in range(MOST_ROUNDS):
        if request.stop.asked or not work.round():
            break
    work.finish()
    return work.result()


def _paced(work: _Work) -> frozenset[ZoneName]:
    """Hold back what guards hold back, and note which merge asks for what; return the zones held back."""
    request, looks, tally = work.request, work.looks, work.request.tally
    going = [one for one in looks.values() if one.zone not in work.done]
    idle = [one for one in going if one.plan.recipe and not under_way(one, tally)]
    asked = {one.zone: asked_by(one, work.ports, request.commit) for one in idle}
    beginning = {one.zone for one in going if begins(one, tally)}
    held = guarded(work.portfolio, going, asked, request.allowed, tally, work.ledger.read)
    for one in going:
        move = held.get(one.zone)
        shown = one if move is None else replace(one, plan=_held_back(one, move))
        if not under_way(one, tally) or one.zone in beginning:
            looks[one.zone] = noted(shown, asked.get(one.zone), begins=one.zone in beginning and move is None)
    return frozenset(held)


def _held_back(one: Look, move: Move) -> ZonePlan:
    """Return the plan of a zone whose change does not begin now; it must not count as under way."""
    absorbed = one.situation.history
    history = replace(one.plan.history, rollover=absorbed.rollover, held=absorbed.held)
    headline: Headline = "BLOCKED" if isinstance(move, Blocked) else "WAITING"
    return replace(one.plan, moves=(move,), headline=headline, history=history)


class _Work:
    """One run in progress."""

    def __init__(
        self, portfolio: Portfolio, ports: Ports, ledger: Ledger, request: Run, looks: dict[ZoneName, Look]
    ) -> None:
        self.portfolio, self.ports, self.ledger, self.request, self.looks = portfolio, ports, ledger, request, looks
        self.stale: dict[ZoneName, str] = {}
        self.done: frozenset[ZoneName] = frozenset()
        """Zones whose saved step is true already."""
        self.held: frozenset[ZoneName] = frozenset()
        self.settled: list[StepRecord] = []
        """Outcomes of earlier runs that were lost and that the DNS shows."""
        self.steps: list[StepRecord] = []
        self.histories: dict[ZoneName, ZoneHistory] = {}
        self.head: str | None = None
        self._open: dict[str, int] = {}
        """Where the step of each intent stands in `steps`."""
        self._retry_at: dict[ZoneName, Instant] = {}
        self._errors: dict[ZoneName, str] = {}
        self._tried: set[tuple[ZoneName, str]] = set()
        self._at = ports.clock.now()

    def settle(self) -> None:
        """Take from the DNS what became of calls whose outcome was lost."""
        for zone, one in self.looks.items():
            history, records = settle(one.plan.history, now=self._at)
            if records and zone not in self.stale:
                self.histories[zone] = history
                self.settled.extend(records)

    def round(self) -> bool:
        """Carry out every step that is ready; tell whether there was one."""
        out = self.stale.keys() | self.done
        calls = [call for zone, one in self.looks.items() if zone not in out for call in self._calls(one)]
        if not calls:
            return False
        now = self.ports.clock.now()
        for call in calls:
            self._tried.add((call.zone, call.step.id))
            step_json = canonical(to_json(call.step))
            history = self.histories.get(call.zone, call.history)  # with the intents of this round before it
            self.histories[call.zone] = record_intent(
                history,
                call.step,
                intent_id=call.intent_id,
                step_json=step_json,
                now=now,
                parent=self.looks[call.zone].situation.intent.parent or "",
            )
            self._open[call.intent_id] = len(self.steps)
            self.steps.append(_step_record(call, now))
        self._commit(calls, "intent")
        try:
            self._perform_all(calls)
        except LockedError:
            self._commit(calls, "outcome")  # what is known; raises as well where the lock is lost
            raise
        self._commit(calls, "outcome")
        for zone in {call.zone for call in calls}:
            self._decide_again(zone)
        return True

    def _calls(self, one: Look) -> list[Call]:
        calls: list[Call] = []
        history = self.histories.get(one.zone, one.plan.history)
        for move in one.plan.moves:
            step = move.step if isinstance(move, NeedsHuman) else move
            if not isinstance(step, Step) or (one.zone, step.id) in self._tried:
                continue
            manual = isinstance(move, NeedsHuman)
            if manual and _asked(history, step):
                continue
            if not manual and empties(step) and one.zone not in self.request.tally.emptied:
                continue  # it became ready in the middle of this run: the guards of the next run judge it
            number = len(self.steps) + len(calls) + 1
            intent_id = f"{self.request.id}/{one.zone}/{number}"
            intent = one.situation.intent
            calls.append(
                Call(
                    zone=one.zone, step=step, manual=manual, history=history, intent_id=intent_id,
                    before=_before(one, step), way=self._way(intent.parent, intent.signer, step),
                )
            )  # fmt: skip
        return calls

    def _way(self, parent: str | None, signer: str | None, step: Step) -> tuple[str, str]:
        if is_for_parent(step.action) or (isinstance(step.action, SetNs) and not step.signer):
            return ("parent", parent or "manual")
        return ("signer", step.signer or signer or "manual")

    def _perform_all(self, calls: Sequence[Call]) -> None:
        for call in calls:
            if self.request.stop.asked:
                break
            self._perform(call)

    def _perform(self, call: Call) -> None:
        answer = perform(call, self.ports, self.ledger)
        now = self.ports.clock.now()
        index = self._open[call.intent_id]
        if answer.retry_after is not None:
            self._retry_at[call.zone] = max(now + answer.retry_after, self._retry_at.get(call.zone, 0))
        if answer.broke:
            self._errors[call.zone] = answer.reason
        if answer.receipt is None:  # nobody knows: the next run looks first
            self.steps[index] = replace(self.steps[index], reason=answer.reason)
            return
        self.steps[index] = replace(
            self.steps[index],
            outcome=_outcome(answer),
            outcome_at=now,
            operation=answer.receipt.operation,
            reason=answer.reason or answer.receipt.message,
        )
        self.histories[call.zone] = record_outcome(self.histories[call.zone], call.intent_id, answer.receipt, now=now)

    def _decide_again(self, zone: ZoneName) -> None:
        """Plan once more on the same observation: a key that was just created can be published now."""
        one = self.looks[zone]
        situation = replace(one.situation, history=self.histories[zone], now=self.ports.clock.now())
        try:
            situation, plan = decide(situation, self.ports)
        except DsplanError:
            return  # what was done is recorded; the next run asks again
        except Exception as error:  # noqa: BLE001  # a fault in the code for one zone: the others go on
            self._errors[zone] = f"planning again broke: {type(error).__name__}"
            return
        self.looks[zone] = replace(one, situation=situation, plan=plan)
        self.histories[zone] = replace(plan.history, planned=self.ports.digest(zone))

    def finish(self) -> None:
        """Write what was learnt beyond the steps; a run that learnt nothing writes nothing."""
        learnt = []
        for zone, one in self.looks.items():
            if zone in self.stale:
                continue
            history, planned = self.histories.get(zone, one.plan.history), self.ports.digest(zone)
            if history.planned != planned:
                history = replace(history, planned=planned)
            if zone in self.held or _is_unfinished(one.plan):
                history = replace(history, next_at=_opening(one) or _at_once(one, self._at))
            if history is not one.plan.history:
                self.looks[zone] = replace(one, plan=replace(one.plan, history=history))
            if one.before is None or replace(history, last_sweep=one.before.last_sweep) != one.before:
                learnt.append(history)
        changed = self.request.planned is not None and self.request.planned != self.ledger.planned()
        if learnt or changed:
            subject = f"apply: observed {len(learnt)} zones"
            record = self._record() if self.settled and not self.steps else None
            self.head = self.ledger.commit(record, learnt, subject=subject, planned=self.request.planned)

    def result(self) -> RunResult:
        """Return what became of each zone."""
        steps: dict[ZoneName, list[StepRecord]] = {}
        for step in self.steps:
            steps.setdefault(step.zone, []).append(step)
        outcomes = tuple(
            ZoneOutcome(
                zone=zone,
                plan=one.plan,
                steps=tuple(steps.get(zone, ())),
                stale=self.stale.get(zone, ""),
                retry_at=self._retry_at.get(zone, None if one.retry_after is None else self._at + one.retry_after),
                error=self._errors.get(zone, ""),
            )
            for zone, one in self.looks.items()
        )
        return RunResult(zones=outcomes, head=self.head, interrupted=self.request.stop.asked)

    def _commit(self, calls: Sequence[Call], what: str) -> None:
        zones = sorted({call.zone for call in calls})
        histories = [self.histories[zone] for zone in zones]
        added, removed = _ds_counts(calls)
        subject = f"apply: {len(zones)} zone{'s' if len(zones) != 1 else ''}, +{added} DS, -{removed} DS ({what})"
        self.head = self.ledger.commit(self._record(), histories, subject=subject)

    def _record(self) -> Record:
        request = self.request
        return Record(
            id=request.id,
            previous=None,
            commit=request.commit,
            tool_version=__version__,
            actor=request.actor,
            run_url=request.run_url,
            authorised_by=request.authorised_by,
            steps=(*self.settled, *self.steps),
            guards_lifted=tuple(sorted(request.allowed)),
            at=self._at,
            plan=request.saved.plan_id if request.saved else "",
        )


def _is_unfinished(plan: ZonePlan) -> bool:
    """Tell whether the next run may do better though no wait ends: a call that failed, a way in that was not there."""
    return any(isinstance(move, Step) for move in plan.moves) or way_in_unusable(plan)


def _opening(one: Look) -> Instant | None:
    """Return when a guard lets a zone begin; None if nobody can say."""
    return next((move.until for move in one.plan.moves if isinstance(move, Wait) and move.stage in DATED), None)


def _at_once(one: Look, now: Instant) -> Instant:
    """Return when the next run is due: now, or since when it has been, so that waiting in vain writes nothing."""
    since = one.before.next_at if one.before is not None else None
    return now if since is None else min(since, now)


def _outcome(answer: Answer) -> str | None:
    """Return the word of the record: refused is what the way in said, failed what kept it from saying anything."""
    state = answer.receipt.state if answer.receipt is not None else None
    if state == "refused" and answer.reason:
        return "failed"
    return "performed" if state == "accepted" else state


def _step_record(call: Call, now: int) -> StepRecord:
    return StepRecord(
        zone=call.zone,
        id=call.step.id,
        op=call.step.op,
        intent_at=now,
        before=call.before,
        target=canonical(to_json(call.step.action, tagged=True)),
        proof=canonical(to_json(call.step.proof)),
        caches_until=call.step.proof.horizon,
    )


def _asked(history: ZoneHistory, step: Step) -> bool:
    """Tell whether a person was asked for exactly this already."""
    target = canonical(to_json(step.action, tagged=True))
    return any(
        known.outcome == "manual" and known.signer == step.signer and target in known.step for known in history.intents
    )


def _before(one: Look, step: Step) -> tuple[str, ...]:
    served = one.plan.observed_ds if step.rrset in {"DS", "DS-TTL"} else one.plan.observed_keys
    return tuple(str(record) for record in served)


def _ds_counts(calls: Sequence[Call]) -> tuple[int, int]:
    added = removed = 0
    for call in calls:
        if isinstance(call.step.action, SetDs | SetCds):
            action = call.step.action
            target = {str(ds) for ds in (action.ds if isinstance(action, SetDs) else action.cds)}
            added += len(target - set(call.before))
            removed += len(set(call.before) - target)
    return added, removed
