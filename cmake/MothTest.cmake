# SPDX-License-Identifier: MIT
#
# moth_unit_test(NAME SOURCES file… [LIBRARIES target…] [WRAP function…] [TIMEOUT seconds])
#
# One cmocka program and one CTest test `unit/NAME`. It gets MOTH_FIXTURES, the folder of the test's
# fixtures. WRAP sends a libc function through __wrap_NAME, also in the libraries under test.
function(moth_unit_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LIBRARIES;WRAP")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    add_executable(test_${name} ${arg_SOURCES})
    target_link_libraries(test_${name} PRIVATE moth_flags moth_instrument ${arg_LIBRARIES} PkgConfig::CMOCKA)
    target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/unit)
    target_compile_definitions(test_${name} PRIVATE MOTH_FIXTURES="${PROJECT_SOURCE_DIR}/tests/unit/fixtures")
    foreach(function IN LISTS arg_WRAP)
        target_link_options(test_${name} PRIVATE LINKER:--wrap=${function})
    endforeach()
    add_test(NAME unit/${name} COMMAND test_${name})
    set_tests_properties(unit/${name} PROPERTIES LABELS unit SKIP_RETURN_CODE 77 TIMEOUT ${arg_TIMEOUT})
endfunction()
