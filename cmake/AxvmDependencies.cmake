# Libraries from the distribution. Unicorn and Capstone need a recent version: `./x setup` installs them.

find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(benchmark REQUIRED)
find_package(doctest REQUIRED)
include(doctest)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(capstone REQUIRED IMPORTED_TARGET capstone>=5)
pkg_check_modules(unicorn IMPORTED_TARGET unicorn>=2.1.4)
if(NOT unicorn_FOUND)
  message(FATAL_ERROR "Unicorn >= 2.1.4 is needed (older ones lack UC_HOOK_TLB_FILL or give "
                      "imprecise PCs). Run ./x setup, or install it and set PKG_CONFIG_PATH.")
endif()
find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
