# How every target of this project is compiled.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

option(AXVM_WERROR "Warnings are errors" ON)
set(AXVM_SANITIZE "" CACHE STRING "Sanitizers of the whole build, e.g. address,undefined")

find_program(CCACHE ccache)
if(CCACHE)
  # Paths below the checkout count as relative ones: another checkout finds what this one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

if(AXVM_SANITIZE)
  add_compile_options(-fsanitize=${AXVM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${AXVM_SANITIZE})
endif()

if(AXVM_SANITIZE STREQUAL "thread")
  # It looks for one of clang's own version only.
  find_program(AXVM_SYMBOLIZER NAMES llvm-symbolizer-19 llvm-symbolizer llvm-symbolizer-14)
  if(AXVM_SYMBOLIZER)
    set(AXVM_TSAN_OPTIONS "TSAN_OPTIONS=external_symbolizer_path=${AXVM_SYMBOLIZER}")
  endif()
endif()

# Includes are written from the repository's root (<sim/…>, <core/…>); core's public headers as <axvm/…>.
function(axvm_target target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # false in std::string at -O3 (GCC bug 105651)
    $<$<BOOL:${AXVM_WERROR}>:-Werror>)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
endfunction()

# A doctest executable whose cases become tests of ctest, named after the executable. RapidCheck's
# properties see the same inputs in every run; run the executable itself for others.
function(axvm_test target)
  add_executable(${target} ${ARGN})
  axvm_target(${target})
  set(timeout 120)
  if(AXVM_SANITIZE)
    set(timeout 600)
    target_compile_options(${target} PRIVATE -O0)  # instrumented checks take most of the compiler's time
  endif()
  target_link_libraries(${target} PRIVATE axvm::test_main)
  doctest_discover_tests(${target} TEST_PREFIX "${target}: " PROPERTIES TIMEOUT ${timeout}
    ENVIRONMENT "RC_PARAMS=seed=20240607;${AXVM_TSAN_OPTIONS}")
endfunction()
