"""What every way in to a parent keeps, whoever serves the parent zone.

Another implementation joins with one line in `PARENT_RIGS`, and in `WRITING` if it changes the parent itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from parent_rigs import (
    ParentRig,
    RigMaker,
    WritingParentRig,
    bind_parents,
    knot_parents,
    manual_parents,
    scanning_parents,
)
from secret_search import may_hold, watch_in_this_test
from simulated_rigs import simulated_parents

from dnsplan.errors import AdapterError
from dnsplan.model.action import SetDs, SetTtl
from dnsplan.model.portfolio import Accepts
from dnsplan.model.records import Dnskey, Ds, make_ds

PARENT_RIGS = {
    "rfc2136-bind": bind_parents,
    "rfc2136-knot": knot_parents,
    "manual": manual_parents,
    "cds": scanning_parents,
    "simulated": simulated_parents,
}
WRITING = ["rfc2136-bind", "rfc2136-knot", "simulated"]


@pytest.fixture(scope="session")
def rig_maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RigMaker]:
    folder = tmp_path_factory.mktemp(request.param)
    may_hold(folder)  # the server keeps its own secrets there
    with PARENT_RIGS[request.param](folder) as maker:
        yield maker


@pytest.fixture
def rig(rig_maker: RigMaker, caplog: pytest.LogCaptureFixture) -> Iterator[ParentRig]:
    caplog.set_level(logging.DEBUG)
    with rig_maker() as made:
        yield made
        watch_in_this_test(*made.secrets)
        for secret in made.secrets:
            assert secret not in repr(made.adapter)
            assert secret not in str(made.adapter)


every_parent = pytest.mark.parametrize("rig_maker", PARENT_RIGS, indirect=True)
writing_parents = pytest.mark.parametrize("rig_maker", WRITING, indirect=True)


def key(number: int) -> Dnskey:
    return Dnskey(flags=257, algorithm=13, public_key=bytes([number]) * 64)


def ds(rig: ParentRig, *numbers: int) -> tuple[Ds, ...]:
    return tuple(sorted(make_ds(rig.zone, key(number), 2) for number in numbers))


def change(rig: WritingParentRig, target: tuple[Ds, ...], expected: tuple[Ds, ...] = ()) -> str:
    return rig.adapter.perform(rig.zone, SetDs(ds=target, expected=expected)).state


@every_parent
def test_capabilities_carry_what_the_parent_accepts(rig: ParentRig) -> None:
    accepts = Accepts(max_ds=1, digest_types=frozenset({2}))
    assert rig.adapter.capabilities(rig.zone, accepts).accepts == accepts


@every_parent
def test_a_receipt_is_of_the_kind_that_the_capabilities_promise(rig: ParentRig) -> None:
    update = rig.adapter.capabilities(rig.zone, Accepts()).update
    receipt = rig.adapter.perform(rig.zone, SetDs(ds=ds(rig, 1)))
    assert receipt.state == {"manual": "manual", "cds": "pending"}.get(update, "accepted")


@every_parent
def test_performing_again_gives_the_same_kind_of_receipt(rig: ParentRig) -> None:
    action = SetDs(ds=ds(rig, 1))
    first = rig.adapter.perform(rig.zone, action)
    assert rig.adapter.perform(rig.zone, action).state == first.state


@every_parent
def test_the_lease_of_the_lock_outlasts_a_call(rig: ParentRig) -> None:
    assert 0 <= rig.adapter.timeout < 60


@writing_parents
def test_nothing_is_read_before_anything_is_set(rig: WritingParentRig) -> None:
    assert rig.adapter.read(rig.zone) == ()


@writing_parents
def test_what_is_read_is_what_the_parent_serves(rig: WritingParentRig) -> None:
    rig.edit(ds(rig, 1, 2))
    assert rig.adapter.read(rig.zone) == rig.served() == ds(rig, 1, 2)


@writing_parents
def test_a_ds_is_added_beside_another_and_the_other_removed(rig: WritingParentRig) -> None:
    assert change(rig, ds(rig, 1)) == "accepted"
    assert change(rig, ds(rig, 1, 2), ds(rig, 1)) == "accepted"
    assert rig.served() == ds(rig, 1, 2)
    assert change(rig, ds(rig, 2), ds(rig, 1, 2)) == "accepted"
    assert rig.served() == ds(rig, 2)


@writing_parents
def test_a_ds_is_swapped_for_another_in_one_change(rig: WritingParentRig) -> None:
    rig.edit(ds(rig, 1))
    before = rig.writes()
    assert change(rig, ds(rig, 2), ds(rig, 1)) == "accepted"
    assert rig.served() == ds(rig, 2)
    assert rig.writes() == before + 1


@writing_parents
def test_all_ds_are_removed(rig: WritingParentRig) -> None:
    rig.edit(ds(rig, 1, 2))
    assert change(rig, (), ds(rig, 1, 2)) == "accepted"
    assert rig.served() == ()


@writing_parents
def test_the_same_set_causes_no_change(rig: WritingParentRig) -> None:
    assert change(rig, ds(rig, 1)) == "accepted"
    before = rig.writes()
    assert change(rig, ds(rig, 1)) == "accepted"
    assert rig.writes() == before


@writing_parents
def test_an_unexpected_set_is_refused_and_left_alone(rig: WritingParentRig) -> None:
    rig.edit(ds(rig, 3))
    assert change(rig, ds(rig, 1), ds(rig, 2)) == "refused"
    assert change(rig, ds(rig, 1)) == "refused"
    assert rig.served() == ds(rig, 3)


@writing_parents
def test_an_edit_between_reading_and_writing_is_not_overwritten(rig: WritingParentRig) -> None:
    rig.edit(ds(rig, 1))
    rig.edit_before_next_write(ds(rig, 1, 9))
    assert change(rig, ds(rig, 1, 2), ds(rig, 1)) == "refused"
    assert rig.served() == ds(rig, 1, 9)


@writing_parents
def test_a_vanished_set_is_refused(rig: WritingParentRig) -> None:
    assert change(rig, ds(rig, 2), ds(rig, 1)) == "refused"
    assert rig.served() == ()


@writing_parents
def test_a_lost_answer_is_unknown_and_a_repetition_converges_without_a_second_change(rig: WritingParentRig) -> None:
    rig.lose_next_answer()
    with pytest.raises(AdapterError) as lost:
        change(rig, ds(rig, 1))
    assert lost.value.unknown
    writes = rig.writes()
    assert change(rig, ds(rig, 1)) == "accepted"
    assert rig.served() == ds(rig, 1)
    assert rig.writes() == writes


@writing_parents
def test_bad_credentials_change_nothing_and_say_what_to_check(rig: WritingParentRig) -> None:
    with pytest.raises(AdapterError) as refused:
        rig.stranger.perform(rig.zone, SetDs(ds=ds(rig, 1)))
    assert rig.served() == ()
    assert refused.value.hint
    assert not refused.value.retryable
    assert not any(secret in f"{refused.value} {refused.value.hint}" for secret in rig.secrets)


@writing_parents
def test_a_dead_server_is_an_error_that_may_pass_and_certainly_changed_nothing(rig: WritingParentRig) -> None:
    rig.die()
    for call in (lambda: rig.adapter.read(rig.zone), lambda: change(rig, ds(rig, 1))):
        with pytest.raises(AdapterError) as dead:
            call()
        assert dead.value.retryable
        assert not dead.value.unknown


@writing_parents
def test_a_foreign_digest_type_is_read_and_kept(rig: WritingParentRig) -> None:
    odd = Ds(key_tag=1, algorithm=253, digest_type=200, digest=bytes(range(20)))
    rig.edit((odd,))
    assert rig.adapter.read(rig.zone) == (odd,)
    assert change(rig, tuple(sorted((odd, *ds(rig, 1)))), (odd,)) == "accepted"
    assert odd in rig.served()


# The TTL of the DS: what the capabilities promise, and a refusal where they promise nothing --------------------------
@writing_parents
def test_the_ttl_of_the_ds_is_set_as_promised_and_the_ds_stay(rig: WritingParentRig) -> None:
    rig.edit(ds(rig, 1, 2))
    action = SetTtl(rrset="DS", ttl=40, ds=ds(rig, 1, 2))
    if not rig.adapter.capabilities(rig.zone, Accepts()).sets_ds_ttl:
        with pytest.raises(AdapterError):
            rig.adapter.perform(rig.zone, action)
        return
    for ttl in (40, 3, 60):
        assert rig.adapter.perform(rig.zone, replace(action, ttl=ttl)).state == "accepted"
        assert (rig.served(), rig.ttl()) == (ds(rig, 1, 2), ttl)
    before = rig.writes()
    assert rig.adapter.perform(rig.zone, replace(action, ttl=60)).state == "accepted"
    assert rig.writes() == before


@writing_parents
def test_the_ttl_of_other_ds_than_expected_is_not_changed(rig: WritingParentRig) -> None:
    if not rig.adapter.capabilities(rig.zone, Accepts()).sets_ds_ttl:
        return
    rig.edit(ds(rig, 1))
    action = SetTtl(rrset="DS", ttl=40, ds=ds(rig, 1))
    rig.edit_before_next_write(ds(rig, 2))
    assert rig.adapter.perform(rig.zone, action).state == "refused"
    assert (rig.served(), rig.ttl()) == (ds(rig, 2), 5)
    assert rig.adapter.perform(rig.zone, action).state == "refused"
    assert (rig.served(), rig.ttl()) == (ds(rig, 2), 5)


@pytest.mark.parametrize("rig_maker", ["rfc2136-bind"], indirect=True)
def test_a_server_that_allows_no_such_ttl_is_not_believed(rig: WritingParentRig) -> None:
    """BIND's `max-zone-ttl` is 60 s here; it answers NOERROR all the same."""
    rig.edit(ds(rig, 1))
    receipt = rig.adapter.perform(rig.zone, SetTtl(rrset="DS", ttl=61, ds=ds(rig, 1)))
    assert receipt.state == "refused"
    assert "does the server limit TTLs?" in receipt.message
    assert (rig.served(), rig.ttl()) == (ds(rig, 1), 60)
