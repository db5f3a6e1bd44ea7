# Compiler, linker and launcher flags shared by every target. Set on the folder, not on targets, so that a
# precompiled header and its users can never disagree.

find_program(ADMITONE_CCACHE ccache)
if(ADMITONE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness is what ccache asks for before it caches a compilation that uses a precompiled header; the base folder
  # lets one checkout profit from what another has compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=true
      ${ADMITONE_CCACHE})
endif()

find_program(ADMITONE_MOLD mold)
if(ADMITONE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wduplicated-cond
  -Wlogical-op -Wformat=2 -Wimplicit-fallthrough)
if(ADMITONE_WARNINGS_AS_ERRORS)
  add_compile_options(-Werror)
endif()

# Everything ends in a position independent executable; one flag for libraries and programs alike keeps their
# precompiled headers interchangeable.
add_compile_options(-fPIE)
add_link_options(-pie)
add_compile_definitions(_GLIBCXX_ASSERTIONS)

if(ADMITONE_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)
endif()

if(ADMITONE_HARDENED)
  add_compile_options(
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    add_compile_options(-fcf-protection=full)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    add_compile_options(-mbranch-protection=standard)
  endif()
  add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()

if(ADMITONE_SANITIZE)
  add_compile_options(-fsanitize=${ADMITONE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ADMITONE_SANITIZE})
  if(ADMITONE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

if(ADMITONE_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

if(ADMITONE_FAILPOINTS)
  add_compile_definitions(ADMITONE_FAILPOINTS=1)
else()
  add_compile_definitions(ADMITONE_FAILPOINTS=0)
endif()
