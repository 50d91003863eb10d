# SPDX-License-Identifier: MIT
"""Watches: variables of a game by its debug information, by its exported symbols, by their addresses."""
import json
import os
import subprocess

from driver import add, case, check
from bugs import expect_clean, expect_finding

ONE = ("--instance-frames", 40, "--replays", 0, "-v")


def play(test, game, script, *options, frames=40, **more):
    """A run of one instance with a script; what it printed is in run.err."""
    return test.run(game, agent=test.write("script.lua", script), frames=frames, options=(*ONE, *options), **more)


def table(test, name, *args):
    """Each expression of the agent's table has its value: after steps, in a branch, and where a pointer is wild."""
    run = test.run(test.game(name), *args, agent="watched", frames=40, options=ONE)
    expect_clean(run)
    check(" expressions against their values" in run.err, f"the table was not held against anything\n{run.describe()}")


for name in ("watched", "watched_fixed", "watched_dwarf3", "watched_split", "watched_asan", "watched_static",
             "watched_cxx", "watched_cxx_fast", "watched_cxx_split", "watched_cxx_types", "watched_cxx_clang"):
    add(f"watches/table_{name}", table, name)
add("watches/table_with_signals_blocked", table, "watched", "--masked")


def stripped_copy(test, name):
    """A game without its debug information, and the file that has it."""
    game, debug = test.path(name), test.path(name + ".debug")
    subprocess.run(["objcopy", "--only-keep-debug", test.game(name), debug], check=True)
    subprocess.run(["objcopy", "--strip-all", f"--add-gnu-debuglink={debug}", test.game(name), game], check=True)
    return game, debug


@case
def separate_debug_files(test):
    """By .gnu_debuglink beside the game, by build id below a folder, and lying in a folder without any order."""
    game, debug = stripped_copy(test, "watched")
    script = """return function(game)
        assert(game:watch{ hp = "player.health" })
        game:step(2)
        game:expect(game.state.hp == 100, "hp is " .. tostring(game.state.hp))
        print("hp is", game.state.hp)
    end"""
    check("hp is\t100" in play(test, game, script).err, "the file beside the game is not found")
    notes = subprocess.run(["readelf", "-n", game], capture_output=True, text=True, check=True).stdout
    build_id = notes.split("Build ID: ")[1].split()[0]
    tree = test.path("tree", ".build-id", build_id[:2])
    os.makedirs(tree)
    flat = test.path("flat")
    os.makedirs(flat)
    with open(debug, "rb") as file:
        text = file.read()
    test.write(os.path.join(tree, build_id[2:] + ".debug"), text)
    test.write(os.path.join(flat, "watched.debug"), text)
    os.remove(debug)
    for folder in (test.path("tree"), flat):
        run = play(test, game, script, "--debug-dir", test.path("none"), "--debug-dir", folder)
        check("hp is\t100" in run.err, f"not found in {folder}\n{run.describe()}")
    run = play(test, game, script)
    check("only exported symbols can be named" in run.out + run.err, f"without any: {run.describe()}")


@case
def libraries_opened_later(test):
    """What is not there yet is nil, and has a value from the frame on at which the game loads it."""
    run = play(test, test.game("watched"), """return function(game)
        local none, why = game:watch{ score = "module_score", runs = "module_runs@watched_module.so:int" }
        game:expect(none == nil and why, "watched before it is there: " .. tostring(why))
        game:step(2)
        game:expect(game.state.score == nil, "it is not there")
        game:tap("space", 1)
        game:step(2)
        print("then", game.state.score, game.state.runs)
    end""")
    expect_clean(run)
    check("then\t32\t1" in run.err, run.describe())
    check(not any("module_score" in warning for warning in run.json["warnings"]), f"{run.json['warnings']}")


@case
def exported_symbols_with_a_type(test):
    """Without debug information: exported symbols, with the type given; by module, by address, through pointers."""
    game = test.path("watched_exports")
    subprocess.run(["strip", "-o", game, test.game("watched_exports")], check=True)
    run = play(test, game, """return function(game)
        assert(game:watch{ "hp@watched_exports:int", hp2 = "hp:int", title = "title:char*", health = "player:int",
                           name = "player+5:str", objects = "[world]+8:int", label = "[[world]+104]:str", score = "score:u64" })
        assert(game:watch{ "coins=player+30:i16", "life@hp:int" })
        game:step(2)
        local s = game.state
        print("read", s.hp, s.hp2, s.title, s.health, s.name, s.objects, s.score, s.life)
        print(pcall(game.watch, game, { x = "frame_now" }))
        print(pcall(game.watch, game, { x = "player.health" }))
        print(game:watch{ x = "count:int" })
    end""")
    expect_clean(run)
    check("read\t42\t42\twatched\t100\tAda\t10\t-1\t42" in run.err, run.describe())
    check("nothing says of what type it is; say it, like name:int" in run.err, run.describe())
    check("nothing is known of what it is a member of" in run.err, run.describe())
    check("it has no debug information: only exported symbols can be named" in run.err, run.describe())


@case
def a_crash_of_the_games_own_stays_one(test):
    """While watched variables lead nowhere, a pointer that the game itself follows is still its crash."""
    run = play(test, test.game("watched"), """return function(game)
        assert(game:watch{ wild = "*wild", worse = "wild_object->id" })
        game:step(5)
        game:tap("return", 1)
        game:step(10)
    end""")
    expect_clean(run)
    run = test.run(test.game("watched"), "--crash", agent=test.path("script.lua"), frames=40,
                   options=("--instance-frames", 40))
    expect_finding(run, "crash", "main")


@case
def watching_changes_nothing(test):
    """The same seed with and without watches comes to the same cells, and both are deterministic."""
    stroll = test.agent("stroll")
    watches = [w for i in range(40) for w in ("--watch", f"w{i}=world->objects[{i % 4}].pos.x")]
    runs = [test.run(test.game("watched"), agent=stroll, frames=300, options=("--strict", "--instance-frames", 300, "-v", *more))
            for more in ((), watches)]
    for run in runs:
        expect_clean(run)
    check(runs[0].json["frames_total"] == runs[1].json["frames_total"], "frames differ")


@case
def scan_in_a_script(test):
    """game:scan finds a number, and what it says of it can be watched at once."""
    run = play(test, test.game("watched"), """return function(game)
        local scan, n = game:scan{ type = "i32", equal = 100 }
        assert(scan and n >= 1, n)
        game:tap("escape", 1) game:step(3)
        assert(scan:keep{ decreased = 15 } == 1)
        game:step(10)
        assert(scan:keep{ unchanged = true } == 1)
        local hit = scan:list()[1]
        assert(hit.value == 85 and hit.pointers == 0, hit.value)
        assert(game:watch{ hp = hit.expression } and game.state.hp == 85)
        game:tap("escape", 1) game:step(3)
        print("found", hit.expression, game.state.hp)
        print(pcall(game.scan, game, { eqal = 1 }))
        print(pcall(game.scan, game, { decreased = true }))
        print(pcall(game.scan, game, { type = "str", equal = 1 }))
        print(pcall(scan.keep, scan, {}))
    end""")
    expect_clean(run)
    for words in ("found\twatched+0x", ":i32\t70", "not 'eqal'; did you mean 'equal'?", "a scan begins with equal",
                  "a scan is for numbers of at most 8 bytes", "scan:keep: what: says nothing of the number"):
        check(words in run.err, f"no {words}: {run.describe()}")


@case
def doctor_sees_no_difference(test):
    """A play that watches, wild pointers included, is the same in every frame as those that do not."""
    script = test.write("script.lua", """return function(game)
        assert(game:watch{ name = "player.name", wild = "*wild", object = "world->objects[2]" })
        while true do game:step(1) game:expect(game.state.hp == 100 and game.state.object.id == 12, "?") end
    end""")
    result = test.moth("doctor", "--json", "--frames", 60, "-a", script, "--watch", "hp=player.health", "--", test.game("watched"))
    told = json.loads(result.out)
    check(result.status == 0 and told["deterministic"] and told["snapshot"]["identical"], result.describe())


@case
def watches_for_all(test):
    """--watch and moth.lua's watches are there for each agent, and wrong ones are refused before anything is played."""
    script = test.write("script.lua", """return function(game)
        print("at once", game.state.hp, game.state.mood, game.state.objects)
        game:expect(game.state.hp == 100, "hp")
        game:step(5)
    end""")
    game = test.game("watched")
    config = test.write("moth.lua", """return { watches = { hp = "player.health", mood = "player.mood" } }""")
    run = test.run(game, agent=script, frames=20, options=(*ONE, "--config", config, "--watch", "objects=world->n_objects"))
    run = test.run(game, agent=script, frames=20, options=(*ONE, "--config", config))
    expect_clean(run)
    check("at once\t100\tMOOD_ANGRY\tnil" in run.err, run.describe())
    for watch, words in (("hp=player.helth", "no member 'helth' in struct player; did you mean 'health'?"),
                         ("hp=plyer.health", "no variable 'plyer' in the game; did you mean 'player'?"),
                         ("hp=player..health", "a member's name is missing at '.health'"),
                         ("hp", "'hp' is no watch: NAME=EXPRESSION"), ("h p=hp", "letters, digits")):
        result = test.moth("run", "--watch", watch, "-o", test.path("none"), "--", game)
        check(result.status == 2 and words in result.err, result.describe())
        check(not os.path.exists(test.path("none", "run.json")), "played all the same")


@case
def list_state(test):
    """What there is to watch, as text and as JSON, with the values of the first frame."""
    game = test.game("watched")
    items = {i["expression"]: i for i in json.loads(test.moth("list", "state", "--json", "--", game).out)["items"]}
    for name, kind, value in (("player.health", "int", 100), ("player.name", "char[16]", "Ada"),
                              ("player.mood", "enum mood", "MOOD_ANGRY"), ("world->objects[3].pos.x", "float", 3.0),
                              ("player.aim->y", "float", -2.25), ("grid[1][2]", "int", 6), ("running", "_Bool", True),
                              ("step_of::calls", "int", None), ("no_title", "char *", None)):
        if "::" not in name:
            check(name in items, f"{name} is not listed: {sorted(items)}")
            check((items[name]["type"], items[name]["value"]) == (kind, value), f"{items[name]}")
    check(items["step_of::calls"]["type"] == "int", "a function's static is not listed")
    check(items["score"]["exact"] == "18446744073709551615", f"{items['score']}")
    check("other.c::count" in items and "plain.c::count" in items, f"{sorted(items)}")
    lines = test.moth("list", "state", "pl*.pos.?", "--", game).out
    check(lines == "", f"no such thing: {lines}")
    lines = test.moth("list", "state", "world*.pos.?", "--type", "float", "--", game).out.splitlines()
    check(len(lines) == 8 and lines[0].split() == ["world->objects[0].pos.x", "float", "0.0"], f"{lines}")
    cxx = test.moth("list", "state", "ns::player*", "--", test.game("watched_cxx")).out
    for words in ('"Keeper of the long and winding name"', "ns::player->trail[1].y", '"Elf"', "ns::player->where.x"):
        check(words in cxx, f"no {words} in\n{cxx}")
    values = {line.split()[0]: line.split()[-1] for line in cxx.splitlines()}
    for name, value in (("doors[1]", "false"), ("doors[3]", "true"), ("target", "5"), ("nobody", "-"), ("goal.y", "13.0"),
                        ("ticks", "77"), ("owned->x", "8.0"), ("dice[2]", "6"), ("words[0]", '"short"')):
        check(values.get("ns::player->" + name) == value, f"{name} is not {value} in\n{cxx}")
    result = test.moth("list", "state", "--", test.game("hang") + "-none")
    check(result.status == 3, result.describe())


@case
def scan_finds_health(test):
    """A number by how it changes: in the game's own data, and behind a pointer; and it holds in a second process."""
    hit = test.write("hit.lua", """return function(game)
        game:step(20) game:tap("escape", 1) game:step(60) game:tap("escape", 1) game:step(1000)
    end""")
    game = test.path("stripped")
    subprocess.run(["strip", "-o", game, test.game("watched")], check=True)
    result = test.moth("scan", "--json", "-a", hit, "--step", "equal 100", "--step", "40 decreased 15",
                       "--step", "70 unchanged", "--step", "100 equal 70", "--", game)
    found = json.loads(result.out)
    check(found["count"] == 1 and found["items"][0]["holds"] and found["items"][0]["value"] == 70, result.describe())
    expression = found["items"][0]["expression"]
    check(expression.startswith("stripped+0x") and expression.endswith(":i32"), expression)
    run = test.run(game, agent=test.write("use.lua", "return function(game) game:expect(game.state.hp == 100, "
                                          "'hp is ' .. tostring(game.state.hp)) game:step(3) end"),
                   frames=20, options=(*ONE, "--watch", "hp=" + expression))
    expect_clean(run)
    result = test.moth("scan", "--json", "--type", "f32", "--step", "equal 0.5", "--step", "unchanged", "--", game)
    ways = [item for item in json.loads(result.out)["items"] if item["expression"].startswith("[stripped+")]
    check(ways and ways[0]["holds"] and ways[0]["pointers"] == 1, f"world->objects[1].pos.y: {result.describe()}")
    for steps, words in ((["decreased"], "a scan begins with equal, between or any"),
                         (["eqal 3"], "did you mean 'equal'?"), (["equal"], "equal takes 1 number"),
                         (["100 equal 1", "50 equal 1"], "frames come in order"), ([], "--step")):
        options = [word for step in steps for word in ("--step", step)]
        result = test.moth("scan", *options, "--", game)
        check(result.status == 2 and words in result.err, result.describe())
    result = test.moth("scan", "--step", "equal 123456789", "--", game)
    check(result.status == 1, result.describe())


# --- games as Debian ships them: stripped, without separate debug files ---

def shipped(name):
    path = os.path.join("/usr/games", name)
    check(os.path.exists(path), f"{path} is not installed (.ci/packages has it)")
    return path


@case
def health_of_a_stripped_game(test):
    """chocolate-doom: 100 at the start, less after monsters came; the watch survives a restart, also through a pointer."""
    game = [shipped("chocolate-doom"), "-iwad", "/usr/share/games/doom/freedoom1.wad", "-nogui", "-window",
            "-warp", "1", "1", "-skill", "5"]
    walk = test.write("walk.lua", "return function(game) game:step(210) game:hold('up', 300) game:step(2000) end")
    result = test.moth("scan", "--json", "-a", walk, "--step", "200 equal 100", "--step", "206 unchanged",
                       "--step", "500 between 1 99", "--", *game)
    items = json.loads(result.out)["items"]
    check(2 <= len(items) <= 12 and all(item["holds"] for item in items), result.describe())
    check(len({item["value"] for item in items[:3]}) == 1, f"the first ones differ: {items}")
    ways = [item["expression"] for item in items if item["pointers"] <= 1]
    check(any(way.startswith("[") for way in ways), f"none behind a pointer: {items}")
    watches = [word for i, way in enumerate(ways) for word in ("--watch", f"w{i}={way}")]
    run = test.run(*game, agent=test.write("use.lua", f"""return function(game)
        game:step(199)
        for i = 0, {len(ways) - 1} do game:expect(game.state["w" .. i] == 100, "w" .. i .. " at the start") end
        game:step(10) game:hold("up", 300) game:step(300)
        for i = 0, {len(ways) - 1} do
            local hp = game.state["w" .. i]
            game:expect(hp and hp < 100, "w" .. i .. " after the monsters: " .. tostring(hp))
        end
    end"""), frames=520, options=("--instance-frames", 520, "--replays", 0, "--softlock-s", 0, *watches))
    expect_clean(run)


@case
def a_goal_by_exported_state(test):
    """openttd exports its symbols: a scenario starts a game, lets five days pass, pauses, and sees time stand still."""
    run = test.run(shipped("openttd"), "-g", "-G", "7", "-s", "null", "-m", "null", agent=None, frames=3000, options=("--replays", 0, "--softlock-s", 0, "-v", "-s",
    test.write("days.lua", """return function(game)
        assert(game:watch{ date = "_date:i32", mode = "_game_mode:u8", pause = "_pause_mode:u8" })
        game:expect(game:wait_until(function() return game.state.mode == 1 end, { timeout = 600 }), "in the game")
        local first = game.state.date
        game:expect(game:wait_until(function() return game.state.date >= first + 5 end, { timeout = 1500 }), "five days")
        game:tap("f1", 3)
        game:expect(game:wait_until(function() return game.state.pause ~= 0 end, { timeout = 120 }), "paused")
        local then_ = game.state.date
        game:step(150)
        game:expect(game.state.date == then_, "time stands still")
        print("reached", then_ - first, game.state.pause)
    end""")))
    expect_clean(run)
    check("reached\t5" in run.err or "reached\t6" in run.err, run.describe())


@case
def rockets_of_a_stripped_game(test):
    """starfighter: ten rockets, one less after a shot; what is found is watched in another process with another seed."""
    game = shipped("starfighter")
    begin = "for i = 1, 14 do game:step(40) game:tap('return', 3) game:step(20) game:tap('left ctrl', 3) end game:step(20)"
    shoot = test.write("shoot.lua", f"return function(game) {begin} game:tap('space', 3) game:step(3000) end")
    result = test.moth("scan", "--json", "-a", shoot, "--step", "938 equal 10", "--step", "1000 between 1 9", "--step",
                       "1001 unchanged", "--", game)
    found = json.loads(result.out)
    check(found["count"] == 1 and found["items"][0]["holds"] and found["items"][0]["value"] == 9, result.describe())
    script = test.write("use.lua", f"""return function(game)
        {begin}
        game:expect(game.state.rockets == 10, "ten at first: " .. tostring(game.state.rockets))
        game:tap("space", 3)
        game:step(60)
        game:expect(game.state.rockets == 9, "nine after a shot: " .. tostring(game.state.rockets))
    end""")
    run = test.run(game, agent=None, frames=1100, options=("--replays", 0, "--softlock-s", 0, "-s", script, "--seed", 5, "--watch",
                                                           "rockets=" + found["items"][0]["expression"]))
    expect_clean(run)
