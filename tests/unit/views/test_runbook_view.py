"""A runbook holds every value in full, the checks before and after, the way back, and who signs."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from view_samples import EVIL, NEW, NOW, OLD, READY, ds_of, step, zone

from dnsplan.model.action import ImportKeys, SetDs, SetKeys, SetNs
from dnsplan.model.plan import NeedsHuman
from dnsplan.model.portfolio import WayIn
from dnsplan.views.runbook import Surroundings, checksum, render_runbook

DESK = WayIn(name="desk", type="manual", settings={"portal": "https://r.example", "usual_delay": "2d", "form": "DS"})
AROUND = Surroundings(
    parent=DESK, parent_servers=("192.0.2.1", "192.0.2.2"), child_servers=("198.51.100.1",), port=53,
    commit="c" * 40, asked_at=NOW - 3600, budget=172800, now=NOW,
)  # fmt: skip
MOVE = NeedsHuman(step=step(), contact="registry desk")


def sections(text: str) -> dict[str, str]:
    parts = text.split("\n## ")
    return {"": parts[0]} | {part.partition("\n")[0]: part.partition("\n")[2] for part in parts[1:]}


def test_the_header_says_for_whom_since_when_until_when_and_under_which_commit() -> None:
    head = sections(render_runbook(READY, MOVE, AROUND))[""]

    for line in (
        "| zone | a.example |", "| asked for | 2026-11-23T01:13:20Z |",
        "| late after | 2026-11-25T01:13:20Z (2d after it was asked for) |", "| authorised by | commit cccccccccccc |",
        "| contact | registry desk |", "| usual delay | 2d |", "| portal | https://r.example |", "| form | DS |",
    ):  # fmt: skip
        assert line in head


def test_the_checks_before_name_every_server_and_the_expected_answer() -> None:
    checks = sections(render_runbook(READY, MOVE, AROUND))["Before you begin"]

    for server in AROUND.parent_servers:
        assert f"dig +norecurse +short +nosplit @{server} a.example DS" in checks
    assert "dig +norecurse +short +nosplit @198.51.100.1 a.example DNSKEY" in checks
    assert str(ds_of("a.example", OLD)) in checks
    assert str(NEW) in checks


def test_the_values_stand_in_full_as_ds_and_as_dnskey_with_a_checksum() -> None:
    values = sections(render_runbook(READY, MOVE, AROUND))["Values"]
    new = ds_of("a.example", NEW)

    assert "**Add this; do not replace what is there:**" in values
    assert str(new) in values
    assert str(NEW).split()[-1] in values
    assert f"Check: **{checksum(new)}**" in values
    assert checksum(new) == hashlib.sha256(str(new).encode()).hexdigest()[:8]
    assert "**Leave alone:**" in values


def test_a_swap_is_a_replacement_and_the_way_back_is_written_out() -> None:
    text = render_runbook(READY, NeedsHuman(step=step(swap=True)), AROUND)
    parts = sections(text)

    assert "**Put this in its place:**" in parts["Values"]
    assert "**Replace exactly this one:**" in parts["Values"]
    assert "do not replace" not in text
    assert "in one go" in parts["Steps"]
    assert str(ds_of("a.example", OLD)) in parts["If it goes wrong"]


def test_the_last_ds_is_removed_by_its_whole_value() -> None:
    old = ds_of("a.example", OLD)
    removal = replace(step(), action=SetDs(ds=(), expected=(old,)), undo="irreversible")
    parts = sections(render_runbook(READY, NeedsHuman(step=removal), AROUND))

    assert f"**Remove exactly this one:**\n\n```\n{old}\n```" in parts["Values"]
    assert "not the key tag alone" in parts["Steps"]
    assert "(nothing)" in parts["Steps"]
    assert "The way back is closed" in parts["If it goes wrong"]


def test_confirm_and_sign_off_close_it_and_nothing_is_asked_twice() -> None:
    text = render_runbook(READY, MOVE, AROUND)

    assert 'dsplan confirm a.example --evidence "TICKET OR FILE" --by "YOUR NAME"' in text
    assert "it advances nothing" in text
    assert text.rstrip().endswith("Checked by: ___________________  at: ______________________")
    assert "\n\n\n" not in text


def test_a_port_that_is_not_53_is_part_of_the_commands_and_a_missing_authorisation_is_said() -> None:
    text = render_runbook(READY, MOVE, replace(AROUND, port=5300, commit="", asked_at=None, parent=None))

    assert "+nosplit -p 5300 @192.0.2.1" in text
    assert "nothing yet: commit and merge the files first" in text
    assert "not yet: `dsplan apply` records that it was asked for" in text


def test_a_signer_without_an_interface_gets_no_ds_values() -> None:
    keys = SetKeys(published=(NEW,), sign_keys=frozenset({NEW.id}), sign_zone=frozenset())
    text = render_runbook(READY, NeedsHuman(step=replace(step(), action=keys, rrset="DNSKEY")), AROUND)

    assert "its operator does this: add the new DS" in text
    assert "## Values" not in text
    assert "(198.51.100.1)" in text


def test_a_delegation_is_changed_by_hand_with_every_record_written_out() -> None:
    names = SetNs(
        names=("b1.other.example", "b2.a.example"), glue=(("b2.a.example", "2001:db8::2"),), expected=("ns1.a.example",)
    )
    text = render_runbook(READY, NeedsHuman(step=replace(step(), action=names, rrset="NS")), AROUND)
    values = sections(text)["Values"]

    assert "at the parent, in the delegation" in text
    for line in (
        "add     NS b1.other.example.", "add     NS b2.a.example.", "add     b2.a.example. AAAA 2001:db8::2",
        "remove  NS ns1.a.example.",
    ):  # fmt: skip
        assert line in values


def test_a_foreign_key_is_imported_by_hand_in_the_copy_of_its_signer() -> None:
    keys = ImportKeys(foreign=(NEW,), gone=(OLD,), published=(), sign_keys=frozenset(), sign_zone=frozenset())
    there = replace(step(), action=keys, rrset="DNSKEY", signer="r53")
    text = render_runbook(READY, NeedsHuman(step=there), AROUND)

    assert "in the copy of signer r53" in text
    assert f"add     DNSKEY {NEW}" in text
    assert f"remove  DNSKEY {OLD}" in text


def test_settings_and_names_from_files_stay_text() -> None:
    desk = replace(DESK, settings={"portal": EVIL})
    text = render_runbook(zone("a.example", "MANUAL", MOVE), replace(MOVE, contact=EVIL), replace(AROUND, parent=desk))

    assert "\x1b" not in text
    assert "<script>" not in text
    assert "@you" not in text
