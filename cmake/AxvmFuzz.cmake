# Fuzzing: libFuzzer harnesses in preset fuzz, run by `./x fuzz NAME`; the same harnesses as ordinary
# tests everywhere else.

option(AXVM_FUZZ "Build the libFuzzer harnesses (needs clang)" OFF)

if(AXVM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# A harness: files that define LLVMFuzzerTestOneInput. With AXVM_FUZZ the executable fuzz_<name>;
# otherwise the test "fuzz: <name>", which runs it on the seeds in corpus/<name>/ and on RUNS
# pseudo-random inputs. Link what it needs with axvm_fuzz(<name> files… LINK targets… RUNS n).
function(axvm_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "RUNS" "LINK")
  if(AXVM_FUZZ)
    set(target fuzz_${name})
    add_executable(${target} ${arg_UNPARSED_ARGUMENTS})
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  else()
    set(target replay_${name})
    add_executable(${target} ${arg_UNPARSED_ARGUMENTS} ${PROJECT_SOURCE_DIR}/fuzz/replay.cpp)
    add_test(NAME "fuzz: ${name}"
      COMMAND ${target} ${arg_RUNS} ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
    set_tests_properties("fuzz: ${name}" PROPERTIES TIMEOUT 120)
  endif()
  axvm_target(${target})
  target_link_libraries(${target} PRIVATE ${arg_LINK})
endfunction()
