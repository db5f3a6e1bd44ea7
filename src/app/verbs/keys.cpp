#include "app/duration.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"
#include "base/ids.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

class KeysList : public Verb {
 public:
  VerbInfo info() const override {
    return {"keys list",
            "Look",
            "Show accepted keys, the latest first",
            {"admitone keys list --status in_progress --older-than 30s",
             "admitone keys list --tenant 4c6f7cbf-58db-457f-9dbe-69e0ae9bb859 -o jsonl"}};
  }

  void options(CLI::App& app) override {
    app.add_option("--tenant", tenant_, "Only of this tenant (UUID)");
    app.add_option("--status", status_, "Only in this state")
        ->check(CLI::IsMember({"in_progress", "completed", "rejected", "failed"}));
    app.add_option("--type", type_, "Only of this command type");
    app.add_option("--older-than", older_than_, "Only those first seen before, e.g. 15m");
    app.add_option("--limit", limit_, "At most so many")->check(CLI::Range(1, 100'000));
  }

  int run(Context& context) override {
    postgres::queries::KeyFilter filter;
    if (!tenant_.empty()) {
      if (!base::Uuid::parse(tenant_)) {
        throw VerbError(kUsage, "--tenant wants a lower-case UUID, not '" + tenant_ + "'");
      }
      filter.tenant = tenant_;
    }
    if (!status_.empty()) filter.status = status_;
    if (!type_.empty()) filter.type = type_;
    if (!older_than_.empty()) {
      const auto age = parse_duration(older_than_);
      if (!age) {
        throw VerbError(kUsage,
                        "--older-than wants a length like 30s, 15m, 2h, not '" + older_than_ + "'");
      }
      filter.older_than_seconds = age->count() / 1000;
    }
    filter.limit = limit_;
    auto views = open_views(context);
    const auto table = ask(views, postgres::queries::keys(filter));
    context.print(to_rows(table));
    if (table.rows.empty()) context.err << "admitone: no key is like that\n";
    if (static_cast<std::int64_t>(table.rows.size()) == limit_) {
      context.err << "admitone: the first " << limit_ << "; ask for more with --limit\n";
    }
    return kOk;
  }

 private:
  std::string tenant_;
  std::string status_;
  std::string type_;
  std::string older_than_;
  std::int64_t limit_ = 100;
};

}  // namespace

std::unique_ptr<Verb> make_keys_list() {
  return std::make_unique<KeysList>();
}

}  // namespace admitone::app
