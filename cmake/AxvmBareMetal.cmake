# The core on bare metal: one ELF image per guest, or per group of guests that belong together, for
# QEMU's `virt` boards.
#
# A build for the host turns each guest's configuration into sources (axvm bare-metal --sources) and
# builds itself a second time with the cross compiler, from the same sources of core/; the tests run
# the images. That cross build (AXVM_FREESTANDING) makes the images <build>/<folder>/<guest>.elf from
# the guests' sources in AXVM_<mode>_SOURCES_DIR. <mode> is EL2 or HS, <folder> hal-el2 or hal-hs.

# In a build for the host: axvm_bare_metal_host(<mode> <isa> GUESTS <guest>… IMAGES <other image>…).
# An image with other configurations than the one of its name has them in AXVM_<mode>_CONFIGS_<guest>.
function(axvm_bare_metal_host mode isa)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "GUESTS;IMAGES")
  string(TOLOWER ${mode} name)
  set(cross ${CMAKE_CURRENT_BINARY_DIR}/cross)
  set(images_dir ${cross}/hal-${name})
  set(AXVM_${mode}_DIR ${images_dir} CACHE INTERNAL "The built ${mode} images")
  set(AXVM_${mode}_GUESTS ${arg_GUESTS} CACHE INTERNAL "Guests with an ${mode} image")
  set(sources_dir ${CMAKE_CURRENT_BINARY_DIR}/guests)
  set(stamps)
  foreach(guest IN LISTS arg_GUESTS)
    set(configs ${AXVM_${mode}_CONFIGS_${guest}})
    if(NOT configs)
      set(configs ${guest})
    endif()
    list(TRANSFORM configs REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/configs/\\1-${isa}.toml")
    set(AXVM_${mode}_CONFIG_FILES_${guest} ${configs} CACHE INTERNAL "Configurations of an ${mode} image")
    set(stamp ${sources_dir}/${guest}.stamp)
    add_custom_command(OUTPUT ${stamp}
      COMMAND axvm bare-metal ${configs} --sources ${sources_dir}/${guest} --trace-tables
      COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
      DEPENDS axvm ${configs} ${AXVM_GUESTS_DIR}/${isa}/${guest}.bin
      COMMENT "Writing the ${mode} sources of guest ${guest}" VERBATIM)
    list(APPEND stamps ${stamp})
  endforeach()
  add_custom_target(axvm_${name}_sources DEPENDS ${stamps})
  add_dependencies(axvm_${name}_sources axvm_guests)

  include(ExternalProject)
  list(TRANSFORM arg_GUESTS PREPEND ${images_dir}/ OUTPUT_VARIABLE images)
  list(TRANSFORM arg_IMAGES PREPEND ${images_dir}/ OUTPUT_VARIABLE others)
  list(APPEND images ${others})
  list(TRANSFORM images APPEND .elf)
  # Images are the same whatever instruments the build around them.
  set(only_when_named OFF)
  if(AXVM_SANITIZE)
    set(only_when_named ON)
  endif()
  ExternalProject_Add(axvm_${name}
    EXCLUDE_FROM_ALL ${only_when_named}
    SOURCE_DIR ${PROJECT_SOURCE_DIR}
    BINARY_DIR ${cross}
    PREFIX ${CMAKE_CURRENT_BINARY_DIR}/external
    CMAKE_ARGS -DCMAKE_TOOLCHAIN_FILE=${PROJECT_SOURCE_DIR}/cmake/freestanding-${isa}.cmake
               -DCMAKE_BUILD_TYPE=MinSizeRel
               -DAXVM_FREESTANDING=ON
               -DAXVM_${mode}_SOURCES_DIR=${sources_dir}
    BUILD_COMMAND ${CMAKE_COMMAND} --build <BINARY_DIR> --target axvm_${name}_images
    BUILD_ALWAYS ON
    BUILD_BYPRODUCTS ${images}
    INSTALL_COMMAND ""
    DEPENDS axvm_${name}_sources)
endfunction()

# In a cross build: what makes an executable an image, <name>.elf.
function(axvm_bare_metal_link target name)
  target_link_options(${target} PRIVATE -nostdlib -static -no-pie -Wl,--build-id=none
    -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments -T ${CMAKE_CURRENT_SOURCE_DIR}/image.ld)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} SUFFIX .elf
    LINKER_LANGUAGE CXX LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/image.ld)
endfunction()

# In a cross build: axvm_bare_metal_images(<mode> GUESTS <guest>… SOURCES <source>…). The sources are
# those of the mode, to which hal-metal/ has the rest. All of an image but its guest is the library
# axvm_<mode>, for `axvm bare-metal`.
function(axvm_bare_metal_images mode)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "GUESTS;SOURCES")
  string(TOLOWER ${mode} name)
  set(parts axvm_hal_${name} axvm_hal_metal axvm_metal_basics)
  add_library(axvm_hal_${name} OBJECT ${arg_SOURCES})
  axvm_target(axvm_hal_${name})
  target_link_libraries(axvm_hal_${name} PUBLIC axvm::core)
  list(TRANSFORM parts REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
  add_library(axvm_${name} STATIC ${objects})
  add_custom_target(axvm_${name}_images)
  add_dependencies(axvm_${name}_images axvm_${name})
  foreach(guest IN LISTS arg_GUESTS)
    set(image axvm_${name}_${guest})
    set(sources ${AXVM_${mode}_SOURCES_DIR}/${guest})
    add_executable(${image} EXCLUDE_FROM_ALL ${sources}/config.cpp ${sources}/pieces.S)
    # What .incbin reads is no dependency that a compiler would find.
    set_property(SOURCE ${sources}/pieces.S APPEND PROPERTY OBJECT_DEPENDS ${sources}.stamp)
    target_link_libraries(${image} PRIVATE ${parts} axvm::core)
    axvm_bare_metal_link(${image} ${guest})
    add_dependencies(axvm_${name}_images ${image})
  endforeach()
endfunction()
