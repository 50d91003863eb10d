# SPDX-License-Identifier: MIT
# moth_flags: warnings, language level and include folders. Every target links it PRIVATE.
# moth_instrument: sanitizers, fuzzing or coverage. It comes with moth_base, so everything on the
# runner's side has it, and the probe and the fixture games, which live in other processes and do not
# link moth_base, never do.
add_library(moth_flags INTERFACE)
target_compile_features(moth_flags INTERFACE c_std_17)
target_include_directories(moth_flags INTERFACE ${PROJECT_SOURCE_DIR}/harness ${PROJECT_SOURCE_DIR}
                                                ${PROJECT_SOURCE_DIR}/harness/include)
target_compile_definitions(moth_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE>)
target_compile_options(moth_flags INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wvla
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<BOOL:${MOTH_WERROR}>:-Werror>)

add_library(moth_instrument INTERFACE)
if(MOTH_INSTRUMENT STREQUAL "asan")
    set(instrument_flags -fsanitize=address,undefined -fno-sanitize-recover=undefined
                         -fno-omit-frame-pointer)
elseif(MOTH_INSTRUMENT STREQUAL "fuzz")
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "MOTH_INSTRUMENT=fuzz needs clang (the fuzz preset sets it)")
    endif()
    set(instrument_flags -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
                         -fno-omit-frame-pointer)
elseif(MOTH_INSTRUMENT STREQUAL "coverage")
    set(instrument_flags --coverage)
elseif(MOTH_INSTRUMENT STREQUAL "none")
    set(instrument_flags)
else()
    message(FATAL_ERROR "MOTH_INSTRUMENT is \"${MOTH_INSTRUMENT}\": use none, asan, fuzz or coverage")
endif()
target_compile_options(moth_instrument INTERFACE ${instrument_flags})
target_link_options(moth_instrument INTERFACE ${instrument_flags})
