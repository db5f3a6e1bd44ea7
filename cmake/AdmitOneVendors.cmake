# Every foreign library, by the short name that rooms and tests use. Looked up when the first room asks for it.
#
#   admitone_vendor(<name> PACKAGE <find_package name> TARGETS <imported targets>   | PKGCONFIG <module>
#                   HEADERS <include prefixes or files that belong to it> [PRECOMPILE <header>])
#
# HEADERS feeds the include scan of tests/architecture; PRECOMPILE names what is worth precompiling for its users.

find_package(PkgConfig REQUIRED)

function(admitone_vendor name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "PACKAGE;PKGCONFIG;PRECOMPILE" "TARGETS;HEADERS")
  foreach(field PACKAGE PKGCONFIG PRECOMPILE TARGETS HEADERS)
    set_property(GLOBAL PROPERTY ADMITONE_VENDOR_${name}_${field} "${arg_${field}}")
  endforeach()
  set_property(GLOBAL APPEND PROPERTY ADMITONE_VENDORS ${name})
endfunction()

# Makes the target admitone_vendor_<name>; a name that is not in the table below is an error of the caller.
function(admitone_find_vendor name user)
  if(TARGET admitone_vendor_${name})
    return()
  endif()
  get_property(known GLOBAL PROPERTY ADMITONE_VENDORS)
  if(NOT name IN_LIST known)
    message(FATAL_ERROR "${user} asks for the vendor '${name}', which cmake/AdmitOneVendors.cmake does not list")
  endif()
  get_property(package GLOBAL PROPERTY ADMITONE_VENDOR_${name}_PACKAGE)
  get_property(module GLOBAL PROPERTY ADMITONE_VENDOR_${name}_PKGCONFIG)
  get_property(targets GLOBAL PROPERTY ADMITONE_VENDOR_${name}_TARGETS)
  if(package)
    find_package(${package} REQUIRED)
  else()
    string(MAKE_C_IDENTIFIER "ADMITONE_PC_${name}" prefix)
    pkg_check_modules(${prefix} REQUIRED IMPORTED_TARGET GLOBAL ${module})
    set(targets PkgConfig::${prefix})
  endif()
  add_library(admitone_vendor_${name} INTERFACE)
  target_link_libraries(admitone_vendor_${name} INTERFACE ${targets})
endfunction()

admitone_vendor(fmt PACKAGE fmt TARGETS fmt::fmt HEADERS fmt/)
admitone_vendor(spdlog PACKAGE spdlog TARGETS spdlog::spdlog HEADERS spdlog/)
admitone_vendor(nlohmann_json PACKAGE nlohmann_json TARGETS nlohmann_json::nlohmann_json HEADERS nlohmann/
                PRECOMPILE <nlohmann/json.hpp>)
admitone_vendor(openssl PACKAGE OpenSSL TARGETS OpenSSL::SSL OpenSSL::Crypto HEADERS openssl/)
admitone_vendor(libpqxx PKGCONFIG libpqxx HEADERS pqxx/ PRECOMPILE <pqxx/pqxx>)
admitone_vendor(libpq PKGCONFIG libpq HEADERS libpq-fe.h libpq-events.h pg_config.h postgres_ext.h libpq/)
admitone_vendor(rdkafka PKGCONFIG rdkafka HEADERS librdkafka/)
admitone_vendor(curl PKGCONFIG libcurl HEADERS curl/)
admitone_vendor(hiredis PKGCONFIG hiredis HEADERS hiredis/)
admitone_vendor(jemalloc PKGCONFIG jemalloc HEADERS jemalloc/)
admitone_vendor(sodium PKGCONFIG libsodium HEADERS sodium.h sodium/)
admitone_vendor(prometheus PACKAGE prometheus-cpp TARGETS prometheus-cpp::core HEADERS prometheus/)
admitone_vendor(httplib PKGCONFIG cpp-httplib HEADERS httplib.h PRECOMPILE <httplib.h>)
admitone_vendor(cli11 PACKAGE CLI11 TARGETS CLI11::CLI11 HEADERS CLI/ PRECOMPILE <CLI/CLI.hpp>)
admitone_vendor(yaml-cpp PACKAGE yaml-cpp TARGETS yaml-cpp HEADERS yaml-cpp/)
admitone_vendor(rapidcheck PACKAGE rapidcheck TARGETS rapidcheck HEADERS rapidcheck.h rapidcheck/)
admitone_vendor(benchmark PACKAGE benchmark TARGETS benchmark::benchmark HEADERS benchmark/)
admitone_vendor(gtest PACKAGE GTest TARGETS GTest::gmock GTest::gtest HEADERS gtest/ gmock/)
