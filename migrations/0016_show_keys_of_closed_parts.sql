-- Filters in the workers' memory tell which keys closed parts of the ledger may have, so that a new key need not be looked
-- for in each of them (decision 0077).

-- No row is added to a closed part, but one that is there may take a key over: that of a parked command that expired, say.
-- This grows with each, in steps that nobody foresees: a database that was put back to an earlier time comes to another
-- sum. Whoever made a filter at another sum makes it again.
alter table ledger_parts add column keys_moved bigint not null default 0;

create function note_moved_key() returns trigger
language plpgsql security definer set search_path = {{schema}}, pg_temp as $$
begin
  update ledger_parts set keys_moved = keys_moved + 1 + floor(random() * 1000000)::bigint
  where part = new.part and closed_at is not null;
  return null;
end $$;
revoke all on function note_moved_key() from public;
create trigger ledger_key_moved after update of key_hash on ledger
for each row when (new.owns_key) execute function note_moved_key();

-- The next keys of a closed part, and where the page after them begins (32 zero bytes: at the beginning). Hashes only, of
-- all tenants together: they tell neither whose a key is nor what it is.
create function ledger_part_keys(of_part int, begins_after bytea, at_most int)
returns table (keys bytea, last bytea)
language plpgsql security definer
set search_path = {{schema}}, pg_temp set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  if not exists (select from ledger_parts p
                 where p.part = of_part and p.closed_at is not null and p.detached_at is null) then
    return;
  end if;
  perform set_config('admitone.maintenance', 'on', true);
  -- What row security hides would be taken for keys that are not there, and executed twice.
  if not {{maintenance}} then
    raise exception 'ledger_part_keys is owned by %, who does not see the rows of all tenants', current_user
      using hint = 'give it back to the role that migrated the schema: alter function ... owner to ...';
  end if;
  return query execute format(
    'with page as materialized (
       select l.tenant_id, l.key_hash from %I l
       where (l.tenant_id, l.key_hash) > ($1, $2) order by l.tenant_id, l.key_hash limit $3)
     select string_agg(uuid_send(p.key_hash), ''''::bytea),
            (select uuid_send(z.tenant_id) || uuid_send(z.key_hash) from page z
             order by z.tenant_id desc, z.key_hash desc limit 1)
     from page p', format('ledger_%s', to_char(of_part, 'FM000000')))
    using encode(substr(begins_after, 1, 16), 'hex')::uuid,
          encode(substr(begins_after, 17, 16), 'hex')::uuid, at_most;
end $$;
revoke all on function ledger_part_keys(int, bytea, int) from public;
grant execute on function ledger_part_keys(int, bytea, int) to {{worker}};
