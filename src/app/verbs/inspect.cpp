#include "app/operate/inspect.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"

namespace admitone::app {
namespace {

class Inspect : public Verb {
 public:
  VerbInfo info() const override {
    return {
        "inspect",
        "Look",
        "Tell the whole story of a command, key, event, reservation, saga, outcome, signature or "
        "position",
        {"admitone inspect hold-7d9b7d4c", "admitone inspect ticketing.commands/3/120",
         "admitone inspect 332a5401-25af-4407-934e-3a54f61dc441 -o json"},
        {{kNotFound, "nothing is known by that name"}, {kInterrupted, "interrupted"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("id", id_, "UUID, key, command id, chain signature or TOPIC/PARTITION/OFFSET")
        ->required();
  }

  int run(Context& context) override {
    inspect(means_of(context, {"database.reader_url"}), id_).print(context.out, context.format);
    return context.interrupted() ? kInterrupted : kOk;
  }

 private:
  std::string id_;
};

}  // namespace

std::unique_ptr<Verb> make_inspect() {
  return std::make_unique<Inspect>();
}

}  // namespace admitone::app
