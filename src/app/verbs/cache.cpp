#include "app/operate/caches.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"

namespace admitone::app {
namespace {

class CacheFlush : public Verb {
 public:
  VerbInfo info() const override {
    return {"cache flush",
            "Operate",
            "Take away what Redis keeps of one tenant; what workers have in memory ends by itself, "
            "after venue.cache_ttl",
            {"admitone cache flush --tenant 4c6f7cbf-58db-457f-9dbe-69e0ae9bb859 --reason 'venue "
             "was closed'"},
            {{kNotMet, "no Redis is named: there is nothing that could be flushed"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("--tenant", asked_.tenant, "Id of the tenant")->required();
    app.add_option("--reason", asked_.reason, "Why; kept in the audit row (view operator_log)")
        ->required();
  }

  int run(Context& context) override {
    check_flush({.settings = context.loaded().settings}, asked_);
    ask_for_a_name(context);
    context.print(flush_cache(means_of(context, {"database.url"}), asked_));
    return kOk;
  }

 private:
  FlushAsked asked_;
};

}  // namespace

std::unique_ptr<Verb> make_cache_flush() {
  return std::make_unique<CacheFlush>();
}

}  // namespace admitone::app
