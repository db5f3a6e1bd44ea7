#include "app/heap.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

// Of the allocator that the program is linked with, if it is jemalloc; the room itself is also part
// of programs that are not.
extern "C" [[gnu::weak]] int mallctl(const char* name, void* old, std::size_t* old_size,
                                     void* fresh, std::size_t fresh_size);

namespace admitone::app {

void show_heap(ports::Meters& meters) {
  if (mallctl == nullptr) return;
  std::uint64_t epoch = 1;  // writing it brings the statistics up to date
  mallctl("epoch", nullptr, nullptr, &epoch, sizeof(epoch));
  for (const char* kind : {"allocated", "active", "resident", "retained"}) {
    std::size_t bytes = 0;
    std::size_t size = sizeof(bytes);
    if (mallctl((std::string("stats.") + kind).c_str(), &bytes, &size, nullptr, 0) != 0) continue;
    meters.set(ports::Gauge::memory_bytes, kind, static_cast<double>(bytes));
  }
}

}  // namespace admitone::app
