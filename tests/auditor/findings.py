"""Named checks, what each examined, and what it refutes."""
from __future__ import annotations

import dataclasses
import json

SHOWN = 20  # violations of one check that are kept word for word


@dataclasses.dataclass
class Check:
    name: str
    law: str
    claim: str
    examined: int = 0
    broken: int = 0
    evidence: list[dict] = dataclasses.field(default_factory=list)

    def refute(self, what: str, **evidence) -> None:
        self.broken += 1
        if len(self.evidence) < SHOWN:
            self.evidence.append({"what": what, **evidence})


class Findings:
    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.counts: dict[str, int] = {}

    def check(self, name: str, law: str, claim: str) -> Check:
        found = Check(name, law, claim)
        self.checks.append(found)
        return found

    @property
    def ok(self) -> bool:
        return all(not check.broken for check in self.checks)

    def refuted(self) -> set[str]:
        return {check.name for check in self.checks if check.broken}

    def as_json(self) -> str:
        return json.dumps({"ok": self.ok, "counts": self.counts,
                           "checks": [dataclasses.asdict(check) for check in self.checks]}, indent=1, default=str)

    def as_table(self) -> str:
        lines = [f"{'check':<26} {'law':<9} {'examined':>9}  result"]
        for check in self.checks:
            result = "ok" if not check.broken else f"REFUTED {check.broken} times"
            lines.append(f"{check.name:<26} {check.law:<9} {check.examined:>9}  {result}")
            if check.broken:
                lines.append(f"    claim: {check.claim}")
            for item in check.evidence[:5]:
                rest = ", ".join(f"{k}={v}" for k, v in item.items() if k != "what")
                lines.append(f"    - {item['what']}: {rest}"[:400])
        lines.append("counts: " + ", ".join(f"{k} {v}" for k, v in self.counts.items()))
        lines.append("PROVEN" if self.ok else "REFUTED: " + ", ".join(sorted(self.refuted())))
        return "\n".join(lines)
