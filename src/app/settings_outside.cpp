// The settings of what is outside and of the sagas that need it.

#include "app/settings_row.hpp"

namespace admitone::app {
namespace {

constexpr std::int64_t kDay = 86'400'000;

Table redis_rows() {
  return {
      ADMITONE_SETTING(redis.url,
                       "Redis as a fast path beside PostgreSQL, which alone decides: "
                       "redis://HOST:PORT/DATABASE, or rediss:// with TLS; empty is off.",
                       .secret = true),
      ADMITONE_SETTING(redis.password, "Password of that Redis, instead of one in redis.url.",
                       .secret = true),
      ADMITONE_SETTING(redis.ca_file,
                       "PEM file of the authorities that vouch for its certificate (rediss://); "
                       "empty: the system's."),
      ADMITONE_SETTING(redis.prefix,
                       "What its keys begin with; installations that share a Redis need one each."),
      ADMITONE_SETTING(redis.key_ttl, "How long it keeps where an idempotency key is.", 1'000,
                       30 * kDay),
  };
}

Table venue_rows() {
  return {
      ADMITONE_SETTING(venue.enabled,
                       "Ask the venue service about events and hold dates there: creation, update "
                       "and cancellation become sagas."),
      ADMITONE_SETTING(venue.url,
                       "Address of the venue service; /api/v1/venues stands below it. https, "
                       "unless venue.allow_insecure."),
      ADMITONE_SETTING(
          venue.allow_insecure,
          "Let venue.url be http: calls and tokens can be read on the way. For tests."),
      ADMITONE_SETTING(venue.call_timeout, "How long one call may take.", 100, 30'000),
      ADMITONE_SETTING(venue.token_algorithm, "How the token for the venue service is signed."),
      ADMITONE_SETTING(venue.token_key,
                       "Key that signs the token: a secret of at least 32 bytes (hs256), or an RSA "
                       "key of at least 2048 bits in PEM (rs256). Empty: no token is sent.",
                       .secret = true),
      ADMITONE_SETTING(venue.token_key_id, "Names the key to the service (`kid`); empty is none."),
      ADMITONE_SETTING(venue.token_issuer, "Who the token says we are (`iss`)."),
      ADMITONE_SETTING(venue.token_audience, "Who the token is for (`aud`)."),
      ADMITONE_SETTING(venue.token_lifetime, "How long one token is valid.", 10'000, kDay),
      ADMITONE_SETTING(venue.cache_ttl,
                       "How long a venue that was found active may serve while the service cannot "
                       "be asked.",
                       0, kDay),
      ADMITONE_SETTING(venue.cache_entries, "Venues kept in memory, of all tenants; 0 is none.", 0,
                       10'000'000, "venues"),
  };
}

Table chain_rows() {
  return {
      ADMITONE_SETTING(chain.enabled,
                       "Register events on the chain; needs venue.enabled, as what is registered "
                       "must be the tenant's own."),
      ADMITONE_SETTING(solana.rpc_url,
                       "RPC endpoint of the chain. Several, comma separated, must be of one "
                       "cluster; the next is asked after one that failed.",
                       .secret = true),
      ADMITONE_SETTING(solana.allow_insecure, "Let solana.rpc_url be http. For tests."),
      ADMITONE_SETTING(solana.genesis_hash,
                       "Genesis hash of the cluster, which an endpoint must say before it is used; "
                       "empty takes that of the first one that answers."),
      ADMITONE_SETTING(
          solana.wallet_file,
          "File with the key that signs and pays: a JSON array of 64 numbers, mode "
          "0600 or 0400, no link, owned by the user that the worker runs as. A mounted "
          "Kubernetes Secret is a link and root's: let an init container copy it into "
          "an emptyDir in memory."),
      ADMITONE_SETTING(solana.registry,
                       "How an event is put on the chain: memo needs no program of ours, anchor "
                       "calls solana.program_id."),
      ADMITONE_SETTING(solana.memo_program_id, "SPL memo program of the cluster (memo)."),
      ADMITONE_SETTING(solana.program_id, "Program on the chain that keeps events (anchor)."),
      ADMITONE_SETTING(solana.idl_file, "Anchor IDL of that program (anchor)."),
      ADMITONE_SETTING(solana.account_bytes,
                       "What an account of that program takes; its rent must be in the wallet "
                       "(anchor).",
                       0, 10 << 20, "bytes"),
      ADMITONE_SETTING(solana.commitment,
                       "When a transaction that landed counts. Failures and deaths are believed at "
                       "finalized only."),
      ADMITONE_SETTING(solana.call_timeout, "How long one call may take.", 100, 30'000),
  };
}

}  // namespace

Table outside_rows() {
  Table rows;
  for (const Table& part : {redis_rows(), venue_rows(), chain_rows()})
    rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

Table saga_rows() {
  return {
      ADMITONE_SETTING(saga.deadline,
                       "How long a saga tries to go forward; after that it goes back, for as long "
                       "again, and then needs an operator.",
                       1'000, 7 * kDay),
      ADMITONE_SETTING(saga.attempt_timeout,
                       "After this long an attempt is given up, and looked up.", 1'000, 30'000),
      ADMITONE_SETTING(saga.arrival_margin,
                       "How long what was given up may still arrive: only a look-up made later "
                       "proves that nothing did. Shorter than what proxies and kernels keep, it "
                       "proves nothing.",
                       100, kDay),
      ADMITONE_SETTING(saga.landing,
                       "How long a chain transaction is sent again and again before it is waited "
                       "for.",
                       100, kDay),
      ADMITONE_SETTING(saga.quick_tries, "Tries of a step in short order, before it sleeps.", 1,
                       100, "tries"),
      ADMITONE_SETTING(saga.quick_from, "Pause after the first of them; it doubles.", 1, kDay),
      ADMITONE_SETTING(saga.quick_to, "Longest of those pauses.", 1, kDay),
      ADMITONE_SETTING(saga.sleep_from, "First sleep of a step that used up its tries.", 1, kDay),
      ADMITONE_SETTING(saga.sleep_to, "Longest sleep.", 1, kDay),
      ADMITONE_SETTING(saga.step_objective,
                       "What a step is expected to take; beyond it, it counts as stuck.", 100,
                       7 * kDay),
      ADMITONE_SETTING(saga.chain_objective, "The same, of a step on the chain.", 100, 7 * kDay),
      ADMITONE_SETTING(saga.in_memory,
                       "Sagas that a pipeline drives at once; more wait in the database.", 1,
                       1'000'000, "sagas"),
      ADMITONE_SETTING(saga.tenant_in_memory, "Of them, one tenant's at the most.", 1, 1'000'000,
                       "sagas"),
      ADMITONE_SETTING(saga.parked,
                       "Sagas of a pipeline that need an operator and take nobody's room.", 1,
                       1'000'000, "sagas"),
      ADMITONE_SETTING(saga.calls, "Calls of a pipeline in flight, at the most.", 1, 1'000'000,
                       "calls"),
      ADMITONE_SETTING(saga.venue_calls,
                       "Of them, those to the venue service, and never more than half. More wait "
                       "for their turn; more than saga.service_connections wait for a connection.",
                       1, 1'000'000, "calls"),
      ADMITONE_SETTING(saga.chain_calls,
                       "Of them, those to the chain, and never more than the venue leaves; "
                       "look-ups share their requests.",
                       1, 1'000'000, "calls"),
      ADMITONE_SETTING(saga.tenant_calls,
                       "Of saga.calls, one tenant's at the most, and as great a part of the calls "
                       "to each service.",
                       1, 1'000'000, "calls"),
      ADMITONE_SETTING(saga.connections, "Connections of the process to services outside.", 1,
                       65'536, "connections"),
      ADMITONE_SETTING(saga.service_connections, "Of them, those to one service.", 1, 65'536,
                       "connections"),
      ADMITONE_SETTING(saga.ca_file,
                       "PEM file of the authorities that vouch for the services' certificates; "
                       "empty: the system's."),
  };
}

}  // namespace admitone::app
