# admitone_test: one GoogleTest program per room and kind; admitone_script_test: any other command run as a test.
#
#   admitone_test(ROOM <room> KIND <kind> SOURCES … [NAME <name>] [ROOMS …] [VENDORS …] [TIMEOUT <seconds>])
#   admitone_script_test(NAME <name> KIND <kind> COMMAND … [DEPENDS <targets to build first>] [TIMEOUT <seconds>])
#
# ROOM names the room under test and is linked; ROOMS are further ones it needs. The kind is the ctest label and says
# what must run: `_pgtest` a database, `_kafkatest` a broker, `_redistest` a Redis that it starts itself, `_stacktest` both and the program.
# A program reports its cases as JUnit XML into <build>/results/, which scripts/test counts. A script says "skipped"
# with exit code 77, and may write its own cases to the file named by ADMITONE_RESULT_XML.

set(ADMITONE_TEST_KINDS
    unit architecture contract conformance simulation pgtest kafkatest redistest stacktest faults fuzz chart)

function(admitone_check_kind name kind)
  if(NOT kind IN_LIST ADMITONE_TEST_KINDS)
    message(FATAL_ERROR "test '${name}': kind '${kind}' is none of: ${ADMITONE_TEST_KINDS}")
  endif()
endfunction()

# Properties common to both sorts of test.
function(admitone_register_test name kind timeout)
  if(NOT timeout)
    set(timeout 120)
  endif()
  set(result "${CMAKE_BINARY_DIR}/results/${name}.xml")
  set_tests_properties(${name} PROPERTIES LABELS ${kind} TIMEOUT ${timeout} SKIP_RETURN_CODE 77
    ENVIRONMENT "GTEST_OUTPUT=xml:${result};ADMITONE_RESULT_XML=${result};ADMITONE_PROGRAM=$<TARGET_FILE:admitone>;ADMITONE_SOURCE_DIR=${PROJECT_SOURCE_DIR}")
  if(NOT kind MATCHES "^(unit|architecture)$")
    # Servers, whole workers and measured time-outs: not beside each other on a small machine.
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

function(admitone_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;ROOM;KIND;TIMEOUT" "SOURCES;ROOMS;VENDORS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "admitone_test ${arg_NAME}${arg_ROOM}: unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_NAME)
    set(arg_NAME ${arg_ROOM}_${arg_KIND})
  endif()
  admitone_check_kind(${arg_NAME} ${arg_KIND})
  if(NOT arg_SOURCES)
    return()
  endif()
  add_executable(${arg_NAME} ${arg_SOURCES})
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_include_directories(${arg_NAME} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  list(TRANSFORM arg_VENDORS PREPEND admitone_vendor_ OUTPUT_VARIABLE vendor_targets)
  foreach(vendor IN LISTS arg_VENDORS)
    admitone_find_vendor(${vendor} "test '${arg_NAME}'")
  endforeach()
  set(room_targets ${arg_ROOM} ${arg_ROOMS})
  list(TRANSFORM room_targets PREPEND admitone_)
  target_link_libraries(${arg_NAME} PRIVATE ${room_targets} ${vendor_targets} admitone_vendor_gtest GTest::gmock_main)
  if(ADMITONE_PCH)
    target_precompile_headers(${arg_NAME} REUSE_FROM admitone_precompiled_test)
  endif()
  add_dependencies(tests_${arg_KIND} ${arg_NAME})
  # `app` is a third of what there is to compile, and what is of the sanitizers' sort is below it.
  set(labels ${arg_KIND})
  if(arg_KIND STREQUAL "unit" AND NOT arg_ROOM STREQUAL "app")
    list(APPEND labels rooms)
    add_dependencies(tests_rooms ${arg_NAME})
  endif()
  add_test(NAME ${arg_NAME} COMMAND ${arg_NAME})
  # Nothing but skipped cases is a skipped program, not one that passed.
  set_tests_properties(${arg_NAME} PROPERTIES SKIP_REGULAR_EXPRESSION
    "PASSED  . 0 tests\\.\n.  SKIPPED . [0-9]+ tests?, listed below:\n(.  SKIPPED . [^\n]*\n)+[ \n]*$")
  admitone_register_test(${arg_NAME} ${arg_KIND} "${arg_TIMEOUT}")
  set_tests_properties(${arg_NAME} PROPERTIES LABELS "${labels}")
  admitone_record_sources(${arg_SOURCES})
endfunction()

function(admitone_script_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;KIND;TIMEOUT" "COMMAND;DEPENDS")
  admitone_check_kind(${arg_NAME} ${arg_KIND})
  if(NOT arg_KIND STREQUAL "architecture")
    # A script that is not about the sources is about the program.
    add_dependencies(tests_${arg_KIND} admitone ${arg_DEPENDS})
  endif()
  add_test(NAME ${arg_NAME} COMMAND ${arg_COMMAND} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  admitone_register_test(${arg_NAME} ${arg_KIND} "${arg_TIMEOUT}")
endfunction()

add_custom_target(tests_rooms)
# One target per kind, so that running the unit tests does not wait for the others to be built.
foreach(kind IN LISTS ADMITONE_TEST_KINDS)
  add_custom_target(tests_${kind})
  if(kind MATCHES "^(pgtest|kafkatest|stacktest|faults)$")
    # Some of these start the program.
    add_dependencies(tests_${kind} admitone)
  endif()
endforeach()

if(BUILD_TESTING)
  admitone_find_vendor(gtest "the tests")
  if(ADMITONE_PCH)
    file(WRITE "${CMAKE_BINARY_DIR}/precompiled/test.cpp" "")
    add_library(admitone_precompiled_test OBJECT "${CMAKE_BINARY_DIR}/precompiled/test.cpp")
    target_link_libraries(admitone_precompiled_test PRIVATE admitone_vendor_gtest)
    target_precompile_headers(
      admitone_precompiled_test PRIVATE ${ADMITONE_STD_HEADERS} <gtest/gtest.h> <gmock/gmock.h>)
  endif()
endif()
