# Bare-metal riscv64 with the distribution's GNU cross compiler: no OS, no exceptions, no RTTI, and no
# floating point, whose registers are a guest's. The C library's headers, which C++'s include, are there for
# its ABI only.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(CMAKE_CXX_COMPILER riscv64-linux-gnu-g++)
set(CMAKE_ASM_COMPILER riscv64-linux-gnu-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_CXX_FLAGS_INIT
  "-ffreestanding -march=rv64imac_zicsr_zifencei -mabi=lp64 -U__riscv_float_abi_soft -D__riscv_float_abi_double -mcmodel=medany -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-stack-protector -fno-pic -fno-asynchronous-unwind-tables")
set(CMAKE_ASM_FLAGS_INIT "-march=rv64imac_zicsr_zifencei -mabi=lp64")
