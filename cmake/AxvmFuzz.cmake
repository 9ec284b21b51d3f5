# Fuzzing: each harness is an ordinary test; with AXVM_FUZZ it is a libFuzzer executable as well, which
# `./x fuzz NAME` runs.

option(AXVM_FUZZ "Build the libFuzzer harnesses (needs clang)" OFF)

if(AXVM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# A harness: files that define LLVMFuzzerTestOneInput. The test "fuzz: <name>" runs it on the seeds in
# corpus/<name>/ and on RUNS pseudo-random inputs. Link what it needs with
# axvm_fuzz(<name> files… LINK targets… RUNS n).
function(axvm_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "RUNS" "LINK")
  add_library(harness_${name} OBJECT ${arg_UNPARSED_ARGUMENTS})
  axvm_target(harness_${name})
  target_link_libraries(harness_${name} PUBLIC ${arg_LINK})
  add_executable(replay_${name} ${PROJECT_SOURCE_DIR}/fuzz/replay.cpp)
  axvm_target(replay_${name})
  target_link_libraries(replay_${name} PRIVATE harness_${name})
  add_test(NAME "fuzz: ${name}"
    COMMAND replay_${name} ${arg_RUNS} ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
  set_tests_properties("fuzz: ${name}" PROPERTIES TIMEOUT 120)
  if(AXVM_FUZZ)
    add_executable(fuzz_${name} $<TARGET_OBJECTS:harness_${name}>)
    target_link_libraries(fuzz_${name} PRIVATE ${arg_LINK})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()
