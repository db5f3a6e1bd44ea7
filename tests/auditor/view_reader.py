"""Reads the public views (migrations/0005) with the reader's role, and nothing else."""
from __future__ import annotations

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

COLUMNS = {
    "command_log": "tenant_id, actor_id, command_type, idempotency_key, key_source, command_id, topic, partition, "
                   '"offset", status, outcome_status, outcome_id, outcome_type, outcome_code, attempts, '
                   "first_seen_at, completed_at, expires_at",
    "record_ledger": 'topic, partition, "offset", verdict, tenant_id, outcome_id, epoch, decided_at',
    "outcome_log": "partition, seq, outcome_id, replayed, tenant_id, type, code, event_id, created_at, published",
    "section_capacity": "tenant_id, event_id, section_id, capacity, held, sold, available, price_minor, currency",
    "reservation_log": "tenant_id, reservation_id, event_id, status, version, items, expires_at, customer_id, "
                       "total_minor, currency",
    "event_log": "tenant_id, event_id, venue_id, name, slug, status, version, chain_address, chain_signature, "
                 "created_at, starts_at, ends_at",
    "saga_log": "saga_id, tenant_id, kind, event_id, status, step, step_status, attempts, next_attempt_at, "
                "last_error, started_at, ended_at",
    "invariant_violations": "name, detail",
}
DUPLICATE_KEYS = ("select tenant_id, actor_id, command_type, idempotency_key, count(*) as rows from {} "
                  "where status = 'completed' and expires_at > now() "
                  "group by tenant_id, actor_id, command_type, idempotency_key having count(*) > 1")


class ViewReader:
    def __init__(self, url: str, schema: str = "admitone") -> None:
        self.schema = schema
        self.connection = psycopg.connect(url, row_factory=dict_row, autocommit=False)
        # One snapshot for all views.
        self.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self.connection.read_only = True

    def rows(self, view: str) -> list[dict]:
        query = sql.SQL("select {} from {}").format(sql.SQL(COLUMNS[view]), sql.Identifier(self.schema, view))
        return self.connection.execute(query).fetchall()

    def all(self) -> dict[str, list[dict]]:
        try:
            found = {view: self.rows(view) for view in COLUMNS if view != "saga_log"}
            query = sql.SQL(DUPLICATE_KEYS).format(sql.Identifier(self.schema, "command_log"))
            found["duplicate_keys"] = self.connection.execute(query).fetchall()
            return found
        finally:
            self.connection.rollback()

    def close(self) -> None:
        self.connection.close()
