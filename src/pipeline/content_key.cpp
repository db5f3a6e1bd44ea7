#include "pipeline/content_key.hpp"

#include "contract/keys.hpp"

namespace admitone::pipeline {
namespace {

// Of a hash and not of the id, whose bytes may be anything but evenly spread: who makes the tenants
// may count them. It never changes: nobody is to fall out by an upgrade.
int bucket_of(base::TenantId tenant) {
  const auto hash = contract::derived_key_hash("content-key-rollout", tenant.text());
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8U | hash.value.bytes[i];
  return static_cast<int>(number % 100);
}

}  // namespace

ContentKeyOptions::Mode content_mode(const ContentKeyOptions& options, base::TenantId tenant) {
  using Mode = ContentKeyOptions::Mode;
  const auto own = options.tenant_mode.find(tenant);
  const auto mode = own == options.tenant_mode.end() ? options.mode : own->second;
  if (mode != Mode::percent) return mode;
  return bucket_of(tenant) < options.percent ? Mode::on : Mode::observe;
}

base::Duration content_window(const ContentKeyOptions& options, base::TenantId tenant,
                              domain::CommandType type) {
  if (options.windows.empty()) return options.window;
  using Of = ContentKeyOptions::WindowOf;
  for (const auto& of : {Of{tenant, type}, Of{tenant, {}}, Of{{}, type}})
    if (const auto own = options.windows.find(of); own != options.windows.end()) return own->second;
  return options.window;
}

}  // namespace admitone::pipeline
