#include "app/window_name.hpp"

#include <algorithm>

#include "contract/codes.hpp"

namespace admitone::app {

std::optional<pipeline::ContentKeyOptions::WindowOf> window_of(std::string_view name) {
  pipeline::ContentKeyOptions::WindowOf of;
  const auto slash = name.find('/');
  const auto first = name.substr(0, slash);
  if (const auto tenant = base::Uuid::parse(first)) of.first = base::TenantId{*tenant};
  if (of.first && slash == std::string_view::npos) return of;
  if (!of.first && slash != std::string_view::npos) return std::nullopt;
  of.second = contract::command_type(of.first ? name.substr(slash + 1) : first);
  if (!of.second) return std::nullopt;
  return of;
}

std::string window_in_variable(std::string name) {
  const auto nesting = name.find("__");
  auto tenant = name.substr(0, nesting);
  std::replace(tenant.begin(), tenant.end(), '_', '-');
  const bool of_tenant = base::Uuid::parse(tenant).has_value();
  if (of_tenant && nesting == std::string::npos) return tenant;
  auto type = of_tenant ? name.substr(nesting + 2) : name;
  std::replace(type.begin(), type.end(), '_', '.');
  return of_tenant ? tenant + "/" + type : type;
}

}  // namespace admitone::app
