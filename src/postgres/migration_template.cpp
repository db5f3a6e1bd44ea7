#include "postgres/migration_template.hpp"

#include <map>

#include "base/assert.hpp"
#include "base/failpoint.hpp"
#include "postgres/quoting.hpp"

namespace admitone::postgres {
namespace {

// Each setting is read once per statement: a scalar subquery is an InitPlan, a bare call would be
// made for every row. `is true` keeps the array out of the index conditions: the statements name
// the tenant themselves, and an index scan per element of the array would come on top. The setting
// reads as '' after its transaction, and '' means no tenant.
std::string of_the_tenants() {
  const std::string set =
      "(tenant_id = any ((select string_to_array(current_setting('admitone.tenants', true), ',')"
      "::uuid[])::uuid[])) is true";
  if (base::failpoint::mutant("empty_tenants_is_all")) {
    return "((select coalesce(current_setting('admitone.tenants', true), '') = '') or " + set + ")";
  }
  return set;
}

constexpr std::string_view kReadOnly = "(select current_setting('transaction_read_only')) = 'on'";
constexpr std::string_view kLane =
    "(select nullif(current_setting('admitone.recover_lane', true), '')::int)";
constexpr std::string_view kTopic =
    "(select nullif(current_setting('admitone.recover_topic', true), '')::smallint)";

std::map<std::string, std::string, std::less<>> placeholders(const TemplateNames& names) {
  const std::string maintenance = "(select current_user = " + quoted_literal(names.owner) +
                                  " and current_setting('admitone.maintenance', true) = 'on')";
  const std::string sees_all = "((select pg_has_role(current_user, " +
                               quoted_literal(names.reader) + ", 'usage')) or " + maintenance + ")";
  return {
      {"schema", quoted_identifier(names.schema)},
      {"owner", quoted_identifier(names.owner)},
      {"worker", quoted_identifier(names.worker)},
      {"reader", quoted_identifier(names.reader)},
      {"of_the_tenants", of_the_tenants()},
      {"of_the_lane", "lane = " + std::string(kLane) + " and " + std::string(kReadOnly)},
      {"of_the_partition", "topic = " + std::string(kTopic) + " and partition = " +
                               std::string(kLane) + " and " + std::string(kReadOnly)},
      {"maintenance", maintenance},
      {"sees_all", sees_all},
      {"through_views", sees_all + " or " + of_the_tenants()},
  };
}

}  // namespace

std::string render(const Migration& migration, const TemplateNames& names) {
  const auto values = placeholders(names);
  std::string out;
  std::string_view rest = migration.text;
  for (;;) {
    const auto open = rest.find("{{");
    out.append(rest.substr(0, open));
    if (open == std::string_view::npos) return out;
    const auto close = rest.find("}}", open);
    ADMITONE_ASSERT(close != std::string_view::npos);
    const auto found = values.find(rest.substr(open + 2, close - open - 2));
    ADMITONE_ASSERT(found != values.end());
    out.append(found->second);
    rest.remove_prefix(close + 2);
  }
}

}  // namespace admitone::postgres
