# The installed package: libraries, headers, the command line tool, CMake package and pkg-config files.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# Headers keep the paths by which they include each other, in a folder of their own.
set(AXVM_INCLUDE_DIR ${CMAKE_INSTALL_INCLUDEDIR}/axvm-${PROJECT_VERSION})
set(AXVM_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/axvm)

foreach(component core sim hal_sim)
  set_target_properties(axvm_${component} PROPERTIES EXPORT_NAME ${component})
  target_compile_features(axvm_${component} PUBLIC cxx_std_23)
  install(TARGETS axvm_${component} EXPORT axvm-${component}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    INCLUDES DESTINATION ${AXVM_INCLUDE_DIR})
  install(EXPORT axvm-${component} NAMESPACE axvm:: DESTINATION ${AXVM_PACKAGE_DIR})
endforeach()
install(TARGETS axvm RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

install(DIRECTORY ${PROJECT_SOURCE_DIR}/core/include/axvm DESTINATION ${AXVM_INCLUDE_DIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/core ${PROJECT_SOURCE_DIR}/sim
  ${PROJECT_SOURCE_DIR}/hal-common ${PROJECT_SOURCE_DIR}/hal-sim DESTINATION ${AXVM_INCLUDE_DIR}
  FILES_MATCHING PATTERN "*.hpp" PATTERN include EXCLUDE)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/axvm-config.cmake.in axvm-config.cmake
  INSTALL_DESTINATION ${AXVM_PACKAGE_DIR})
write_basic_package_version_file(axvm-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/axvm-config.cmake ${PROJECT_BINARY_DIR}/axvm-config-version.cmake
  DESTINATION ${AXVM_PACKAGE_DIR})

foreach(file axvm axvm-core)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${file}.pc.in ${file}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${file}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
