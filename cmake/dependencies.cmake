# Everything comes from Debian 12: packages.txt says which package.
find_package(Threads REQUIRED)
set(Boost_NO_WARN_NEW_VERSIONS ON)  # CMake 3.25 is older than this Boost and says so at length
find_package(Boost 1.81 EXACT REQUIRED COMPONENTS json)
find_package(tl-expected REQUIRED)
find_package(RocksDB REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(protobuf REQUIRED IMPORTED_TARGET protobuf)

# jq comes without a .pc file and without a CMake package.
find_path(JQ_INCLUDE jq.h REQUIRED)
find_library(JQ_LIBRARY jq REQUIRED)
add_library(sluice_jq INTERFACE)
target_include_directories(sluice_jq SYSTEM INTERFACE ${JQ_INCLUDE})
target_link_libraries(sluice_jq INTERFACE ${JQ_LIBRARY})

# The allocator of the server (docs/adr/0012-allocator.md); a sanitizer brings its own.
if(NOT SLUICE_SANITIZE)
  pkg_check_modules(jemalloc REQUIRED IMPORTED_TARGET jemalloc)
endif()

# One Asio everywhere: no deprecated calls, and its clock types only where they are used.
add_library(sluice_boost INTERFACE)
target_link_libraries(sluice_boost INTERFACE Boost::headers Boost::json Threads::Threads)
target_compile_definitions(sluice_boost INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_DATE_TIME
                                                  BOOST_JSON_NO_LIB)
