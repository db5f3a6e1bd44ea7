"""Shows that names.py can fail, and what it lets pass."""

import os
import unittest

import names

SOURCE = """
constexpr std::array kCounters{
    Description{"admitone_a_total", "One, "
                "two", "verdict", "x "
                "y_z"},
    Description{"admitone_plain_total", "Help", ""},
    Description{"admitone_pairs_total", "Help", "type/status", "a.b "
                "c/done failed"},
};
constexpr std::array kGauges{
    Description{"admitone_lag", "Help", kTopicPartition},
    Description{"admitone_state", "0 closed, 1 open", "service/endpoint"},
};
constexpr const char* kHelp = "For long";
constexpr std::array kHistograms{
    Description{"admitone_long_seconds", kHelp, "service", "venue"},
};
"""
KNOWN = names.metrics(SOURCE)


class Names(unittest.TestCase):
    def asked(self, text):
        return [message for _, message in names.query_faults("q", text, KNOWN)]

    def told(self, text):
        return [message for _, message in names.page_faults("p", text, KNOWN)]

    def test_the_table_is_read(self):
        self.assertEqual(KNOWN["admitone_a_total"], {"verdict"})
        self.assertEqual(KNOWN["admitone_plain_total"], set())
        self.assertEqual(KNOWN["admitone_lag"], {"topic", "partition"})
        self.assertEqual(KNOWN["admitone_state"], {"service", "endpoint"})
        self.assertEqual(KNOWN["admitone_long_seconds_bucket"], {"service"})
        self.assertNotIn("admitone_long_seconds", KNOWN)

    def test_the_programs_own_table_is_read_whole(self):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        with open(os.path.join(root, names.SOURCE), encoding="utf-8") as file:
            source = file.read()
        read = {name.removesuffix("_bucket") for name in names.metrics(source) if not name.endswith(("_sum", "_count"))}
        self.assertEqual(read, set(names.NAME.findall(source)) - {"admitone_build_info"} | {"admitone_build_info"})

    def test_the_page_has_a_row_for_each_with_its_words_and_values(self):
        page = names.page(SOURCE)
        self.assertIn("\n| `admitone_a_total` | `verdict`: `x`, `y_z` | One, two |\n", page)
        self.assertIn("\n| `admitone_plain_total` |  | Help |\n", page)
        self.assertIn("\n| `admitone_pairs_total` | `type`: `a.b`, `c`; `status`: `done`, `failed` | Help |\n", page)
        self.assertIn("\n| `admitone_lag` | `topic`, `partition` | Help |\n", page)
        self.assertIn("\n| `admitone_long_seconds` | `service`: `venue` | For long |\n", page)

    def test_what_exists_is_fine(self):
        self.assertEqual(self.asked('sum by (verdict) (rate(admitone_a_total{job="j",verdict="x"}[5m]))'), [])
        self.assertEqual(self.asked('sum by (le) (rate(admitone_long_seconds_bucket[5m])) > admitone_plain_total'), [])
        self.assertEqual(self.told("`admitone_long_seconds{service}`, role `admitone_reader`, `admitone_state{service,endpoint}`"), [])

    def test_a_name_that_is_none_is_refused(self):
        for query in ("admitone_gone", "admitone_long_seconds > 1", "rate(admitone_a_total_bucket[1m])"):
            self.assertEqual(len(self.asked(query)), 1, query)
        self.assertEqual(len(self.told("look at `admitone_gone`")), 1)

    def test_a_label_that_is_none_is_refused(self):
        for query in ('admitone_a_total{reason="x"}', "sum by (reason) (rate(admitone_a_total[1m]))",
                      'max by (job, lane) (admitone_state{job="j"})', '"expr": "admitone_lag{job=\\"j\\",lane=\\"1\\"}"'):
            self.assertEqual(len(self.asked(query)), 1, query)
        self.assertEqual(len(self.told('`admitone_a_total{reason="x"}`')), 1)

    def test_every_law_has_a_metric_or_a_reason(self):
        def faults(*rows):
            text = "| L1 | one |\n| L2 | two |\n## Metrics of the laws\n" + "\n".join(rows) + "\n## More\n| L9 | x |\n"
            return [message for _, message in names.law_faults(text, KNOWN)]

        first, second = "| L1 | `admitone_a_total{verdict}` | x |", "| L2 | none, because it is so | |"
        self.assertEqual(faults(first, second), [])
        for rows in ((first,), (second, first), (first, second, second), (first, "| L2 | `admitone_gone` | x |"),
                     (first, "| L2 | none | |")):
            self.assertEqual(len(faults(*rows)), 1, rows)

    def test_what_an_alert_waits_for_is_there_from_the_start(self):
        known = names.born(SOURCE)
        self.assertEqual(known, {"admitone_a_total": {"verdict": ["x", "y_z"]}, "admitone_plain_total": {},
                                 "admitone_pairs_total": {"type": ["a.b", "c"], "status": ["done", "failed"]}})

        def late(query):
            return [message for _, message in names.late_faults("q", query, known)]

        for query in ('increase(admitone_a_total{job=~".+",verdict="x"}[5m])', 'rate(admitone_a_total{verdict=~"x|y_z"}[5m])',
                      'rate(admitone_a_total{verdict!="gone"}[5m])',
                      'rate(admitone_pairs_total{type="c",status=~"done|failed"}[5m])', 'admitone_state{service="gone"}', "rate(admitone_a_total[5m])"):
            self.assertEqual(late(query), [], query)
        for query in ('rate(admitone_a_total{verdict="y"}[5m])', 'rate(admitone_pairs_total{type="done"}[5m])', 'rate(admitone_a_total{verdict=~"x|gone"}[5m])',
                      'rate(admitone_a_total{verdict=~"x.*"}[5m])', 'rate(admitone_a_total{verdict=\\"gone\\"}[5m])'):
            self.assertEqual(len(late(query)), 1, query)

    def test_the_alerts_of_the_chart_wait_for_something(self):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        with open(os.path.join(root, names.ALERTS), encoding="utf-8") as file:
            alerts = file.read()
        with open(os.path.join(root, names.SOURCE), encoding="utf-8") as file:
            known = names.born(file.read())
        self.assertEqual(list(names.late_faults("q", alerts, known)), [])
        known["admitone_records_total"] = {"verdict": ["redelivered"]}
        late = [message for _, message in names.late_faults("q", alerts, known)]
        self.assertTrue(any('verdict="mismatch"' in message for message in late), late)


if __name__ == "__main__":
    unittest.main()
