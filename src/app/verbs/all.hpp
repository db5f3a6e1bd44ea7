#pragma once
// Every verb, each defined in app/verbs/<name>.cpp. A new verb needs a line here and one in
// all.cpp.

#include <memory>

#include "app/verb.hpp"

namespace admitone::app {

std::unique_ptr<Verb> make_worker();
std::unique_ptr<Verb> make_migrate_up();
std::unique_ptr<Verb> make_migrate_status();
std::unique_ptr<Verb> make_migrate_sql();
std::unique_ptr<Verb> make_topics_create();
std::unique_ptr<Verb> make_topics_check();
std::unique_ptr<Verb> make_config_check();
std::unique_ptr<Verb> make_config_print();
std::unique_ptr<Verb> make_config_schema();
std::unique_ptr<Verb> make_produce();
std::unique_ptr<Verb> make_audit();
std::unique_ptr<Verb> make_demo();
std::unique_ptr<Verb> make_bench();
std::unique_ptr<Verb> make_inspect();
std::unique_ptr<Verb> make_lanes();
std::unique_ptr<Verb> make_doctor();
std::unique_ptr<Verb> make_keys_list();
std::unique_ptr<Verb> make_keys_release();
std::unique_ptr<Verb> make_dead_letters_list();
std::unique_ptr<Verb> make_dead_letters_show();
std::unique_ptr<Verb> make_dead_letters_redrive();
std::unique_ptr<Verb> make_replay();
std::unique_ptr<Verb> make_sagas_list();
std::unique_ptr<Verb> make_sagas_show();
std::unique_ptr<Verb> make_sagas_retry();
std::unique_ptr<Verb> make_sagas_compensate();
std::unique_ptr<Verb> make_sagas_resolve();
std::unique_ptr<Verb> make_timers_list();
std::unique_ptr<Verb> make_cache_flush();
std::unique_ptr<Verb> make_timers_run();
std::unique_ptr<Verb> make_simulate_venue();
std::unique_ptr<Verb> make_simulate_solana();
std::unique_ptr<Verb> make_completion();
std::unique_ptr<Verb> make_version();

// In the order of the help.
Verbs make_all_verbs();

}  // namespace admitone::app
