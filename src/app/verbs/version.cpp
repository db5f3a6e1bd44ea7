#include "app/verbs/all.hpp"
#include "base/failpoint.hpp"

namespace admitone::app {
namespace {

class Version : public Verb {
 public:
  VerbInfo info() const override {
    return {"version", "About", "Print the version and how it was built", {"admitone version"}};
  }

  int run(Context& context) override {
    if (context.format == OutputFormat::table) {
      context.out << "admitone " << ADMITONE_VERSION << ", compiler " << __VERSION__
                  << (base::failpoint::kEnabled ? ", with failpoints for tests" : "") << '\n';
      return kOk;
    }
    context.print(Json{{"version", ADMITONE_VERSION},
                       {"compiler", __VERSION__},
                       {"failpoints", base::failpoint::kEnabled}});
    return kOk;
  }
};

}  // namespace

std::unique_ptr<Verb> make_version() {
  return std::make_unique<Version>();
}

}  // namespace admitone::app
