// `keys release` (operate/keys.hpp): planned first, done with --yes.

#include "app/operate/keys.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/change_flags.hpp"
#include "app/verbs/look.hpp"

namespace admitone::app {
namespace {

class KeysRelease : public Verb {
 public:
  VerbInfo info() const override {
    return {"keys release",
            "Operate",
            "End the attempt that holds a key: undone, then failed, and the key may be sent again",
            {"admitone keys release order-4711 --reason 'the venue is closed'",
             "admitone keys release order-4711 --type ticketing.event.create.v1 "
             "--tenant 4c6f7cbf-58db-457f-9dbe-69e0ae9bb859 --reason 'the venue is closed' --yes"},
            {{kNotFound, "no such key"},
             {kConflict, "nothing runs under the key, or what runs must not be ended"},
             {kPartly, "sent, and not decided in time"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("key", asked_.key,
                   "The key, or the id of its command: admitone keys list shows them")
        ->required();
    app.add_option("--tenant", asked_.tenant, "Only of this tenant (UUID)");
    app.add_option("--type", asked_.type, "Only of this command type");
    app.add_option("--actor", asked_.actor, "Only of this actor");
    flags_.declare(app);
  }

  int run(Context& context) override {
    flags_.check();
    asked_.reason = flags_.reason;
    check_release({.settings = context.loaded().settings}, asked_);
    asked_.plan = !flags_.yes;
    asked_.patience = flags_.patience;
    if (flags_.yes) ask_for_a_name(context);
    const auto means =
        means_of(context, {"kafka.bootstrap_servers", "database.url", "database.reader_url"});
    return tell(context, release_key(means, asked_), flags_, kReleaseRefused);
  }

 private:
  KeyReleaseAsked asked_;
  ChangeFlags flags_;
};

}  // namespace

std::unique_ptr<Verb> make_keys_release() {
  return std::make_unique<KeysRelease>();
}

}  // namespace admitone::app
