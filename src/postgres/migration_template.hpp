#pragma once
// The migrations that are compiled in, and what stands for their placeholders.
// Used by: Migrator. Threads: pure functions, any.

#include <span>
#include <string>
#include <string_view>

namespace admitone::postgres {

struct Migration {
  int version = 0;
  std::string_view name;
  std::string_view text;  // with placeholders
};

// Ascending by version, without gaps.
std::span<const Migration> all_migrations();

struct TemplateNames {
  std::string schema;
  std::string owner;
  std::string worker;
  std::string reader;
};

// The SQL of `migration` for these names. An unknown placeholder is an assertion.
std::string render(const Migration& migration, const TemplateNames& names);

}  // namespace admitone::postgres
