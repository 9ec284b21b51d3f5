# libFuzzer harnesses, built by preset fuzz and run by `./x fuzz NAME`.

option(AXVM_FUZZ "Build the libFuzzer harnesses (needs clang)" OFF)

if(AXVM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# The executable fuzz_<name> of files that define LLVMFuzzerTestOneInput; nothing without AXVM_FUZZ.
# Link what it needs with axvm_fuzz(<name> files… LINK targets…).
function(axvm_fuzz name)
  if(NOT AXVM_FUZZ)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINK")
  add_executable(fuzz_${name} ${arg_UNPARSED_ARGUMENTS})
  axvm_target(fuzz_${name})
  target_link_libraries(fuzz_${name} PRIVATE ${arg_LINK})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()
