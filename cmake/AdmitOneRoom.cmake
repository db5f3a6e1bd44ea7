# admitone_room: the only way to add code to src/.
#
#   admitone_room(NAME <room> [HEADER_ONLY] [SOURCES a.cpp …] [ROOMS …] [VENDORS …] [PUBLIC_VENDORS …])
#
# Makes the static library admitone_<room> from src/<room>/ with src/ as include root ("room/file.hpp"). ROOMS are the
# rooms it may include; each must have been declared above it in src/CMakeLists.txt. VENDORS are names from
# AdmitOneVendors.cmake, linked privately; PUBLIC_VENDORS also reach those who use the room. Sources are listed, never
# globbed. What is declared here is also what tests/architecture holds the includes to.

set(ADMITONE_STD_HEADERS
    <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <cstring> <deque> <functional> <map>
    <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <tuple> <unordered_map>
    <unordered_set> <utility> <variant> <vector>)

if(ADMITONE_PCH)
  # Shared by all rooms whose vendors have nothing worth precompiling.
  file(WRITE "${CMAKE_BINARY_DIR}/precompiled/std.cpp" "")
  add_library(admitone_precompiled_std OBJECT "${CMAKE_BINARY_DIR}/precompiled/std.cpp")
  target_precompile_headers(admitone_precompiled_std PRIVATE ${ADMITONE_STD_HEADERS})
endif()

function(admitone_room)
  cmake_parse_arguments(PARSE_ARGV 0 arg "HEADER_ONLY" "NAME" "SOURCES;ROOMS;VENDORS;PUBLIC_VENDORS")
  if(NOT arg_NAME)
    message(FATAL_ERROR "admitone_room: NAME is missing")
  endif()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "room '${arg_NAME}': unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(arg_HEADER_ONLY AND arg_SOURCES)
    message(FATAL_ERROR "room '${arg_NAME}' says HEADER_ONLY and lists sources")
  endif()
  get_property(rooms GLOBAL PROPERTY ADMITONE_ROOMS)
  if(arg_NAME IN_LIST rooms)
    message(FATAL_ERROR "room '${arg_NAME}' is declared twice")
  endif()
  foreach(dependency IN LISTS arg_ROOMS)
    if(NOT dependency IN_LIST rooms)
      message(FATAL_ERROR "room '${arg_NAME}' depends on room '${dependency}', which is not declared above it: the order "
                          "in src/CMakeLists.txt is the layering (declared so far: ${rooms})")
    endif()
  endforeach()

  set(target admitone_${arg_NAME})
  list(TRANSFORM arg_ROOMS PREPEND admitone_ OUTPUT_VARIABLE room_targets)
  foreach(vendor IN LISTS arg_VENDORS arg_PUBLIC_VENDORS)
    admitone_find_vendor(${vendor} "room '${arg_NAME}'")
  endforeach()
  list(TRANSFORM arg_VENDORS PREPEND admitone_vendor_ OUTPUT_VARIABLE vendor_targets)
  list(TRANSFORM arg_PUBLIC_VENDORS PREPEND admitone_vendor_ OUTPUT_VARIABLE public_vendor_targets)

  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${target} PUBLIC ${room_targets} ${public_vendor_targets} PRIVATE ${vendor_targets})
    admitone_precompile(${target} admitone_precompiled_std ${arg_VENDORS} ${arg_PUBLIC_VENDORS})
  else()
    # Headers only, or nothing yet: there is nothing to archive.
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${target} INTERFACE ${room_targets} ${public_vendor_targets})
  endif()

  set_property(GLOBAL APPEND PROPERTY ADMITONE_ROOMS ${arg_NAME})
  set_property(GLOBAL PROPERTY ADMITONE_ROOM_${arg_NAME}_ROOMS "${arg_ROOMS}")
  set_property(GLOBAL PROPERTY ADMITONE_ROOM_${arg_NAME}_VENDORS "${arg_VENDORS};${arg_PUBLIC_VENDORS}")
  set_property(GLOBAL PROPERTY ADMITONE_ROOM_${arg_NAME}_PUBLIC_VENDORS "${arg_PUBLIC_VENDORS}")
  admitone_record_sources(${arg_SOURCES})
endfunction()

# Own precompiled header when a vendor is worth it, else the shared one.
function(admitone_precompile target shared)
  if(NOT ADMITONE_PCH)
    return()
  endif()
  set(heavy "")
  foreach(vendor IN LISTS ARGN)
    get_property(header GLOBAL PROPERTY ADMITONE_VENDOR_${vendor}_PRECOMPILE)
    list(APPEND heavy ${header})
  endforeach()
  if(heavy)
    target_precompile_headers(${target} PRIVATE ${ADMITONE_STD_HEADERS} ${heavy})
  else()
    target_precompile_headers(${target} REUSE_FROM ${shared})
  endif()
endfunction()

# Remembers which files are built, for the orphan check.
function(admitone_record_sources)
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY "${PROJECT_SOURCE_DIR}")
    set_property(GLOBAL APPEND PROPERTY ADMITONE_SOURCES ${source})
  endforeach()
endfunction()

function(admitone_json_list out)
  set(quoted ${ARGN})
  list(REMOVE_ITEM quoted "")
  list(TRANSFORM quoted REPLACE "^(.+)$" "\"\\1\"")
  list(JOIN quoted ", " joined)
  set(${out} "[${joined}]" PARENT_SCOPE)
endfunction()

# The declarations as data, for tests/architecture: <build>/architecture.json.
function(admitone_write_manifest)
  get_property(rooms GLOBAL PROPERTY ADMITONE_ROOMS)
  set(room_entries "")
  foreach(room IN LISTS rooms)
    get_property(depends GLOBAL PROPERTY ADMITONE_ROOM_${room}_ROOMS)
    get_property(vendors GLOBAL PROPERTY ADMITONE_ROOM_${room}_VENDORS)
    get_property(public GLOBAL PROPERTY ADMITONE_ROOM_${room}_PUBLIC_VENDORS)
    admitone_json_list(depends ${depends})
    admitone_json_list(vendors ${vendors})
    admitone_json_list(public ${public})
    list(APPEND room_entries
         "    \"${room}\": {\"rooms\": ${depends}, \"vendors\": ${vendors}, \"public_vendors\": ${public}}")
  endforeach()
  get_property(vendors GLOBAL PROPERTY ADMITONE_VENDORS)
  set(vendor_entries "")
  foreach(vendor IN LISTS vendors)
    get_property(headers GLOBAL PROPERTY ADMITONE_VENDOR_${vendor}_HEADERS)
    admitone_json_list(headers ${headers})
    list(APPEND vendor_entries "    \"${vendor}\": ${headers}")
  endforeach()
  get_property(sources GLOBAL PROPERTY ADMITONE_SOURCES)
  admitone_json_list(sources ${sources})
  list(JOIN room_entries ",\n" room_entries)
  list(JOIN vendor_entries ",\n" vendor_entries)
  file(WRITE "${CMAKE_BINARY_DIR}/architecture.json"
       "{\n  \"rooms\": {\n${room_entries}\n  },\n  \"vendors\": {\n${vendor_entries}\n  },\n  \"sources\": ${sources}\n}\n")
endfunction()
