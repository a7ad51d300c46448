"""What every signer keeps, whoever holds the keys.

Another implementation joins with one line in `SIGNER_RIGS`, and in `WRITING` if it changes keys itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from threading import Event, Thread

import pytest
from secret_search import may_hold, watch_in_this_test
from signer_rigs import (
    PowerDnsZone,
    RigMaker,
    SignerRig,
    WritingSignerRig,
    as_held,
    manual_signers,
    powerdns_signers,
)
from simulated_rigs import simulated_signers

from dnsplan.errors import AdapterError
from dnsplan.model.action import CreateKey, DeleteKey, SetCds, SetKeys, SetNsec3, SetTtl
from dnsplan.model.portfolio import Role
from dnsplan.model.records import Dnskey, make_ds

SIGNER_RIGS = {
    "powerdns": powerdns_signers,
    "manual": manual_signers,
    "simulated": simulated_signers,
}
WRITING = ["powerdns", "simulated"]


@pytest.fixture(scope="session")
def rig_maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RigMaker]:
    folder = tmp_path_factory.mktemp(request.param)
    may_hold(folder)  # the server keeps its own secrets there
    with SIGNER_RIGS[request.param](folder) as maker:
        yield maker


@pytest.fixture
def rig(rig_maker: RigMaker, caplog: pytest.LogCaptureFixture) -> Iterator[SignerRig]:
    caplog.set_level(logging.DEBUG)
    with rig_maker() as made:
        yield made
        watch_in_this_test(*made.secrets())
        for secret in made.secrets():
            assert secret not in repr(made.adapter)


every_signer = pytest.mark.parametrize("rig_maker", SIGNER_RIGS, indirect=True)
writing_signers = pytest.mark.parametrize("rig_maker", WRITING, indirect=True)


def create(rig: WritingSignerRig, role: Role, *existing: Dnskey, algorithm: int = 13) -> Dnskey:
    known = frozenset(key.id for key in existing)
    receipt = rig.adapter.perform(rig.zone, CreateKey(role=role, algorithm=algorithm, existing=known))
    assert receipt.state == "accepted"
    assert receipt.created is not None
    return receipt.created


def keys(published: tuple[Dnskey, ...], sign_keys: tuple[Dnskey, ...], sign_zone: tuple[Dnskey, ...]) -> SetKeys:
    return SetKeys(
        published=tuple(sorted(published)),
        sign_keys=frozenset(key.id for key in sign_keys),
        sign_zone=frozenset(key.id for key in sign_zone),
    )


def signed(rig: WritingSignerRig) -> tuple[Dnskey, Dnskey]:
    """Return the KSK and the ZSK of the zone, which they sign from now on."""
    ksk, zsk = create(rig, "ksk"), create(rig, "zsk")
    rig.adapter.perform(rig.zone, keys((ksk, zsk), (ksk,), (zsk,)))
    return ksk, zsk


@every_signer
def test_every_action_is_accepted_or_handed_over(rig: SignerRig) -> None:
    state = "manual" if rig.adapter.capabilities(rig.zone).signer_manual else "accepted"
    action = CreateKey(role="ksk", algorithm=13, existing=frozenset())
    assert rig.adapter.perform(rig.zone, action).state == state
    assert rig.adapter.perform(rig.zone, SetCds(cds=(), cdnskey=())).state == state


@every_signer
def test_the_lease_of_the_lock_outlasts_a_call(rig: SignerRig) -> None:
    assert 0 <= rig.adapter.timeout < 60


@writing_signers
def test_an_unsigned_zone_has_no_keys(rig: WritingSignerRig) -> None:
    assert rig.adapter.read(rig.zone) == ()


@writing_signers
def test_a_created_key_is_neither_published_nor_active_and_does_not_sign_the_zone(rig: WritingSignerRig) -> None:
    key = create(rig, "ksk")
    assert [(held.key, held.published, held.active) for held in rig.held()] == [(key, False, False)]
    assert rig.served() == ()
    assert rig.signers("SOA") == set()


@writing_signers
@pytest.mark.parametrize(("role", "flags"), [("ksk", 257), ("csk", 257), ("zsk", 256)])
@pytest.mark.parametrize("algorithm", [8, 13, 15])
def test_a_key_has_the_flags_and_algorithm_asked_for(
    rig: WritingSignerRig, role: Role, flags: int, algorithm: int
) -> None:
    key = create(rig, role, algorithm=algorithm)
    assert (key.flags, key.algorithm) == (flags, algorithm)


@writing_signers
def test_creating_again_finds_the_same_key(rig: WritingSignerRig) -> None:
    key = create(rig, "ksk")
    writes = rig.writes()
    assert create(rig, "ksk") == key
    assert rig.writes() == writes


@writing_signers
def test_creating_after_a_lost_answer_makes_no_second_key(rig: WritingSignerRig) -> None:
    first = create(rig, "ksk")
    rig.lose_next_answer()
    with pytest.raises(AdapterError) as lost:
        create(rig, "ksk", first)
    assert lost.value.unknown
    second = create(rig, "ksk", first)
    assert second != first
    assert {held.key for held in rig.held()} == {first, second}


@writing_signers
def test_a_key_of_another_role_or_algorithm_is_not_the_one_wanted(rig: WritingSignerRig) -> None:
    made = [create(rig, "ksk"), create(rig, "zsk"), create(rig, "ksk", algorithm=15)]
    assert len(set(made)) == len(rig.held()) == 3


@writing_signers
def test_signing_is_enabled(rig: WritingSignerRig) -> None:
    ksk, zsk = signed(rig)
    assert rig.served() == tuple(sorted((ksk, zsk)))
    assert rig.signers("DNSKEY") == {ksk.key_tag}
    assert rig.signers("SOA") == {zsk.key_tag}


@writing_signers
def test_a_csk_signs_everything(rig: WritingSignerRig) -> None:
    csk = create(rig, "csk")
    rig.adapter.perform(rig.zone, keys((csk,), (csk,), (csk,)))
    assert rig.signers("DNSKEY") == rig.signers("SOA") == {csk.key_tag}
    assert [key.role for key in rig.adapter.read(rig.zone) or ()] == ["csk"]


@writing_signers
def test_what_is_read_is_what_is_held(rig: WritingSignerRig) -> None:
    signed(rig)
    create(rig, "ksk", *(held.key for held in rig.held()))
    assert as_held(rig.adapter.read(rig.zone)) == set(rig.held())
    assert sorted(key.role for key in rig.adapter.read(rig.zone) or ()) == ["ksk", "ksk", "zsk"]


@writing_signers
def test_a_second_ksk_is_published_and_signs_and_the_first_is_withdrawn(rig: WritingSignerRig) -> None:
    old, zsk = signed(rig)
    new = create(rig, "ksk", old)
    before = rig.writes()
    rig.adapter.perform(rig.zone, keys((old, new, zsk), (old, new), (zsk,)))
    assert rig.writes() == before + 1
    assert rig.signers("DNSKEY") == {old.key_tag, new.key_tag}
    rig.adapter.perform(rig.zone, keys((new, zsk), (new,), (zsk,)))
    assert rig.served() == tuple(sorted((new, zsk)))
    assert rig.signers("DNSKEY") == {new.key_tag}


@writing_signers
def test_a_zsk_is_published_before_it_signs(rig: WritingSignerRig) -> None:
    ksk, old = signed(rig)
    new = create(rig, "zsk", old)
    rig.adapter.perform(rig.zone, keys((ksk, old, new), (ksk,), (old,)))
    assert new in rig.served()
    assert rig.signers("SOA") == {old.key_tag}
    rig.adapter.perform(rig.zone, keys((ksk, old, new), (ksk,), (new,)))
    assert rig.signers("SOA") == {new.key_tag}
    assert old in rig.served()


@writing_signers
def test_a_swap_of_keys_leaves_no_moment_without_a_published_and_active_key(rig: WritingSignerRig) -> None:
    ksk, zsk = signed(rig)
    new_ksk, new_zsk = create(rig, "ksk", ksk), create(rig, "zsk", zsk)
    rig.moments.clear()
    rig.adapter.perform(rig.zone, keys((new_ksk, new_zsk), (new_ksk,), (new_zsk,)))
    assert rig.served() == tuple(sorted((new_ksk, new_zsk)))
    for moment in rig.moments:
        working = {held.key.flags for held in moment if held.published and held.active}
        assert working == {256, 257}
        assert all(held.published for held in moment if held.active)


@writing_signers
def test_setting_the_same_keys_again_changes_no_key(rig: WritingSignerRig) -> None:
    ksk, zsk = signed(rig)
    before = rig.writes()
    rig.adapter.perform(rig.zone, keys((ksk, zsk), (ksk,), (zsk,)))
    assert rig.writes() == before


@writing_signers
def test_an_answer_lost_amid_a_change_converges_by_repetition(rig: WritingSignerRig) -> None:
    ksk, zsk = create(rig, "ksk"), create(rig, "zsk")
    rig.lose_next_answer()
    with pytest.raises(AdapterError) as lost:
        rig.adapter.perform(rig.zone, keys((ksk, zsk), (ksk,), (zsk,)))
    assert lost.value.unknown
    rig.adapter.perform(rig.zone, keys((ksk, zsk), (ksk,), (zsk,)))
    assert rig.signers("DNSKEY") == {ksk.key_tag}
    assert rig.signers("SOA") == {zsk.key_tag}


@writing_signers
def test_signing_is_disabled(rig: WritingSignerRig) -> None:
    ksk, zsk = signed(rig)
    rig.adapter.perform(rig.zone, keys((), (), ()))
    assert rig.served() == ()
    assert rig.signers("SOA") == set()
    for key in (ksk, zsk):
        rig.adapter.perform(rig.zone, DeleteKey(key=key))
    assert rig.held() == ()


@writing_signers
def test_a_division_of_work_is_kept_to_the_letter_or_refused_before_any_change(rig: WritingSignerRig) -> None:
    ksk, zsk = signed(rig)
    before = rig.writes()
    refusal = ""
    try:
        rig.adapter.perform(rig.zone, keys((ksk, zsk), (ksk,), ()))
    except AdapterError as refused:
        refusal = str(refused)
    if refusal:
        assert f"key {ksk.key_tag} sign only" in refusal
        assert rig.writes() == before
    else:
        assert (rig.signers("DNSKEY"), rig.signers("SOA")) == ({ksk.key_tag}, set())


@writing_signers
@pytest.mark.parametrize("role", ["zsk", "csk"])
def test_a_key_of_another_algorithm_signs_the_data_before_it_is_published(rig: WritingSignerRig, role: Role) -> None:
    ksk, zsk = signed(rig)
    new = create(rig, role, algorithm=15)
    rig.adapter.perform(rig.zone, keys((ksk, zsk), (ksk,), (zsk, new)))
    assert rig.served() == tuple(sorted((ksk, zsk)))
    assert rig.signers("SOA") == {zsk.key_tag, new.key_tag}
    assert ksk.key_tag in rig.signers("DNSKEY")


@writing_signers
def test_keys_of_an_algorithm_leave_the_dnskey_rrset_before_their_signatures_leave_the_data(
    rig: WritingSignerRig,
) -> None:
    old = signed(rig)
    ksk, zsk = create(rig, "ksk", algorithm=15), create(rig, "zsk", algorithm=15)
    rig.adapter.perform(rig.zone, keys((*old, ksk, zsk), (old[0], ksk), (old[1], zsk)))
    rig.adapter.perform(rig.zone, keys((ksk, zsk), (ksk,), (old[1], zsk)))
    assert rig.served() == tuple(sorted((ksk, zsk)))
    assert rig.signers("SOA") == {old[1].key_tag, zsk.key_tag}
    rig.adapter.perform(rig.zone, keys((ksk, zsk), (ksk,), (zsk,)))
    assert rig.signers("SOA") == {zsk.key_tag}
    assert rig.signers("DNSKEY") == {ksk.key_tag}


@writing_signers
def test_a_key_that_the_signer_does_not_hold_is_refused(rig: WritingSignerRig) -> None:
    ksk, zsk = signed(rig)
    foreign = Dnskey(flags=257, algorithm=13, public_key=b"f" * 64)
    with pytest.raises(AdapterError, match="does not hold"):
        rig.adapter.perform(rig.zone, keys((ksk, zsk, foreign), (ksk,), (zsk,)))
    with pytest.raises(AdapterError, match="not held"):
        rig.adapter.perform(rig.zone, keys((ksk, zsk), (ksk, foreign), (zsk,)))
    assert rig.served() == tuple(sorted((ksk, zsk)))


@writing_signers
def test_deleting_twice_is_deleting_once(rig: WritingSignerRig) -> None:
    key = create(rig, "ksk")
    assert rig.adapter.perform(rig.zone, DeleteKey(key=key)).state == "accepted"
    assert rig.adapter.perform(rig.zone, DeleteKey(key=key)).state == "accepted"
    assert rig.held() == ()


@writing_signers
def test_a_key_in_use_is_not_deleted(rig: WritingSignerRig) -> None:
    ksk, _ = signed(rig)
    with pytest.raises(AdapterError, match="still published"):
        rig.adapter.perform(rig.zone, DeleteKey(key=ksk))
    assert ksk in rig.served()


@writing_signers
def test_cds_and_cdnskey_are_published_replaced_and_withdrawn(rig: WritingSignerRig) -> None:
    ksk, _ = signed(rig)
    other = create(rig, "ksk", ksk)
    for key in (ksk, other):
        target = ((make_ds(rig.zone, key, 2),), (key,))
        rig.adapter.perform(rig.zone, SetCds(cds=target[0], cdnskey=target[1]))
        assert rig.cds() == target
    rig.adapter.perform(rig.zone, SetCds(cds=(), cdnskey=()))
    assert rig.cds() == ((), ())


@writing_signers
def test_a_presigned_zone_is_left_alone(rig: WritingSignerRig) -> None:
    rig.presign()
    with pytest.raises(AdapterError, match="presigned"):
        create(rig, "ksk")
    assert rig.held() == ()


@writing_signers
def test_bad_credentials_change_nothing_and_say_what_to_check(rig: WritingSignerRig) -> None:
    for call in (
        lambda: rig.stranger.read(rig.zone),
        lambda: rig.stranger.perform(rig.zone, CreateKey(role="ksk", algorithm=13, existing=frozenset())),
    ):
        with pytest.raises(AdapterError) as refused:
            call()
        assert rig.credential in refused.value.hint
        assert not refused.value.retryable
        assert not any(secret in f"{refused.value} {refused.value.hint}" for secret in rig.secrets())
    assert rig.held() == ()


@writing_signers
def test_an_unknown_zone_is_an_error_that_names_it(rig: WritingSignerRig) -> None:
    with pytest.raises(AdapterError, match=r"absent\.test") as unknown:
        rig.adapter.read("absent.test")
    assert unknown.value.hint


@writing_signers
def test_a_dead_server_is_an_error_that_may_pass_and_certainly_changed_nothing(rig: WritingSignerRig) -> None:
    rig.die()
    for call in (lambda: rig.adapter.read(rig.zone), lambda: create(rig, "ksk")):
        with pytest.raises(AdapterError) as dead:
            call()
        assert dead.value.retryable
        assert not dead.value.unknown


@writing_signers
def test_no_receipt_holds_a_private_key(rig: WritingSignerRig) -> None:
    before = rig.secrets()
    receipt = rig.adapter.perform(rig.zone, CreateKey(role="ksk", algorithm=8, existing=frozenset()))
    assert set(rig.secrets()) > set(before)
    assert not any(secret in repr(receipt) for secret in rig.secrets())


# TTLs and NSEC3: what the capabilities promise, and a refusal where they promise nothing -----------------------------
@writing_signers
def test_the_ttl_of_the_keys_is_set_as_promised_and_their_content_stays(rig: WritingSignerRig) -> None:
    signed(rig)
    action = SetTtl(rrset="DNSKEY", ttl=77)
    promised = rig.adapter.capabilities(rig.zone).dnskey_ttl
    if promised == "fixed":
        with pytest.raises(AdapterError):
            rig.adapter.perform(rig.zone, action)
        return
    served, soa_ttl, serial = rig.served(), rig.ttl("SOA"), rig.serial()
    assert rig.adapter.perform(rig.zone, action).state == "accepted"
    assert rig.ttl("DNSKEY") == 77
    assert (rig.served(), rig.ttl("SOA")) == (served, soa_ttl)
    assert rig.serial() > serial
    serial = rig.serial()
    assert rig.adapter.perform(rig.zone, action).state == "accepted"
    assert rig.serial() == serial


@writing_signers
def test_a_signer_holds_no_ttl_of_the_ds(rig: WritingSignerRig) -> None:
    signed(rig)
    with pytest.raises(AdapterError):
        rig.adapter.perform(rig.zone, SetTtl(rrset="DS", ttl=77))


@writing_signers
def test_the_parameters_of_nsec3_are_set_as_promised_and_opt_out_stays(rig: WritingSignerRig) -> None:
    signed(rig)
    action = SetNsec3(iterations=0, salt="")
    if not rig.adapter.capabilities(rig.zone).sets_nsec3:
        with pytest.raises(AdapterError):
            rig.adapter.perform(rig.zone, action)
        return
    for opt_out in (False, True):
        rig.use_nsec3(5, "abcd", opt_out=opt_out)
        assert rig.denial() == (5, "abcd", opt_out)
        serial = rig.serial()
        assert rig.adapter.perform(rig.zone, action).state == "accepted"
        assert rig.denial() == (0, "", opt_out)
        assert rig.serial() > serial
        rig.adapter.perform(rig.zone, SetNsec3(iterations=1, salt="0badcafe"))
        assert rig.denial() == (1, "0badcafe", opt_out)
    serial = rig.serial()
    assert rig.adapter.perform(rig.zone, SetNsec3(iterations=1, salt="0badcafe")).state == "accepted"
    assert rig.serial() == serial


@writing_signers
def test_a_zone_that_uses_nsec_is_not_made_to_use_nsec3(rig: WritingSignerRig) -> None:
    signed(rig)
    with pytest.raises(AdapterError):
        rig.adapter.perform(rig.zone, SetNsec3(iterations=0, salt=""))


@writing_signers
def test_ttls_and_nsec3_of_a_presigned_zone_are_left_alone(rig: WritingSignerRig) -> None:
    rig.presign()
    for action in (SetTtl(rrset="DNSKEY", ttl=77), SetNsec3(iterations=0, salt="")):
        with pytest.raises(AdapterError):
            rig.adapter.perform(rig.zone, action)


@pytest.mark.parametrize("rig_maker", ["powerdns"], indirect=True)
def test_where_the_serial_does_not_follow_the_api_it_grows_all_the_same_and_the_soa_keeps_its_ttl(
    rig: PowerDnsZone,
) -> None:
    rig.server.call("PUT", f"zones/{rig.zone}.", {"soa_edit_api": ""})
    rig.server.call("PUT", f"cache/flush?domain={rig.zone}.")
    ttl, serial = rig.ttl("SOA"), rig.serial()
    signed(rig)
    rig.adapter.perform(rig.zone, SetTtl(rrset="DNSKEY", ttl=77))
    assert rig.ttl("SOA") == ttl
    assert rig.serial() == serial + 2


@pytest.mark.parametrize("rig_maker", ["powerdns"], indirect=True)
def test_a_zone_that_is_fetched_from_elsewhere_takes_no_ttl(rig: PowerDnsZone) -> None:
    signed(rig)
    rig.server.call("PUT", f"zones/{rig.zone}.", {"kind": "Slave", "masters": ["127.0.0.1:9"]})
    with pytest.raises(AdapterError, match="fetches from elsewhere"):
        rig.adapter.perform(rig.zone, SetTtl(rrset="DNSKEY", ttl=77))


@pytest.mark.parametrize("rig_maker", ["powerdns"], indirect=True)
def test_every_denial_is_complete_while_the_parameters_of_nsec3_change(rig: PowerDnsZone) -> None:
    signed(rig)
    rig.use_nsec3(5, "abcd", opt_out=False)
    stop, seen = Event(), list[tuple[int, str]]()
    asking = Thread(target=lambda: seen.extend(iter(lambda: None if stop.is_set() else rig.proven(), None)))
    asking.start()
    try:
        for number in range(6):
            rig.adapter.perform(rig.zone, SetNsec3(iterations=number % 2, salt="ab" * (number % 3)))
    finally:
        stop.set()
        asking.join()
    print(f"\n{len(seen)} names denied, with {sorted(set(seen))}")
    assert len(set(seen)) > 3
