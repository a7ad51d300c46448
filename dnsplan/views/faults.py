"""Faults for people and machines (temporary)."""

from __future__ import annotations


def render_faults(faults, format):
    return "".join(f"{f.file}:{f.line}:{f.column}: {f.code} {f.message}\n    fix: {f.fix}\n" for f in faults)
