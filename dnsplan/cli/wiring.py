"""The only place where ports meet implementations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dnsplan.cli.options import Options
from dnsplan.errors import UnmergedError, UsageError
from dnsplan.model.portfolio import Portfolio, ZoneName
from dnsplan.ports import Clock, Parent, Signer

if TYPE_CHECKING:
    from dnsplan.apply import Ports
    from dnsplan.ledger import GitLedger


def load(options: Options) -> Portfolio:
    """Return the portfolio of the chosen folder; ConfigError if it has faults."""
    from dnsplan.portfolio import load_portfolio

    return load_portfolio(options.folder)


def chosen(options: Options, portfolio: Portfolio) -> tuple[ZoneName, ...]:
    """Return the zones that the selectors choose."""
    from dnsplan.portfolio.select import Selector, select

    zones = select(portfolio, Selector(**{kind: tuple(values) for kind, values in options.selectors.items()}))
    if options.changed_since is None:
        return zones
    from dnsplan.cli.authorise import places
    from dnsplan.cli.repository import changed_files

    files = changed_files(options.folder, options.changed_since)
    policies = {name for name, policy in portfolio.policies.items() if policy.source and policy.source.file in files}
    facts = places(options.folder)["parents_dir"].rstrip("/") + "/"
    if "dsplan.yaml" in files or any(file.startswith(facts) for file in files):  # each may concern every zone
        return zones
    return tuple(
        zone for zone in zones if portfolio.zones[zone].source.file in files or portfolio.zones[zone].policy in policies
    )


def one_zone(portfolio: Portfolio, text: str) -> ZoneName:
    """Return the zone that a person named; UsageError if the portfolio has no such zone."""
    from dnsplan.model.names import parse_name

    try:
        zone = parse_name(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no zone name: {error}") from None
    if zone not in portfolio.zones:
        raise UsageError(f"there is no zone {text!r} in the portfolio", hint="`dsplan status` lists them")
    return zone


def open_ledger(
    options: Options, portfolio: Portfolio, clock: Clock, *, allowed: frozenset[str] = frozenset()
) -> GitLedger:
    """Return the ledger of the repository; LedgerError outside Git."""
    from dnsplan.ledger import GitLedger

    return GitLedger(options.folder, portfolio.audit, clock, actor=actor(), allow_new="new_ledger" in allowed)


def try_ledger(options: Options, portfolio: Portfolio, clock: Clock) -> GitLedger | None:
    """Return the ledger, brought up to date; None outside Git, where there is no history."""
    from dnsplan.cli.repository import is_repository

    if not is_repository(options.folder):
        return None
    ledger = open_ledger(options, portfolio, clock)
    ledger.sync()
    return ledger


def ports(
    options: Options,
    portfolio: Portfolio,
    clock: Clock,
    ledger: GitLedger | None,
    *,
    unmerged: frozenset[str] = frozenset(),
) -> Ports:
    """Return everything that the executor needs, each way in connected when it is first used.

    `unmerged` entries (`signer NAME`, `parent NAME`) are never connected: UnmergedError.
    """
    from dnsplan.apply import Ports
    from dnsplan.cli.merges import Merges
    from dnsplan.observe import Observer
    from dnsplan.portfolio.digest import effective_digest

    root = options.folder
    merges = Merges(root, portfolio)

    @cache
    def parent(name: str) -> Parent:
        _merged(f"parent {name}", unmerged)
        return _parent(portfolio, root, name)

    @cache
    def signer(name: str) -> Signer:
        _merged(f"signer {name}", unmerged)
        return _signer(portfolio, root, name)

    @cache
    def digest(zone: ZoneName) -> str:
        return effective_digest(portfolio, zone)

    return Ports(
        clock=clock,
        dns=Observer(portfolio.resolution, portfolio.observe, clock),
        ledger=ledger,
        parent=parent,
        signer=signer,
        digest=digest,
        merged=lambda zone, by_token: merges.merged(zone, by_token=by_token),
    )


def _merged(entry: str, unmerged: frozenset[str]) -> None:
    if entry in unmerged:
        raise UnmergedError(f"{entry} is not what it is at the base")


def _parent(portfolio: Portfolio, root: Path, name: str) -> Parent:
    from dnsplan.parents import Surroundings, connect_parent
    from dnsplan.portfolio.secrets import resolve

    def ttl(zone: ZoneName) -> int:
        return portfolio.policy_of(portfolio.zones[zone]).ds_ttl_max

    surroundings = Surroundings(resolve=lambda secret: resolve(secret, root), root=root, ds_ttl_max=ttl)
    return connect_parent(portfolio.parents[name], surroundings)


def _signer(portfolio: Portfolio, root: Path, name: str) -> Signer:
    from dnsplan.portfolio.secrets import resolve
    from dnsplan.signers import Surroundings, connect_signer

    surroundings = Surroundings(resolve=lambda secret: resolve(secret, root), root=root)
    return connect_signer(portfolio.signers[name], surroundings)


def actor(environment: Mapping[str, str] = os.environ) -> str:
    """Return who runs this: the CI's actor, or the user's name."""
    import pwd

    for name in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME"):
        if environment.get(name):
            return environment[name]
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user often has no name
        return str(os.getuid())


def run_url(environment: Mapping[str, str] = os.environ) -> str:
    """Return where the CI shows this run; empty elsewhere."""
    if environment.get("GITHUB_RUN_ID"):
        server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
        return f"{server}/{repository}/actions/runs/{environment['GITHUB_RUN_ID']}"
    return environment.get("CI_JOB_URL", "")
