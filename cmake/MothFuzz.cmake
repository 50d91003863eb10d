# SPDX-License-Identifier: MIT
#
# moth_fuzz_target(NAME SOURCES file… [LIBRARIES target…])
#
# A decoder under fuzzing: SOURCES define LLVMFuzzerTestOneInput. With the fuzz preset it is a libFuzzer
# program; otherwise it has a plain main that runs the files it is given. Either way the test `fuzz/NAME` runs
# the corpus kept in tests/fuzz/corpus/NAME.
function(moth_fuzz_target name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
    set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    add_executable(fuzz_${name} ${arg_SOURCES})
    target_link_libraries(fuzz_${name} PRIVATE moth_flags moth_instrument ${arg_LIBRARIES})
    if(MOTH_INSTRUMENT STREQUAL "fuzz")
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        add_test(NAME fuzz/${name} COMMAND fuzz_${name} -runs=0 -rss_limit_mb=512 ${corpus})
    else()
        target_sources(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/standalone.c)
        add_test(NAME fuzz/${name} COMMAND fuzz_${name} ${corpus})
    endif()
    set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
