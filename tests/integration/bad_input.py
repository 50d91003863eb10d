# SPDX-License-Identifier: MIT
"""Bad input gets a clear error and the right exit code, and loses nothing."""
import os
import shutil
import stat
import struct
import subprocess

from driver import add, case, check, read_json, skip
from bugs import expect_clean, expect_finding

FAULT = 3
USAGE = 2


def expect_error(result, statuses, *words):
    """One of these exit codes, and an error that holds all the words (case does not matter)."""
    statuses = (statuses,) if isinstance(statuses, int) else statuses
    check(result.status in statuses, f"exit code {statuses} expected\n" + result.describe())
    said = (result.err + result.out).lower()
    for word in words:
        check(word.lower() in said, f"the error does not say '{word}'\n" + result.describe())
    check("traceback (most recent" not in said and "assertion" not in said, result.describe())


def expect_no_half(run):
    """run.json is whole or absent, and holds no finding."""
    check(run.json is None or run.findings == [], f"findings out of bad input: {run.findings}")


def refused(test, words, *game):
    for verb in ("run", "doctor"):
        folder = test.path("out")
        options = ("--out", folder, "--frames", 60) if verb == "run" else ("--frames", 60)
        expect_error(test.moth(verb, *options, "--", *game), FAULT, *words)
    written = read_json(test.path("out", "run.json"))
    check(written is None or (written["findings"] == [] and written["exit_code"] == FAULT), f"{written}")


# --- games ---

@case
def game_missing(test):
    refused(test, ["no-such-game"], test.path("no-such-game"))
    refused(test, ["no-such-game-in-path"], "no-such-game-in-path")


@case
def game_is_a_folder(test):
    refused(test, ["folder"], test.folder)


@case
def game_not_executable(test):
    path = test.path("copy")
    shutil.copy(test.game("null_deref_clean"), path)
    os.chmod(path, 0o644)
    refused(test, ["executable", "copy"], path)


@case
def game_neither_program_nor_script(test):
    refused(test, ["story"], test.write("story", "Once upon a time there was a moth.\n", 0o755))
    refused(test, ["nothing"], test.write("nothing", "", 0o755))


@case
def game_cut_elf(test):
    with open(test.game("null_deref_clean"), "rb") as file:
        refused(test, ["cut"], test.write("cut", file.read(40), 0o755))


@case
def game_32_bit(test):
    with open(test.game("null_deref_clean"), "rb") as file:
        header = bytearray(file.read())
    header[4] = 1  # EI_CLASS: ELFCLASS32
    header[18:20] = struct.pack("<H", 3)  # e_machine: EM_386
    refused(test, ["32"], test.write("old", bytes(header), 0o755))


@case
def game_of_another_machine(test):
    with open(test.game("null_deref_clean"), "rb") as file:
        header = bytearray(file.read())
    header[18:20] = struct.pack("<H", 243)  # e_machine: EM_RISCV
    refused(test, ["machine"], test.write("foreign", bytes(header), 0o755))


@case
def game_of_another_kind(test):
    """A program without SDL reaches no frame: nothing ran, or it could not be attached to."""
    for program in (["/bin/true"], ["/bin/echo", "hello"], ["/bin/cat", "/dev/null"]):
        run = test.run(*program, agent="watcher", frames=60)
        expect_error(run, (FAULT, 4))
        expect_no_half(run)


@case
def game_that_cannot_start(test):
    """Ends by itself before any frame, with a complaint that moth passes on."""
    script = test.write("broken", "#!/bin/sh\necho 'cannot open display' >&2\nexit 1\n", 0o755)
    run = test.run(script, agent="watcher", frames=60)
    expect_error(run, (1, FAULT, 4), "cannot open display")


@case
def game_setgid(test):
    """A copy without the bit is run, and a warning says so."""
    path = test.path("setgid")
    shutil.copy(test.game("null_deref"), path)
    os.chmod(path, 0o2755)
    if not os.stat(path).st_mode & stat.S_ISGID:
        skip("this file system keeps no setgid bit")
    run = test.run(path)
    expect_finding(run, "crash", "open_chest")
    check(any("set" in warning and "copy" in warning for warning in run.json["warnings"]),
          f"no warning about the copy: {run.json['warnings']}")


@case
def game_with_missing_library(test):
    path = test.path("lacking")
    with open(test.game("null_deref_clean"), "rb") as file:
        content = file.read().replace(b"libSDL2-2.0.so.0", b"libSDL2-9.9.so.9")
    test.write("lacking", content, 0o755)
    run = test.run(path, agent="watcher", frames=60)
    expect_error(run, (FAULT, 4), "libSDL2-9.9.so.9")


# --- command line ---

USAGES = {
    "no_verb": [],
    "unknown_verb": ["fly"],
    "unknown_option": ["run", "--no-such-option", "--", "/bin/true"],
    "no_number": ["run", "--frames", "many", "--", "/bin/true"],
    "negative_number": ["run", "--frames", "-5", "--", "/bin/true"],
    "number_too_big": ["run", "--frames", "99999999999999999999", "--", "/bin/true"],
    "bad_duration": ["run", "--duration", "5 parsecs", "--", "/bin/true"],
    "bad_choice": ["run", "--video", "vhs", "--", "/bin/true"],
    "no_game": ["run", "--frames", "5"],
    "no_game_doctor": ["doctor"],
    "agent_unknown": ["run", "--agent", "no-such-agent", "--", "/bin/true"],
    "agent_missing": ["run", "--agent", "./no/such/agent.lua", "--", "/bin/true"],
    "reporter_unknown": ["run", "--reporter", "telegram", "--", "/bin/true"],
    "no_trace": ["replay"],
    "trace_missing": ["replay", "no-such.moth"],
    "env_without_value": ["run", "--env", "NOVALUE", "--", "/bin/true"],
}


def usage(test, args):
    result = test.moth(*args)
    expect_error(result, USAGE)
    check(len(result.err.strip()) > 10, "no word of explanation\n" + result.describe())
    check(not os.path.exists(test.path("moth-out", "findings")) or not os.listdir(test.path("moth-out", "findings")),
          "findings out of wrong usage")


for usage_name, arguments in USAGES.items():
    add(f"bad_input/usage_{usage_name}", usage, arguments)


@case
def help_and_version(test):
    for args in (["--help"], ["--version"], ["run", "--help"], ["replay", "-h"], ["doctor", "--help"]):
        result = test.moth(*args)
        check(result.status == 0 and result.out.strip(), result.describe())


# --- agents ---

@case
def agent_syntax_error(test):
    agent = test.write("crooked.lua", "return function(game)\n    game:step(\nend\n")
    run = test.run(test.game("null_deref"), agent=agent, frames=200)
    expect_error(run, USAGE, "crooked.lua:3")
    expect_no_half(run)


@case
def agent_of_wrong_shape(test):
    for i, content in enumerate(("return 42\n", "", "return { name = 'empty' }\n", "x = = 1\n", "\x1bLua\x54\x00")):
        agent = test.write(f"shape{i}.lua", content)
        run = test.run(test.game("null_deref"), agent=agent, frames=200)
        expect_error(run, USAGE, f"shape{i}.lua")
        expect_no_half(run)


@case
def agent_runtime_error(test):
    agent = test.write("stumbles.lua", "local function deep(game)\n    game:step(5)\n    return nil + 1\nend\n"
                                       "return function(game)\n    deep(game)\nend\n")
    run = test.run(test.game("null_deref"), agent=agent, frames=200)
    expect_error(run, USAGE, "stumbles.lua:3", "traceback")
    expect_no_half(run)


@case
def agent_misuse(test):
    for call in ("game:tap('no such key', 2)", "game:step(-1)", "game:step('x')", "game:pad(99)", "game:press()",
                 "game:tap('retrun', 2)"):
        agent = test.write("misuse.lua", f"return function(game)\n    game:step(2)\n    {call}\nend\n")
        run = test.run(test.game("null_deref"), agent=agent, frames=60)
        expect_error(run, USAGE, "misuse.lua:3")
        expect_no_half(run)


@case
def agent_endless_loop(test):
    agent = test.write("endless.lua", "return function(game)\n    game:step(2)\n    while true do end\nend\n")
    run = test.run(test.game("null_deref"), agent=agent, frames=200, options=("--lua-instructions", "1000000"))
    expect_error(run, USAGE, "endless.lua")
    expect_no_half(run)


@case
def agent_memory_hog(test):
    agent = test.write("hog.lua", "return function(game)\n    game:step(2)\n    local t = {}\n"
                                  "    while true do t[#t + 1] = string.rep('x', 65536) .. #t end\nend\n")
    run = test.run(test.game("null_deref"), agent=agent, frames=200, options=("--lua-memory-mb", "64"))
    expect_error(run, USAGE, "memory")
    expect_no_half(run)


@case
def agent_cannot_reach_out(test):
    """No files, programs or clock for an agent, unless it was allowed."""
    for call in ("io.open('/etc/passwd')", "os.execute('true')", "os.time()", "os.getenv('HOME')",
                 "require('socket')", "load('\\27Lua')()", "debug.sethook()"):
        agent = test.write("reaching.lua", f"return function(game)\n    game:step(2)\n    {call}\nend\n")
        run = test.run(test.game("null_deref"), agent=agent, frames=60)
        expect_error(run, USAGE, "reaching.lua:3")


@case
def agent_dies_with_the_game(test):
    """An agent that goes on after the game's death is stopped; the finding is the game's."""
    agent = test.write("stubborn.lua", """
        return function(game)
            for _ = 1, 5 do
                pcall(function()
                    for _, key in ipairs { "up", "up", "down", "return" } do game:tap(key, 2) game:step(6) end
                    game:step(50)
                end)
            end
        end""")
    expect_finding(test.run(test.game("null_deref"), agent=agent, frames=400), "crash", "open_chest")


# --- moth.lua ---

@case
def config_wrong_key(test):
    test.write("moth.lua", "return {\n    game = { \"./game\" },\n    frmaes = 100,\n}\n")
    expect_error(test.moth("run"), USAGE, "moth.lua:3", "frmaes", "frames")


@case
def config_wrong_values(test):
    for line in ("frames = \"many\"", "workers = {}", "video = \"vhs\"", "budgets = { frmaes = 3 }", "game = 5",
                 "agents = { 7 }", "hz = 0"):
        test.write("moth.lua", "return {\n    game = { \"/bin/true\" },\n    " + line + ",\n}\n")
        expect_error(test.moth("run", "--frames", 10), USAGE, "moth.lua:3")


@case
def config_broken(test):
    test.write("moth.lua", "return {\n    game = \n")
    expect_error(test.moth("run"), USAGE, "moth.lua")
    test.write("moth.lua", "while true do end\n")
    expect_error(test.moth("run"), USAGE, "moth.lua")
    test.write("moth.lua", "return 5\n")
    expect_error(test.moth("run"), USAGE, "moth.lua")
    expect_error(test.moth("run", "--config", "no-such.lua"), USAGE, "no-such.lua")


@case
def config_is_enough(test):
    """With a moth.lua `moth run` needs no arguments, and the command line wins over it."""
    test.write("moth.lua", f"""return {{
        game = {{ "{test.game('null_deref')}" }},
        agents = {{ ["{test.agent('secret')}"] = 1 }},
        budgets = {{ frames = 400 }},
        workers = 1,
    }}""")
    result = test.moth("run")
    check(result.status == 1, result.describe())
    written = read_json(test.path("moth-out", "run.json"))
    check([f["kind"] for f in written["findings"]] == ["crash"], f"{written['findings']}")
    result = test.moth("run", "--frames", 5, "--out", "elsewhere")
    check(result.status == 0 and read_json(test.path("elsewhere", "run.json"))["frames_total"] <= 10, result.describe())


@case
def init_makes_a_config(test):
    result = test.moth("init")
    check(result.status == 0 and os.path.exists(test.path("moth.lua")), result.describe())
    shutil.copy(test.game("null_deref_clean"), test.path("game"))
    result = test.moth("run", "--frames", 60)
    check(result.status == 0, "the config that init wrote does not work\n" + result.describe())
    result = test.moth("init")
    check(result.status != 0, "init overwrote a moth.lua\n" + result.describe())


# --- output folders ---

@case
def out_is_a_file(test):
    path = test.write("out1", "a file\n")
    run = test.moth("run", "--frames", 60, "--out", path, "--", test.game("null_deref_clean"))
    expect_error(run, (USAGE, FAULT), "out1")
    with open(path, encoding="utf-8") as file:
        check(file.read() == "a file\n", "the file was touched")


@case
def out_cannot_be_made(test):
    for folder in ("/proc/moth-out", "/dev/null/moth-out"):
        expect_error(test.moth("run", "--frames", 60, "--out", folder, "--", test.game("null_deref_clean")),
                     (USAGE, FAULT), folder)


@case
def out_is_read_only(test):
    if os.geteuid() != 0:
        folder = test.path("closed")
        os.makedirs(folder, 0o555)
        expect_error(test.moth("run", "--frames", 60, "--out", folder, "--", test.game("null_deref_clean")),
                     (USAGE, FAULT), "closed")
        return
    mounted(test, "ro,size=64k", lambda folder: expect_error(
        test.moth("run", "--frames", 60, "--out", folder, "--", test.game("null_deref_clean")), (USAGE, FAULT), folder))


def mounted(test, options, body):
    """Call body with a tmpfs of its own; skips where none can be mounted."""
    folder = test.path("small")
    os.makedirs(folder, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "moth-test", folder], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        skip(f"cannot mount a tmpfs: {done.stderr.strip()}")
    try:
        body(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@case
def out_is_full(test):
    """A finding that cannot be stored is a harness fault, said with the folder's name; no half run.json."""
    def body(folder):
        out = os.path.join(folder, "out")
        test.write("small/filler", b"x" * 60 * 1024)
        run = test.moth("run", "-j", 1, "--frames", 400, "--agent", test.agent("secret"), "--out", out, "--",
                        test.game("null_deref"))
        expect_error(run, FAULT, "space")
        read_json(os.path.join(out, "run.json"))
    mounted(test, "size=64k", body)


@case
def out_holds_an_older_run(test):
    """A second run into the same folder ends as the first did, and findings of the first stay."""
    out = test.path("out")
    for _ in range(2):
        result = test.moth("run", "-j", 1, "--frames", 400, "--agent", test.agent("secret"), "--out", out, "--",
                           test.game("null_deref"))
        check(result.status == 1, result.describe())
    result = test.moth("run", "-j", 1, "--frames", 60, "--agent", test.agent("watcher"), "--out", out, "--",
                       test.game("null_deref"))
    check(result.status == 0, result.describe())
    check(len(os.listdir(os.path.join(out, "findings"))) == 1, "the finding of the run before is gone")


@case
def standard_output_closed(test):
    """`moth run … | head` ends without a word of its own death."""
    expect_clean(test.run(test.game("null_deref_clean"), agent="watcher", frames=60))
    with test.start("run", "--frames", 60, "--", test.game("null_deref_clean"), stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE) as process:
        process.stdout.close()
        process.stderr.close()
        check(process.wait(120) in (0, 141, -13), f"ended with {process.returncode}")
