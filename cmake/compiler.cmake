# The compiler gate and the flags of all our code.
option(SLUICE_ALLOW_GCC12 "Build with a g++ that miscompiles coroutines (docs/adr/0002)" OFF)
option(SLUICE_TESTS "Build the tests" ON)
option(SLUICE_CONSOLE "Build the web console (needs Node) and take it into the program" OFF)
option(SLUICE_BENCH "Build the benchmarks" OFF)
option(SLUICE_FUZZ "Build the fuzzers with libFuzzer instead of as corpus replays" OFF)
set(SLUICE_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13 AND NOT SLUICE_ALLOW_GCC12)
  message(FATAL_ERROR "g++ ${CMAKE_CXX_COMPILER_VERSION} miscompiles Boost.Asio coroutines silently; use clang++-19 "
                      "(cmake --preset dev), or give -DSLUICE_ALLOW_GCC12=ON")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# What most files include is compiled once (cmake/precompiled.hpp). ccache knows such a header by its
# contents then, so these must not depend on when it was compiled.
option(SLUICE_PRECOMPILE "Compile the headers that most files include once" ON)
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang" OR SLUICE_FUZZ)
  set(SLUICE_PRECOMPILE OFF)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
if(SLUICE_PRECOMPILE)
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
endif()

# Some source files of a folder are compiled as one: their own headers are read once too, which saves
# half of what is left. So names in unnamed namespaces are unique within a folder; which files meet
# changes with each new one, and -DSLUICE_UNITY_FILES=0 finds all clashes.
option(SLUICE_UNITY "Compile the source files of a folder together, a few at a time" ON)
set(SLUICE_UNITY_FILES 10 CACHE STRING "How many at a time; 0: a whole folder")
set(CMAKE_UNITY_BUILD ${SLUICE_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE ${SLUICE_UNITY_FILES})

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_link_options(-fuse-ld=lld)
  # Debug information only for our own frames: a third of the build time otherwise.
  add_compile_options($<$<CONFIG:Debug>:-gline-tables-only>)
  # The path of a message crosses libraries: 3 to 7 % fewer instructions. lld reads archives without
  # an index, so Debian's ar does; the cache keeps a link from optimising again what did not change.
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    add_compile_options(-flto=thin)
    add_link_options(-flto=thin -Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/thinlto)
    # Nothing is resolved later, so what points at functions can be made read-only at the start.
    add_link_options(-Wl,-z,relro,-z,now)
  endif()
endif()

if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
  if(SLUICE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

# Coverage feedback from the libraries too, not from the fuzzers' own files alone.
if(SLUICE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
