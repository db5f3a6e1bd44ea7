#include "app/operate/lanes.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"
#include "kafka/admin.hpp"

namespace admitone::app {
namespace {

class Lanes : public Verb {
 public:
  VerbInfo info() const override {
    return {"lanes",
            "Look",
            "Show every partition of the command topics: owner, epoch, positions, lag, sequence",
            {"admitone lanes", "admitone lanes -o json | jq '.[] | select(.unpublished > 0)'"}};
  }

  int run(Context& context) override {
    const Settings& settings = context.settings({"kafka.bootstrap_servers", "database.reader_url"});
    const Rows rows =
        list_lanes(means_of(context, {"kafka.bootstrap_servers", "database.reader_url"}));
    context.print(rows);
    if (rows.size() == 0) context.err << "admitone: no worker has taken a lane yet\n";
    if (rows.size() > 0) say_who_lives(context, settings);
    return kOk;
  }

 private:
  static void say_who_lives(Context& context, const Settings& settings) {
    const auto admin = must(kafka::Admin::create(kafka_for(context, "lanes")));
    const auto members = admin->members(settings.kafka.group_id, settings.kafka.request_timeout);
    // A remark beside the rows: without the right to ask they are as good.
    if (!members || *members > 0) return;
    context.err << "admitone: no worker runs in the group '" << settings.kafka.group_id
                << "'; OWNER is who was it last\n";
  }
};

}  // namespace

std::unique_ptr<Verb> make_lanes() {
  return std::make_unique<Lanes>();
}

}  // namespace admitone::app
