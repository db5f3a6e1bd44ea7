"""Whether the database, the venue's own records and the chain's own records say the same, event by event."""
from __future__ import annotations

import collections
import dataclasses
import datetime
import json

ENDS = {"on_sale", "cancelled", "withdrawn"}


@dataclasses.dataclass
class Claim:
    text: str
    holds: bool
    details: object = None


class Agreement:
    """`tenant_of`: every event that was to be created, and whose it is."""

    def __init__(self, installation, outside, tenant_of: dict[str, str]) -> None:
        rows = installation.view("select event_id, status, chain_signature, starts_at, ends_at from {s}.event_log")
        self.events = {str(event): (status, signature) for event, status, signature, *_ in rows}
        self.dates = {str(event): dates for event, _, _, *dates in rows}
        self.left = installation.view("select status, count(*) from {s}.saga_log where status not in "
                                      "('completed', 'rejected', 'failed') group by status")
        self.holds = outside.venue.records()["holds"]
        self.transactions = outside.chain.records()["transactions"]
        self.tenant_of = tenant_of

    def having(self, status: str) -> set[str]:
        return {event for event, (is_now, _) in self.events.items() if is_now == status}

    def states(self) -> dict[str, int]:
        return dict(collections.Counter(status for status, _ in self.events.values()))

    def claims(self) -> list[Claim]:
        states = self.states()
        return [Claim("every event has ended one way or the other",
                      set(self.events) == set(self.tenant_of) and set(states) <= ENDS, states),
                *self._of_venue(), *self._of_chain(),
                Claim("no saga is left, and none needs an operator", not self.left, self.left)]

    def _of_venue(self) -> list[Claim]:
        on_sale = collections.Counter(self.having("on_sale"))
        standing = collections.Counter(hold["eventId"] for hold in self.holds if not hold["released"])
        made = collections.Counter(hold["key"] for hold in self.holds)
        whose = [hold for hold in self.holds if hold["tenantId"] != self.tenant_of.get(hold["eventId"])]
        elsewhen = [hold for hold in self.holds if not hold["released"] and hold["eventId"] in on_sale
                    and dates_of(hold) != self.dates[hold["eventId"]]]
        return [Claim("the venue holds what is on sale, once, and nothing else", standing == on_sale,
                      difference(standing, on_sale)),
                Claim("and each for the dates of its event", not elsewhen, elsewhen[:3]),
                Claim("no request key made two holds", max(made.values(), default=0) <= 1, made.most_common(2)),
                Claim("every hold is its tenant's", not whose, whose[:3])]

    def _of_chain(self) -> list[Claim]:
        cancelled = self.having("cancelled")
        announced = collections.Counter(self.having("on_sale") | cancelled)
        landed = {"create": collections.Counter(), "cancel": collections.Counter()}
        signatures: dict[str, str] = {}
        for one in self.transactions:
            if one["state"] != "landed":
                continue
            memo = json.loads(one["memo"])
            landed[memo["admitone"]][memo["event"]] += 1
            # A cancelled event names the transaction that cancelled it.
            if (memo["admitone"] == "cancel") == (memo["event"] in cancelled):
                signatures[memo["event"]] = one["signature"]
        wrong = [(event, status, signature, signatures.get(event)) for event, (status, signature) in self.events.items()
                 if event in announced and signature != signatures.get(event)]
        return [Claim("the chain has a record of what was announced, once, and of nothing else",
                      landed["create"] == announced, difference(landed["create"], announced)),
                Claim("and of each cancellation", landed["cancel"] == collections.Counter(cancelled),
                      (landed["cancel"].most_common(3), len(cancelled))),
                Claim("each event names the transaction that landed", not wrong, (len(wrong), wrong[:3]))]


def dates_of(hold: dict) -> list[datetime.datetime]:
    return [datetime.datetime.fromisoformat(hold[name].replace("Z", "+00:00")) for name in ("startsAt", "endsAt")]


def difference(found: collections.Counter, wanted: collections.Counter) -> tuple:
    return list((found - wanted).items())[:3], list((wanted - found).items())[:3]
