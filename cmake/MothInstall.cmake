# SPDX-License-Identifier: MIT
# What `cmake --install` leaves: bin/moth, the probe, moth.h, the shipped scripts, schemas, pkg-config and a
# CMake package. harness/base/shipped.c finds them again by moth's own place.
include(CMakePackageConfigHelpers)

if(TARGET moth)
    install(TARGETS moth RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

install(FILES harness/include/moth/moth.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/moth)
install(DIRECTORY agents DESTINATION ${CMAKE_INSTALL_DATADIR}/moth FILES_MATCHING PATTERN "*.lua")
if(EXISTS ${PROJECT_SOURCE_DIR}/scenarios)
    install(DIRECTORY scenarios DESTINATION ${CMAKE_INSTALL_DATADIR}/moth FILES_MATCHING PATTERN "*.lua")
endif()

install(FILES reports/schema/run.schema.json reports/schema/finding.schema.json reports/schema/doctor.schema.json
    reports/schema/compare.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/moth/schema)

# moth::header is moth.h alone; moth::probe is a game that carries the probe by linking it.
add_library(moth_header INTERFACE)
target_include_directories(moth_header INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/harness/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(moth_header PROPERTIES EXPORT_NAME header)
add_library(moth::header ALIAS moth_header)
install(TARGETS moth_header EXPORT mothTargets)
if(TARGET moth_probe)
    set_target_properties(moth_probe PROPERTIES EXPORT_NAME probe)
    target_link_libraries(moth_probe INTERFACE moth_header)
    # Nothing in the game refers to it by a strong symbol, so --as-needed would drop it again.
    target_link_options(moth_probe INTERFACE LINKER:--no-as-needed)
    install(TARGETS moth_probe EXPORT mothTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()

install(EXPORT mothTargets NAMESPACE moth:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/moth)
configure_package_config_file(cmake/mothConfig.cmake.in mothConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/moth)
write_basic_package_version_file(mothConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/mothConfig.cmake ${PROJECT_BINARY_DIR}/mothConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/moth)

# The .pc file names its prefix relative to itself, so an installed tree may be moved.
file(RELATIVE_PATH pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/moth.pc.in moth.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/moth.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
