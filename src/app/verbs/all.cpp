#include "app/verbs/all.hpp"

namespace admitone::app {

Verbs make_all_verbs() {
  Verbs verbs;
  verbs.push_back(make_worker());
  verbs.push_back(make_migrate_up());
  verbs.push_back(make_migrate_status());
  verbs.push_back(make_migrate_sql());
  verbs.push_back(make_topics_create());
  verbs.push_back(make_topics_check());
  verbs.push_back(make_config_check());
  verbs.push_back(make_config_print());
  verbs.push_back(make_config_schema());
  verbs.push_back(make_doctor());
  verbs.push_back(make_produce());
  verbs.push_back(make_inspect());
  verbs.push_back(make_lanes());
  verbs.push_back(make_keys_list());
  verbs.push_back(make_keys_release());
  verbs.push_back(make_sagas_list());
  verbs.push_back(make_sagas_show());
  verbs.push_back(make_sagas_retry());
  verbs.push_back(make_sagas_compensate());
  verbs.push_back(make_sagas_resolve());
  verbs.push_back(make_dead_letters_list());
  verbs.push_back(make_dead_letters_show());
  verbs.push_back(make_dead_letters_redrive());
  verbs.push_back(make_replay());
  verbs.push_back(make_timers_list());
  verbs.push_back(make_cache_flush());
  verbs.push_back(make_timers_run());
  verbs.push_back(make_audit());
  verbs.push_back(make_demo());
  verbs.push_back(make_bench());
  verbs.push_back(make_simulate_venue());
  verbs.push_back(make_simulate_solana());
  verbs.push_back(make_completion());
  verbs.push_back(make_version());
  return verbs;
}

}  // namespace admitone::app
