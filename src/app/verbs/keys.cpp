#include "app/operate/keys.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"

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
    app.add_option("--tenant", asked_.tenant, "Only of this tenant (UUID)");
    app.add_option("--status", asked_.status, "Only in this state")
        ->check(CLI::IsMember(
            std::vector<std::string>(std::begin(kKeyStatuses), std::end(kKeyStatuses))));
    app.add_option("--type", asked_.type, "Only of this command type");
    app.add_option("--older-than", asked_.older_than, "Only those first seen before, e.g. 15m");
    app.add_option("--limit", asked_.limit, "At most so many")->check(CLI::Range(1, 100'000));
  }

  int run(Context& context) override {
    check_keys({.settings = context.loaded().settings}, asked_);
    const auto table = list_keys(means_of(context, {"database.reader_url"}), asked_);
    context.print(to_rows(table));
    if (table.rows.empty()) context.err << "admitone: no key is like that\n";
    if (static_cast<std::int64_t>(table.rows.size()) == asked_.limit) {
      context.err << "admitone: the first " << asked_.limit << "; ask for more with --limit\n";
    }
    return kOk;
  }

 private:
  KeysAsked asked_;
};

}  // namespace

std::unique_ptr<Verb> make_keys_list() {
  return std::make_unique<KeysList>();
}

}  // namespace admitone::app
