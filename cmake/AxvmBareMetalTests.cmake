# The images of cmake/AxvmBareMetal.cmake under QEMU: the same guests, the same core, as in the
# simulation.
#
#   axvm_bare_metal_tests(<mode> <isa> <prefix of the tests' names> <QEMU>
#     TIMED <guest>… ON_TWO_CPUS <guest>… ON_ONE_CPU <guest>…)
#
# Guests that look at clocks (TIMED) agree up to time, and so does each VM of several, as long as it
# does not look for the other one again and again; of several vCPUs nothing but their end can be the
# same: on CPUs of their own, or taking turns on one. compare.py has more options for a guest in the
# caller's options_<guest>. The folder of the caller has random_tables.cpp and bare_metal_test.py.
function(axvm_bare_metal_tests mode isa prefix qemu)
  cmake_parse_arguments(PARSE_ARGV 4 arg "" "" "TIMED;ON_TWO_CPUS;ON_ONE_CPU")
  set(images ${AXVM_${mode}_DIR})
  string(TOLOWER ${mode} name)
  set(scripts ${PROJECT_SOURCE_DIR}/tests/hal-metal)
  set(environment AXVM=$<TARGET_FILE:axvm> AXVM_CONFIGS=${PROJECT_SOURCE_DIR}/configs AXVM_ISA=${isa}
    PYTHONDONTWRITEBYTECODE=1 "PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/tools:${scripts}"
    AXVM_IMAGES=${images} AXVM_GUEST_SOURCES=${PROJECT_BINARY_DIR}/hal-${name}/guests)

  foreach(guest IN LISTS AXVM_${mode}_GUESTS)
    set(comparison ${options_${guest}})
    if(guest IN_LIST arg_ON_TWO_CPUS)
      list(APPEND comparison --cpus 2)
    elseif(NOT guest IN_LIST arg_ON_ONE_CPU)
      list(APPEND comparison --axvm $<TARGET_FILE:axvm> --config ${AXVM_${mode}_CONFIG_FILES_${guest}})
    endif()
    if(guest IN_LIST arg_TIMED)
      list(APPEND comparison --up-to-time)
    endif()
    add_test(NAME "${prefix}: ${guest}" COMMAND Python3::Interpreter ${scripts}/compare.py
      ${images}/${guest}.elf --mode ${mode} --qemu ${qemu} ${comparison})
    set_tests_properties("${prefix}: ${guest}" PROPERTIES TIMEOUT 150 ENVIRONMENT "${environment}")
  endforeach()

  add_executable(axvm_random_tables_${isa} random_tables.cpp)
  axvm_target(axvm_random_tables_${isa})
  target_link_libraries(axvm_random_tables_${isa} PRIVATE axvm::sim)
  set(random_tables "${prefix}: random tables translate the same")
  add_test(NAME ${random_tables} COMMAND Python3::Interpreter ${scripts}/translate_test.py ${mode}
    $<TARGET_FILE:axvm_random_tables_${isa}> ${images}/translate.elf ${qemu})
  set(size "${prefix}: the size of an image")
  add_test(NAME ${size} COMMAND Python3::Interpreter ${scripts}/size_test.py)
  set(corpus "${prefix}: each case of the corpus traps")
  add_test(NAME ${corpus} COMMAND Python3::Interpreter ${scripts}/corpus_test.py)
  set(tool "${prefix}: console, status, trace")
  add_test(NAME ${tool}
    COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/bare_metal_test.py)
  set_tests_properties(${random_tables} ${size} ${corpus} ${tool} PROPERTIES
    TIMEOUT 150 ENVIRONMENT "${environment}")

  set(linux "${prefix}: Debian's kernel")
  add_test(NAME ${linux} COMMAND Python3::Interpreter ${scripts}/third_party_test.py Linux)
  set(u_boot "${prefix}: U-Boot")
  add_test(NAME ${u_boot} COMMAND Python3::Interpreter ${scripts}/third_party_test.py UBoot)
  set_tests_properties(${linux} ${u_boot} PROPERTIES
    LABELS third-party SKIP_RETURN_CODE 77 TIMEOUT 400 ENVIRONMENT "${environment}")
endfunction()
