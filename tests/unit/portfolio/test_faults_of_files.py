"""Each rule for what files may hold: one row, its code, where it points, and nothing else."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from dnsplan.errors import ConfigError, UsageError
from dnsplan.portfolio import load, load_portfolio
from dnsplan.views.faults import render_faults

MAIN = """\
schema: dsplan/v1
portfolio: acme
defaults: {policy: standard, signer: pdns, parent: desk}
signers:
  pdns: {type: powerdns, url: "https://pdns.example", api_key: {env: KEY}}
parents:
  desk: {type: manual, contact: desk}
"""
POLICY = "policy: standard\n"
ZONE = "zone: example.ch\ndnssec: signed\n"
KEY = "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="


def portfolio(root: Path, **files: str | bytes) -> Path:
    whole: dict[str, str | bytes] = {"dsplan.yaml": MAIN, "policies/standard.yaml": POLICY, "zones/a.yaml": ZONE}
    for name, text in {**whole, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


ZONE_ROWS = [
    ("UNKNOWN_KEY", "zone: example.ch\npolcy: standard\n", 2, 1),
    ("WRONG_TYPE", "zone: example.ch\ntags: brand\n", 2, 7),
    ("BAD_VALUE", "zone: example.ch\ndnssec: sined\n", 2, 9),
    ("BAD_NAME", "zone: exa mple.ch\n", 1, 7),
    ("BAD_NAME", "zone: a..ch\n", 1, 7),
    ("BAD_NAME", f"zone: {'x' * 64}.ch\n", 1, 7),
    ("BAD_NAME", "zone: xn--zzzzzz-999999999.ch\n", 1, 7),
    ("MISSING_KEY", "owner: me\n", 1, 1),
    ("UNKNOWN_POLICY", "zone: example.ch\npolicy: standrd\n", 2, 9),
    ("UNKNOWN_SIGNER", "zone: example.ch\nsigner: pdnss\n", 2, 9),
    ("UNKNOWN_PARENT", "zone: example.ch\nparent: dsk\n", 2, 9),
    ("BAD_DNSKEY", 'zone: example.ch\nkeys:\n  - {dnskey: "257 3 13 !!!"}\n', 3, 14),
    ("BAD_DNSKEY", f'zone: example.ch\nkeys:\n  - {{dnskey: "{KEY.replace("257", "385")}"}}\n', 3, 14),
    ("BAD_TEXT", 'zone: example.ch\nowner: "a\\u202eb"\n', 2, 8),
    ("BAD_TEXT", f"zone: example.ch\nowner: {'x' * 201}\n", 2, 8),
    ("DUPLICATE_KEY", "zone: example.ch\nzone: example.li\n", 2, 1),
    ("YAML_SYNTAX", "zone: [\n", 2, 1),
    ("YAML_MERGE", "<<: {zone: example.ch}\n", 1, 1),
    ("YAML_TAG", "zone: !!python/object:os.system x\n", 1, 7),
    ("YAML_MANY_DOCUMENTS", "zone: example.ch\n---\nzone: example.li\n", 2, 1),
    ("FILE_EMPTY", "# nothing\n", 0, 0),
    ("NOT_UTF8", b"zone: \xff\xfe\n", 0, 0),
    ("YAML_TOO_DEEP", "zone: " + "[" * 2000 + "]" * 2000 + "\n", 1, 1),
    ("YAML_DIRECTIVE", "# old\n%YAML 1.1\n---\nzone: example.ch\nowner: no\n", None, None),
    ("YAML_SYNTAX", 'zone: "\\ud800.ch"\n', 1, 7),
    ("BAD_TEXT", 'zone: example.ch\nowner: "a\\U000E0101b"\n', 2, 8),
    ("BAD_TEXT", 'zone: example.ch\nroll: "a\\u202eb"\n', 2, 7),
    ("BAD_VALUE", 'zone: example.ch\nroll: ""\n', 2, 7),
    ("UNKNOWN_KEY", "zone: example.ch\nroll: {kks: a}\n", 2, 8),
    ("WRONG_TYPE", "zone: example.ch\nroll: 5\n", 2, 7),
    ("WRONG_TYPE", "zone: example.ch\nkeys: [x]\n", 2, 8),
    ("BAD_VALUE", "zone: example.ch\nkeys: automatic\n", 2, 7),
    ("YAML_BOMB", "a: &a [x, x]\nb: [" + ", ".join(["*a"] * 200) + "]\n", None, None),
]


@pytest.mark.parametrize(
    ("code", "text", "line", "column"), ZONE_ROWS, ids=[f"{i}-{r[0]}" for i, r in enumerate(ZONE_ROWS)]
)
def test_a_fault_in_a_zone_file_has_its_code_and_place_and_causes_no_other(tmp_path, code, text, line, column) -> None:
    loaded = load(portfolio(tmp_path, **{"zones/a.yaml": text}))

    assert [fault.code for fault in loaded.faults] == [code]
    fault = loaded.faults[0]
    assert fault.file == "zones/a.yaml"
    assert loaded.portfolio is None
    if line is not None:
        assert (fault.line, fault.column) == (line, column)


OTHER_ROWS = [
    ("BAD_DURATION", "policies/standard.yaml", "policy: standard\nds: {ttl_max: 1 day}\n"),
    ("BAD_VALUE", "policies/standard.yaml", "policy: standard\nalgorithm: RSASHA1\n"),
    ("BAD_VALUE", "policies/standard.yaml", "policy: standard\nds: {digest_types: [SHA-1]}\n"),
    ("BAD_VALUE", "policies/standard.yaml", "policy: standard\nsignatures: {min_remaining: 40d}\n"),
    ("BAD_VALUE", "policies/standard.yaml", "policy: standard\ndnskey: {ttl: 69y}\n"),
    (
        "BAD_WINDOW",
        "policies/standard.yaml",
        'policy: standard\nwindows: {weekly: ["Mon 22:00-06:00 Europe/Zurich"]}\n',
    ),
    ("BAD_WINDOW", "policies/standard.yaml", 'policy: standard\nwindows: {weekly: ["Mon 08:00-16:00 Mars/Base"]}\n'),
    ("BAD_WINDOW", "policies/standard.yaml", 'policy: standard\nwindows: {weekly: ["someday"]}\n'),
    (
        "BAD_TIME",
        "policies/standard.yaml",
        'policy: standard\nwindows: {freeze: [{from: "2027-01-04", to: "2026-12-18"}]}\n',
    ),
    ("BAD_TIME", "policies/standard.yaml", 'policy: standard\nwindows: {freeze: [{from: "soon", to: "2026-12-18"}]}\n'),
    ("BAD_SCHEMA", "dsplan.yaml", MAIN.replace("dsplan/v1", "dsplan/v2")),
    ("SECRET_IN_FILE", "dsplan.yaml", MAIN.replace("{env: KEY}", "hunter2")),
    ("SECRET_IN_FILE", "dsplan.yaml", MAIN.replace("{env: KEY}", "{hunter2}")),
    ("SECRET_IN_FILE", "dsplan.yaml", MAIN.replace("{env: KEY}", "{env: hunter2-is-no-name}")),
    ("SECRET_IN_FILE", "dsplan.yaml", MAIN.replace("{env: KEY}", "{env: KEY, file: hunter2}")),
    ("BAD_URL", "dsplan.yaml", MAIN.replace("https://pdns", "https://me:hunter2@pdns")),
    ("BAD_URL", "dsplan.yaml", MAIN + "notify: [{url: hunter2}]\n"),
    ("UNKNOWN_KEY", "dsplan.yaml", MAIN.replace("contact:", "contct:")),
    ("BAD_BRANCH", "dsplan.yaml", MAIN + "audit: {branch: --force}\n"),
    ("BAD_VALUE", "dsplan.yaml", MAIN + 'audit: {remote: "https://example.net/x.git"}\n'),
    ("BAD_ADDRESS", "dsplan.yaml", MAIN + 'resolution: {root_hints: ["a.root"]}\n'),
    ("BAD_TRUST_ANCHOR", "dsplan.yaml", MAIN + 'resolution: {trust_anchors: ["20326 8 2 E06D"]}\n'),
    ("BAD_RESOLVER", "dsplan.yaml", MAIN + "resolvers: [{name: x}]\n"),
    ("OUTSIDE_REPOSITORY", "dsplan.yaml", MAIN + "parents_dir: ../elsewhere\n"),
    ("FOLDER_MISSING", "dsplan.yaml", MAIN + "parents_dir: nowhere/\n"),
    ("UNKNOWN_POLICY", "dsplan.yaml", MAIN.replace("policy: standard", "policy: strict")),
]


@pytest.mark.parametrize(("code", "file", "text"), OTHER_ROWS, ids=[f"{i}-{r[0]}" for i, r in enumerate(OTHER_ROWS)])
def test_a_fault_in_another_file_has_its_code_and_causes_no_other(tmp_path, code, file, text) -> None:
    loaded = load(portfolio(tmp_path, **{file: text}))

    assert [(fault.code, fault.file) for fault in loaded.faults] == [(code, file)]
    assert "hunter2" not in repr(loaded.faults)


def test_an_entry_that_is_named_like_a_secret_is_judged_like_any_other(tmp_path) -> None:
    main = MAIN.replace("signers:\n", "signers:\n  token: {type: manual, contct: me}\n")

    assert [fault.code for fault in load(portfolio(tmp_path, **{"dsplan.yaml": main})).faults] == ["UNKNOWN_KEY"]


@pytest.mark.parametrize("other", ["example.ch", "EXAMPLE.ch.", "Example.CH"])
def test_a_zone_under_two_spellings_is_one_zone_twice(tmp_path, other) -> None:
    loaded = load(portfolio(tmp_path, **{"zones/b.yaml": f"zone: {other}\n"}))

    assert [(fault.code, fault.file) for fault in loaded.faults] == [("DUPLICATE_ZONE", "zones/b.yaml")]
    assert "zones/a.yaml:1" in loaded.faults[0].message


def test_u_label_and_a_label_are_one_zone(tmp_path) -> None:
    files = {"zones/a.yaml": "zone: bücher.ch\n", "zones/b.yaml": "zone: xn--bcher-kva.ch\n"}

    assert [fault.code for fault in load(portfolio(tmp_path, **files)).faults] == ["DUPLICATE_ZONE"]


def test_duplicate_policies_and_suffixes_are_found(tmp_path) -> None:
    files = {"policies/b.yaml": POLICY, "parents/a.yaml": "suffix: ch\n", "parents/b.yaml": "suffix: CH.\n"}

    assert [f.code for f in load(portfolio(tmp_path, **files)).faults] == ["DUPLICATE_SUFFIX", "DUPLICATE_POLICY"]


def test_links_that_leave_the_repository_are_faults(tmp_path) -> None:
    root = portfolio(tmp_path / "root")
    (tmp_path / "outside.yaml").write_text("zone: example.li\n")
    (root / "zones/link.yaml").symlink_to(tmp_path / "outside.yaml")
    (root / "zones/dead.yaml").symlink_to(root / "zones/nothing.yaml")

    assert [f.code for f in load(root).faults] == ["FILE_UNREADABLE", "OUTSIDE_REPOSITORY"]


def test_what_is_no_file_is_a_fault_and_is_not_followed(tmp_path) -> None:
    root = portfolio(tmp_path / "root")
    (tmp_path / "outside").mkdir()
    (root / "more").mkdir()
    (root / "zones/here").symlink_to(root / "more")
    (root / "zones/circle.yaml").symlink_to(root / "zones/circle.yaml")
    (root / "zones/out").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "zones/pipe.yaml")

    assert [(f.file, f.code) for f in load(root).faults] == [
        ("zones/circle.yaml", "FILE_UNREADABLE"),
        ("zones/here", "FILE_UNREADABLE"),
        ("zones/out", "OUTSIDE_REPOSITORY"),
        ("zones/pipe.yaml", "FILE_UNREADABLE"),
    ]


def test_a_main_file_outside_the_repository_is_not_read(tmp_path) -> None:
    root = portfolio(tmp_path / "root")
    (tmp_path / "outside.yaml").write_text("hunter2: 1\n")
    (root / "dsplan.yaml").unlink()
    (root / "dsplan.yaml").symlink_to(tmp_path / "outside.yaml")

    assert [(f.file, f.code) for f in load(root).faults] == [("dsplan.yaml", "OUTSIDE_REPOSITORY")]


def test_a_file_whose_name_is_not_utf_8_is_read_like_any_other(tmp_path) -> None:
    root = portfolio(tmp_path)
    Path(os.fsdecode(os.fsencode(root) + b"/zones/\xff.yaml")).write_text("zone: [\n")

    faults = load(root).faults

    assert [fault.code for fault in faults] == ["YAML_SYNTAX"]
    for form in ("text", "json", "github", "sarif", "junit"):
        render_faults(faults, form).encode()


def test_a_file_that_is_too_large_is_not_parsed(tmp_path) -> None:
    large = "# " + "x" * (4 * 1024 * 1024) + "\n"

    assert [f.code for f in load(portfolio(tmp_path, **{"zones/a.yaml": large})).faults] == ["FILE_TOO_LARGE"]


def test_a_path_that_does_not_exist_is_an_error(tmp_path) -> None:
    with pytest.raises(UsageError, match="nothing"):
        load(portfolio(tmp_path), paths=[tmp_path / "nothing"])


@pytest.mark.parametrize(
    ("audit", "expected"),
    [
        ("{}", []),
        ("{branch: main}", ["BAD_BRANCH"]),
        ("{remote: backup}", []),
        ("{remote: bakcup}", ["UNKNOWN_REMOTE"]),
    ],
)
def test_the_ledger_has_its_own_branch_and_a_remote_that_exists(tmp_path, audit, expected) -> None:
    root = portfolio(tmp_path, **{"dsplan.yaml": MAIN + f"audit: {audit}\n"})
    subprocess.run(["git", "init", "-q", "-b", "main", root], check=True)
    subprocess.run(["git", "-C", root, "remote", "add", "backup", "https://git.example/x"], check=True)

    loaded = load(root)

    assert [fault.code for fault in loaded.faults] == expected
    assert (loaded.portfolio is None) == bool(expected)
    assert load_portfolio(root).name == "acme"


def test_every_fault_of_every_file_comes_at_once_and_a_selection_shows_its_own(tmp_path) -> None:
    root = portfolio(
        tmp_path, **{"zones/a.yaml": "zone: a b\n", "zones/b.yaml": "zone: [\n", "policies/x.yaml": "ksk: 1\n"}
    )

    everything = load(root)
    some = load(root, paths=[root / "zones/b.yaml"])

    assert {fault.file for fault in everything.faults} == {"zones/a.yaml", "zones/b.yaml", "policies/x.yaml"}
    assert {fault.file for fault in some.faults} == {"zones/b.yaml"}
    assert some.portfolio is None


def test_warnings_do_not_stop_a_portfolio(tmp_path) -> None:
    text = f'zone: xn--i-7iq.ch\ndnssec: signed\nkeys:\n  - {{dnskey: "{KEY}", note: "key tag 1"}}\n'

    loaded = load(portfolio(tmp_path, **{"zones/a.yaml": text}))

    assert loaded.portfolio is not None
    assert {fault.code for fault in loaded.faults} >= {"KEY_TAG_MISMATCH"}
    assert {fault.severity for fault in loaded.faults} == {"warning"}


def test_a_signed_zone_needs_a_parent_and_a_signer(tmp_path) -> None:
    main = MAIN.replace("defaults: {policy: standard, signer: pdns, parent: desk}\n", "")

    loaded = load(portfolio(tmp_path, **{"dsplan.yaml": main}))

    assert [fault.code for fault in loaded.faults] == ["MISSING_KEY", "MISSING_KEY"]


def test_without_dsplan_yaml_there_is_no_portfolio(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"no dsplan\.yaml"):
        load(tmp_path)


def test_load_portfolio_counts_the_faults_and_shows_the_first(tmp_path) -> None:
    root = portfolio(tmp_path, **{f"zones/{n}.yaml": "zone: a b\n" for n in range(7)})

    with pytest.raises(ConfigError, match="7 faults") as caught:
        load_portfolio(root)

    assert "and 2 more" in str(caught.value)


def test_numbers_text_and_lists_of_zones_are_read_as_written(tmp_path) -> None:
    zones = 'zones:\n  - {zone: no.example, owner: "007", tags: [on, yes]}\n  - {zone: 0/25.2.0.192.in-addr.arpa}\n'

    loaded = load_portfolio(portfolio(tmp_path, **{"zones/a.yaml": zones}))

    assert loaded.zones["no.example"].owner == "007"
    assert loaded.zones["no.example"].tags == {"on", "yes"}
    assert "0/25.2.0.192.in-addr.arpa" in loaded.zones
    assert loaded.zones["no.example"].dnssec == "hold"


def test_a_thousand_zone_files_validate_in_seconds(tmp_path) -> None:
    rest = "owner: me\ntags: [a, b]\npolicy: standard\nsigner: pdns\nparent: desk\ndnssec: signed\nkeys: auto\n"
    root = portfolio(tmp_path, **{f"zones/{n}.yaml": f"# brand {n}\nzone: z{n}.ch\n{rest}" for n in range(1000)})

    start = time.process_time()
    loaded = load(root)
    took = time.process_time() - start

    print(f"1,001 zone files: {took:.2f} s")
    assert loaded.faults == ()
    assert took < 2


FAST = "dnskey: {ttl: 5m}\nds: {ttl_max: 5m}\nzone: {ttl_max: 5m}\n"
MARGINS = "timing: {child_margin: 5m, parent_margin: 5m, sweeps: {count: 1, spacing: 0s}}\n"


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        ("ksk: {lifetime: 1y}\nzsk: {lifetime: 90d}\n", None),
        ("ksk: {lifetime: 25h15m}\n", 2),
        ("ksk: {lifetime: 26h}\nzsk: {lifetime: 1y}\n", None),
        ("zsk: {lifetime: 0s}\n", 2),
        ("scheme: csk\ncsk: {lifetime: 12h}\n", 3),
        ("scheme: csk\nksk: {lifetime: 1s}\n", None),  # no KSK is ever rolled
        ("ds: {ttl_max: 50y}\n", 1),  # the default lifetime is shorter
        ("ksk: {lifetime: 30m}\nzsk: {lifetime: 30m}\n" + FAST + MARGINS, 3),  # each alone would do
        ("ksk: {lifetime: 31m}\nzsk: {lifetime: 31m}\n" + FAST + MARGINS, None),
        ("ksk: {lifetime: 27h}\ntiming: {child_margin: 3h, parent_margin: 3h}\n", 2),  # margins count
    ],
)
def test_lifetimes_in_which_rollovers_never_end_are_a_warning(tmp_path, policy, line) -> None:
    loaded = load(portfolio(tmp_path, **{"policies/standard.yaml": "policy: standard\n" + policy}))

    assert loaded.portfolio is not None
    assert [(fault.code, fault.severity, fault.line) for fault in loaded.faults] == (
        [("ROLLOVERS_OVERLAP", "warning", line)] if line else []
    )


def test_a_zone_stays_with_several_signers_or_moves_and_not_both(tmp_path: Path) -> None:
    both = "zone: example.ch\nsigners: [manual, pdns]\nmigrate_to: pdns\n"

    found = [(f.code, f.severity, f.line) for f in load(portfolio(tmp_path, **{"zones/a.yaml": both})).faults]

    assert found == [("SIGNERS_AND_MOVE", "warning", 3)]
