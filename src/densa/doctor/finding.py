"""What the doctor finds: a code, how severe it is, the files, why it matters and the mend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from densa.doctor.codes import CODES

__all__ = ["LISTED", "Finding", "Severity", "exit_code", "finding", "in_order"]

Severity = Literal["error", "warning", "note"]
LISTED = 10
"""Files that a finding lists; the others are counted."""
_RANK = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a data set, or worth knowing; made by `finding`.

    Args:
        code: stable name of the kind, a key of `densa.doctor.CODES`.
        severity: "error": training or scores would be wrong, or cannot begin; "warning": they may be worse than they
            need be; "note": to be known, nothing to be done.
        sentence: what was found.
        why: why it matters.
        mend: the command or option that mends it; "" where there is nothing to mend.
        files: the first 10 files concerned.
        n_files: how many files are concerned.
        fixable: `densa doctor --fix OUT` mends it in a copy.
        details: numbers for programs, such as the pixels by which a mask is shifted.

    Examples:
        >>> from pathlib import Path
        >>> from densa import doctor
        >>> found = doctor.finding("mask-missing", "2 images have no mask", [Path("a.png"), Path("b.png")])
        >>> found.severity, found.n_files, found.fixable
        ('error', 2, True)
    """

    code: str
    severity: Severity
    sentence: str
    why: str
    mend: str = ""
    files: tuple[Path, ...] = ()
    n_files: int = 0
    fixable: bool = False
    details: tuple[tuple[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The finding as a dictionary for JSON."""
        return {
            "code": self.code,
            "severity": self.severity,
            "sentence": self.sentence,
            "why": self.why,
            "mend": self.mend,
            "files": [str(path) for path in self.files],
            "n_files": self.n_files,
            "fixable": self.fixable,
            "details": dict(self.details),
        }


def finding(
    code: str,
    sentence: str,
    files: Iterable[Path] = (),
    *,
    severity: Severity | None = None,
    mend: str | None = None,
    **details: Any,
) -> Finding:
    """Make a finding; what is the same for all of its kind comes from the table of codes.

    Args:
        code: a key of `CODES`.
        sentence: what was found.
        files: all files concerned; the first 10 are kept, the others counted.
        severity: None: that of the code.
        mend: None: that of the code.
        **details: numbers for programs.

    Returns:
        The finding.

    Examples:
        >>> from densa import doctor
        >>> doctor.finding("class-rare", "the class pole has 0.01 % of the pixels", share=1e-4).details
        (('share', 0.0001),)
    """
    kind = CODES[code]
    paths = tuple(dict.fromkeys(files))
    return Finding(
        code,
        severity or kind.severity,
        sentence,
        kind.why,
        kind.mend if mend is None else mend,
        paths[:LISTED],
        len(paths),
        kind.fixable,
        tuple(details.items()),
    )


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then warnings, then notes; otherwise in the order given."""
    return tuple(sorted(findings, key=lambda found: _RANK[found.severity]))


def exit_code(findings: Sequence[Finding], *, strict: bool = False) -> int:
    """Exit code of `densa doctor`: 0 sound, 1 warnings, 2 errors.

    Args:
        findings: what was found; notes do not count.
        strict: warnings count as errors.

    Examples:
        >>> from densa import doctor
        >>> rare = doctor.finding("class-rare", "the class pole has 0.01 % of the pixels")
        >>> doctor.exit_code([rare]), doctor.exit_code([rare], strict=True), doctor.exit_code([])
        (1, 2, 0)
    """
    severities = {found.severity for found in findings}
    if "error" in severities:
        return 2
    return (2 if strict else 1) if "warning" in severities else 0
