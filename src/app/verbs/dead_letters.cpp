#include "app/operate/dead_letters.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"
#include "app/verbs/reading_line.hpp"

namespace admitone::app {
namespace {

class DeadLettersList : public Verb {
 public:
  VerbInfo info() const override {
    return {"dead-letters list",
            "Look",
            "Show what could not be processed, grouped by reason or one by one",
            {"admitone dead-letters list", "admitone dead-letters list --reason undecodable"},
            {{kInterrupted, "interrupted"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("--reason", asked_.reason, "The letters of this reason, one by one");
    app.add_option("--limit", asked_.limit, "At most so many letters")
        ->check(CLI::Range(1, 1'000'000));
  }

  int run(Context& context) override {
    ReadingLine progress(context);
    const Rows rows =
        list_dead_letters(means_of(context, {"kafka.bootstrap_servers"}), asked_, progress.told());
    context.print(rows);
    if (rows.size() > 0) return kOk;
    if (asked_.reason.empty()) {
      context.err << "admitone: there are no dead letters\n";
    } else {
      context.err << "admitone: no dead letter has the reason '" << asked_.reason
                  << "'; `admitone dead-letters list` shows the reasons there are\n";
    }
    return kOk;
  }

 private:
  DeadLettersAsked asked_;
};

class DeadLettersShow : public Verb {
 public:
  VerbInfo info() const override {
    return {"dead-letters show",
            "Look",
            "Show one dead letter in full, by the position of the record it was",
            {"admitone dead-letters show ticketing.commands/3/120"},
            {{kNotFound, "no such dead letter"}, {kInterrupted, "interrupted"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("position", position_, "TOPIC/PARTITION/OFFSET of the record, or of the letter")
        ->required();
  }

  int run(Context& context) override {
    check_position(position_);
    ReadingLine progress(context);
    show_dead_letter(means_of(context, {"kafka.bootstrap_servers"}), position_, progress.told())
        .print(context.out, context.format);
    return kOk;
  }

 private:
  std::string position_;
};

}  // namespace

std::unique_ptr<Verb> make_dead_letters_list() {
  return std::make_unique<DeadLettersList>();
}
std::unique_ptr<Verb> make_dead_letters_show() {
  return std::make_unique<DeadLettersShow>();
}

}  // namespace admitone::app
