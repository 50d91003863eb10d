# SPDX-License-Identifier: MIT
# cmake -DOUT=x.c -DNAMES=a,b -DFILES=a.css,b.js -P embed.cmake: the files as C arrays moth_html_<name>, each with
# its size and the hash by which a Content-Security-Policy allows it ("sha256-…").
function(base64_of_hex hex out)
    set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    set(text "")
    # 32 bytes are 43 digits of six bits and a pad; three hex digits are two of them.
    foreach(at RANGE 0 63 3)
        string(SUBSTRING "${hex}00" ${at} 3 three)
        math(EXPR value "0x${three}")
        math(EXPR high "${value} >> 6")
        math(EXPR low "${value} & 63")
        string(SUBSTRING "${alphabet}" ${high} 1 first)
        string(SUBSTRING "${alphabet}" ${low} 1 second)
        string(APPEND text "${first}${second}")
    endforeach()
    string(SUBSTRING "${text}" 0 43 text)
    set(${out} "${text}=" PARENT_SCOPE)
endfunction()

string(REPLACE "," ";" names "${NAMES}")
string(REPLACE "," ";" files "${FILES}")
set(code "/* Made by embed.cmake. */\n#include \"reports/html/assets.h\"\n")
foreach(name file IN ZIP_LISTS names files)
    file(READ "${file}" hex HEX)
    file(SHA256 "${file}" hash)
    string(LENGTH "${hex}" digits)
    math(EXPR size "${digits} / 2")
    base64_of_hex("${hash}" base64)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n"
        bytes "${bytes}")
    string(APPEND code
        "static const unsigned char ${name}_bytes[] = {\n${bytes}0};\n"
        "const struct moth_html_asset moth_html_${name} = {(const char *)${name}_bytes, ${size}, \"sha256-${base64}\"};\n")
endforeach()
file(WRITE "${OUT}" "${code}")
