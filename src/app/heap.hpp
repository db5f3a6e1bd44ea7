#pragma once
// What jemalloc says of the memory of the process. Used by: the worker, once a second. Threads:
// any. Blocking: short locks of the allocator. Errors: without jemalloc (sanitizers, tests) nothing
// is told.

#include "ports/meters.hpp"

namespace admitone::app {

// Gauge memory_bytes by kind: `allocated` to the program, `active` in pages that hold some of it,
// `resident` in memory (with pages that are free and not yet given back), `retained` as addresses.
void show_heap(ports::Meters& meters);

}  // namespace admitone::app
