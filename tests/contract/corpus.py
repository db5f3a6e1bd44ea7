"""Commands, good and bad, made from a seed; and the rules a JSON Schema cannot say."""

import copy
import datetime
import random
import re
import uuid

MAX = 2**53 - 1
UPPER_UUID = "3A8A1F0E-5D0C-4F57-9A9B-64A1F2F3C001"
WILD = [
    None, True, False, 0, -1, 1, 2, 10_000, 10_001, 1_000_000, 1_000_001, 1_000_000_000, 1_000_000_001,
    1_000_000_000_000, 1_000_000_000_001, 2**31 - 1, 2**31, 2**31 + 1, MAX, MAX + 1, -MAX, -MAX - 1, 2**64, 1.5, 1e-7,
    "", " ", "x", "EUR", "eur", "EURO", "é", "\u0000", "a\u0000b", "UTC", "Europe/Berlin", "europe/berlin", "Europe/",
    "America/Argentina/Buenos_Aires", "A/B/C/D", "Etc/GMT+1", "+01:00", "a-b", "a--b", "-a", "a-", "a_b", "a.b:c-d_e",
    ".a", "a/b", "00000000-0000-0000-0000-000000000000", UPPER_UUID, UPPER_UUID.lower(), UPPER_UUID.lower() + "0",
    "{" + UPPER_UUID.lower() + "}", "2026-05-01T09:00:00Z", "2026-05-01t09:00:00z", "2026-05-01 09:00:00Z",
    "2026-05-01T09:00:00", "2026-05-01", "2026-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
    "2026-13-01T00:00:00Z", "2026-05-01T24:00:00Z", "2026-05-01T23:59:60Z", "2026-05-01T09:00:00.123456789+05:30",
    "2026-05-01T09:00:00.Z", "2026-05-01T09:00:00+24:00", "2026-05-01T09:00:00-00:00", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-00:01",
    "1" * 31, "1" * 32, "1" * 44, "1" * 45, "0" * 32, "l" * 32, [], [None], {}, {"a": 1},
    {"a": {"b": [1, "x", None, True, {"c": -MAX}]}}, {"a": 1.5}, {"a": [MAX + 1]}, {"\u0000": 1}, {"": "ü\u2028"},
]  # fmt: skip
LENGTHS = [1, 36, 64, 65, 80, 81, 100, 101, 128, 129, 200, 201, 255, 256, 1000, 1001, 10_000, 10_001]
CHARACTERS = ["x", "ü", "漢", "😀"]
INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d).(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))")


class Maker:
    """Good data for each command type. Every optional member comes and goes."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def uuid(self):
        return str(uuid.UUID(int=self.random.getrandbits(128)))

    def text(self, most=40):
        alphabet = "abc XYZ-09_.ßéI\u0130漢😀\"\\/\n\t\u007f\u2028"
        return "".join(self.random.choice(alphabet) for _ in range(self.random.randint(1, most)))

    def opaque(self):
        return self.random.choice(["a", "A-1", self.uuid(), "x" * 128, f"v:{self.random.randrange(1000)}"])

    def instant(self, low, high):
        at = datetime.datetime(2026, 1, 1) + datetime.timedelta(minutes=self.random.randint(low, high))
        fraction = self.random.choice(["", ".5", ".123456", ".1234567"])
        return at.isoformat(timespec="seconds") + fraction + self.random.choice(["Z", "z", "+00:00", "-05:30", "+14:00"])

    def sections(self):
        ids = self.random.sample(["floor", "balcony", "box.1", "A", "b:2"], self.random.randint(1, 4))
        return [
            {
                "sectionId": id,
                "name": self.text(),
                "capacity": self.random.choice([0, 1, 100, 1_000_000_000]),
                "priceMinor": self.random.choice([0, 1, 4500, 1_000_000_000_000]),
                "currency": self.random.choice(["EUR", "CHF", "JPY"]),
            }
            for id in ids
        ]

    def json(self, depth=0):
        kind = self.random.randrange(6 if depth < 3 else 4)
        if kind == 0:
            return self.random.choice([None, True, False])
        if kind == 1:
            return self.random.choice([0, 1, -1, 10**6, MAX, -MAX])
        if kind in (2, 3):
            return self.text(12)
        if kind == 4:
            return [self.json(depth + 1) for _ in range(self.random.randint(0, 3))]
        return self.metadata(depth + 1)

    def metadata(self, depth=0):
        # Names that sort differently as UTF-8 bytes and as UTF-16 units are among them.
        names = ["a", "B", "", "10", "9", "é", "\u20ac", "\uffee", "😀", "a\\b", 'q"', "\u0001", "\r", "</script>"]
        return {name: self.json(depth + 1) for name in self.random.sample(names, self.random.randint(0, 6))}

    def optional(self, **members):
        return {name: make() for name, make in members.items() if self.random.random() < 0.5}

    def target(self):
        return {"eventId": self.uuid(), "reservationId": self.uuid()}

    def reason(self):
        return self.text(60)

    def hold(self):
        return self.random.choice([1, 600, 2**31])

    def version(self):
        return self.random.choice([1, 7, MAX])

    def royalties(self):
        return {
            "artistBps": self.random.choice([0, 700, 10_000]),
            "venueBps": self.random.choice([0, 300, 10_000]),
            "artistWallet": "7EqQdEULxWcraVx3mXKFjc84LhCkMGZCkRuDpvcMwJeK",
            "venueWallet": "1" * self.random.choice([32, 44]),
        }

    def data(self, type_name):
        made = getattr(self, type_name.split(".")[1] + "_" + type_name.split(".")[2])()
        members = list(made.items())
        self.random.shuffle(members)
        return dict(members)

    def event_create(self):
        return {
            "venueId": self.opaque(),
            "name": self.text(),
            "startsAt": self.instant(10_000, 20_000),
            "endsAt": self.instant(30_000, 40_000),
            "timezone": self.random.choice(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT-14", "GMT+0",
                                            "Japan"]),
            "sections": self.sections(),
        } | self.optional(
            eventId=self.uuid,
            slug=lambda: self.random.choice(["gala", "gala-2026", "x" * 100]),
            description=self.text,
            externalId=self.text,
            salesStartAt=lambda: self.instant(0, 1000),
            salesEndAt=lambda: self.instant(5000, 9000),
            maxPerReservation=lambda: self.random.choice([1, 8, MAX]),
            metadata=self.metadata,
            royalties=self.royalties,
        )

    def event_update(self):
        changes = {"description": self.text()} | self.optional(
            name=self.text,
            startsAt=lambda: self.instant(10_000, 20_000),
            endsAt=lambda: self.instant(30_000, 40_000),
            metadata=self.metadata,
            sections=self.sections,
        )
        return {"eventId": self.uuid(), "expectedVersion": self.version()} | changes

    def event_cancel(self):
        return {"eventId": self.uuid(), "reason": self.reason()} | self.optional(expectedVersion=self.version)

    def reservation_create(self):
        ids = self.random.sample(["floor", "balcony", "box.1", "A"], self.random.randint(1, 3))
        items = [{"sectionId": id, "quantity": self.random.choice([1, 2, 333_333])} for id in ids]
        return {"eventId": self.uuid(), "customerId": self.opaque(), "items": items} | self.optional(
            reservationId=self.uuid, holdSeconds=self.hold
        )

    def reservation_confirm(self):
        return self.target() | {"paymentReference": self.text()}

    def reservation_extend(self):
        return self.target() | {"holdSeconds": self.hold()}

    def reservation_release(self):
        return self.target() | self.optional(reason=self.reason)

    def reservation_cancel(self):
        return self.target() | self.optional(refundReference=self.text, reason=self.reason)

    def reservation_expire(self):
        return self.target() | {"holdVersion": self.version()}

    # -- one thing wrong, or at least strange

    def sites(self, value):
        """(container, key) of every value below."""
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            if isinstance(value[key], (dict, list)):
                yield from self.sites(value[key])

    def spoil(self, data):
        data = copy.deepcopy(data)
        container, key = self.random.choice(list(self.sites(data)))
        how = self.random.randrange(6)
        if how == 0:
            del container[key]
        elif how == 1 and isinstance(container, dict):
            container[self.random.choice(["extra", "EventId", "a/b", "m~n", ""])] = self.random.choice(WILD)
        elif how == 2 and isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        elif how == 3:
            container[key] = self.random.choice(CHARACTERS) * self.random.choice(LENGTHS)
        else:
            container[key] = copy.deepcopy(self.random.choice(WILD))
        return data


def micros(text):
    """Microseconds since the year 1, or None where the year leaves 1 to 9999 in UTC."""
    year, month, day, hour, minute, second, fraction, sign, off_hour, off_minute = INSTANT.fullmatch(text).groups()
    minutes = datetime.date(int(year), int(month), int(day)).toordinal() * 1440 + int(hour) * 60 + int(minute)
    if sign:
        minutes -= int(sign + "1") * (int(off_hour) * 60 + int(off_minute))
    if not 1440 <= minutes < (datetime.date.max.toordinal() + 1) * 1440:
        return None
    return (minutes * 60 + int(second)) * 1_000_000 + int(((fraction or "") + "000000")[:6])


def beyond_schema(data):
    """True when data that its schema accepts keeps the rules that only words can say."""
    times = {name: micros(data[name]) for name in ("startsAt", "endsAt", "salesStartAt", "salesEndAt") if name in data}
    if None in times.values():
        return False
    for early, late in (("startsAt", "endsAt"), ("salesStartAt", "salesEndAt")):
        if early in times and late in times and times[late] <= times[early]:
            return False
    for list_name in ("sections", "items"):
        ids = [element["sectionId"] for element in data.get(list_name, [])]
        if len(set(ids)) < len(ids):
            return False
    return sum(item["quantity"] for item in data.get("items", [])) <= 1_000_000
