# SPDX-License-Identifier: MIT
"""Calls of a game's functions: every shape of them, what they do to the game and to time, what is recorded, and whose
fault it is when one goes wrong."""
import glob
import os
import re
import shutil

from driver import add, case, check, read_json

SHAPES = r"""
return function(game)
    local function is(what, got, expected)
        if got ~= expected then error(what .. " is " .. tostring(got) .. ", not " .. tostring(expected)) end
    end
    game:step(5)
    local typed = DEBUG
    local function call(signature, ...)
        return game:call(typed and signature:match("^[^(]*") or signature, ...)
    end
    is("int and float", call("give_item(int,float)int", 3, 0.5), 31)
    is("i8", call("add_i8(i8,i8)i8", -100, -20), -120)
    is("i8 round", call("add_i8(i8,i8)i8", 100, 100), -56)
    is("u8", call("add_u8(u8,u8)u8", 200, 100), 44)
    is("i16", call("add_i16(i16,i16)i16", -5, 7), -12)
    is("u16", call("add_u16(u16,u16)u16", 60000, 60000), 54464)
    is("u32", call("add_u32(u32,u32)u32", 4294967295, 3), 2)
    is("i64", call("add_i64(i64,i64)i64", math.mininteger, -1), math.mininteger + 1)
    is("u64", call("add_u64(u64,u64)u64", -1, 5), 4)
    is("bool", call("is_even(int)bool", 4), true)
    is("not", call("is_even(int)bool", 5), false)
    is("float", call("half(float)float", 3), 1.5)
    is("double", call("product(double,double)double", 1.5, -2.5), -3.75)
    is("void", call("nothing()"), true)
    is("ten", call("ten(int,double,i64,float,u8,double,int,int,int,double)double", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 385.0)
    is("twelve", call("twelve_doubles(double,double,double,double,double,double,double,double,double,double,double,"
                      .. "double)double", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), 650.0)
    local p = call("move_point({float x,float y} at,{float x,float y} by){float x,float y}", {1, 2}, {x = 3, y = 4.5})
    is("point.x", p.x, 4.0)
    is("point[2]", p[2], 6.5)
    local item = call("heavier({int id,i8 kind,double weight},double){int id,i8 kind,double weight}",
                      {id = 3, kind = -4, weight = 1.5}, 2)
    is("item.id", item.id, 4)
    is("item.kind", item.kind, -4)
    is("item.weight", item.weight, 3.5)
    local large = call("enlarge({i64 values[4],float scale,char* name},int){i64 values[4],float scale,char* name}",
                       {values = {1, 2, 3, 4}, scale = 1.5, name = "big"}, 10)
    is("large.values", table.concat(large.values, " "), "10 20 30 40")
    is("large.scale", large.scale, 3.0)
    is("large.name", large.name, "bigger")
    local pair = call("swap_pair({double a,i64 b}){double a,i64 b}", {a = 3, b = 4})
    is("pair", pair.a .. " " .. pair.b, "4.0 3")
    is("text", call("length_of(char*)size_t", "h\u{f6}l lo\n%\""), 10)
    is("no text", call("length_of(char*)size_t"), 999)
    is("greeting", call("greeting(int)char*", 5), "hello 5")
    is("no greeting", call("greeting(int)char*", -1), nil)
    is("a text that is nowhere", call("nowhere()char*"), nil)
    call("keep_name(char*)", "Zo\u{eb}")
    call("length_of(char*)size_t", "something else")
    is("kept", call("kept_name()char*"), "Zo\u{eb}")
    local made = call("make_item(int)void*", 77)
    is("pointer", math.type(made), "integer")
    is("item of pointer", call("item_id(void*)int", made), 77)
    is("item of nil", call("item_id(void*)int", nil), -1)
    is("thread", call("on_main_thread()bool"), true)
    is("nap", call("nap(int)int", 100), 100)
    is("level", call("load_level(int)int", 4), 4)
    is("level, seen", game.state.level, 4)
    is("worker", call("with_thread(int)int", 21), 42)
    is("lock", call("with_lock(int)int", 3), 4)
    is("frame", game.frame, 6)
    local ok, why = game:call("no_such_function(int)int", 1)
    is("no function", ok, nil)
    if not why:find("no_such_function", 1, true) then error(why) end
    if CXX then
        is("overload", game:call("shop::buy(int)int", 1), 4)
        is("other overload", game:call("shop::buy(double)double", 1.5), 2.5)
        is("method", game:call("shop::Cart::add", game:call("shop::cart"), 5), 7)
        ok, why = game:call("give_item(int)int", 3)
        is("wrong parameters", ok, nil)
        if not why:find("give_item(int,float)int", 1, true) then error(why) end
    end
    if typed then -- what an optimizing compiler makes of a function
        is("two pieces", game:call("price_of", 6, 7), 42)
        ok, why = game:call("discounted", nil, 1, 10)
        is("a changed copy", ok, nil)
        if not why:find("other parameters than were written", 1, true) then error(why) end
    end
    game:step(3)
    game:expect(false, "all was called")
end
"""


def script(test, name, text, **replaced):
    path = os.path.join(test.folder, name + ".lua")
    for word, value in replaced.items():
        text = re.sub(rf"\b{word}\b", value, text)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def shapes(test, game, debug=True):
    agent = script(test, "shapes", SHAPES, DEBUG=str(debug).lower(), CXX=str(debug).lower())
    run = test.run(test.game(game), agent=agent, frames=9, options=("--replays", "2"))
    check([f["title"] for f in run.findings] == ["all was called"], "the script did not come to its end\n" + run.describe())
    check(run.findings[0]["reproduced"] == "2/2", "not the same in replays\n" + run.describe())
    folder = os.path.join(run.folder, "findings", run.findings[0]["fingerprint"])
    again = test.moth("replay", folder, "--json")
    check(again.status == 0 and '"divergence": null' in again.out, "the replay went another way\n" + again.describe())


for place in ("calls", "calls_thread", "calls_no_pie"):
    add(f"calls/shapes_{place}", shapes, place)
add("calls/shapes_exported", shapes, "calls_exported", debug=False)

OVERLOADS = """
return function(game)
    game:step(5)
    local function is(what, got, expected)
        if got ~= expected then error(what .. " is " .. tostring(got) .. ", not " .. tostring(expected)) end
    end
    is("int", game:call("shop::buy(int)int", 1), 4)
    is("double", game:call("shop::buy(double)double", 1.5), 2.5)
    is("method", game:call("shop::Cart::add(void*,int)int", game:call("shop::cart()void*"), 5), 7)
    is("template", game:call("shop::twice<int>(int)int", 21), 42)
    local ok, why = game:call("shop::buy(char*)int", "bread")
    is("none of them", ok, nil)
    is("why", why, "by their symbols there are 2 functions 'shop::buy', and none takes this")
    ok, why = game:call("shop::refuse(double)", 1.5)
    is("another", ok, nil)
    is("why", why, "by its symbol it is shop::refuse(int)")
    game:expect(false, "all was called")
end
"""


@case
def overloads_without_debug_information(test):
    """The parameters in a symbol say which of several functions is meant, and refuse what none takes."""
    run = test.run(test.game("calls_exported"), agent=script(test, "overloads", OVERLOADS), frames=9, options=("--replays", "1"))
    check([f["title"] for f in run.findings] == ["all was called"], "the script did not come to its end\n" + run.describe())


@case
def what_is_given_has_a_place(test):
    """Members that are none, too few arguments and signatures that are none are the script's errors; a text fits an array."""
    run = test.run(test.game("calls"), agent=script(test, "given", """return function(game)
        game:step(2)
        local function fails(what, ...)
            local ok, why = pcall(...)
            if ok or not tostring(why):find(what, 1, true) then error(what .. ": " .. tostring(why)) end
        end
        local move = "move_point({float x,float y},{float x,float y}){float x,float y}"
        fails("argument 1: has no member 'z'", game.call, game, move, { x = 1, y = 2, z = 3 }, { 1, 2 })
        fails("argument 2: has no member '3'", game.call, game, move, { 1, 2 }, { 1, 2, 3 })
        fails("argument 1: is missing", game.call, game, "shop::Cart::add")
        local tag = "tag_sum({int id,char name[8]})int"
        assert(game:call(tag, { 1, "ab" }) == 1 + 97 + 98)
        assert(game:call(tag, { id = 2, name = "12345678" }) == 2 + 49 + 50 + 51 + 52 + 53 + 54 + 55 + 56)
        assert(game:call("tag_sum", { id = 0, name = "" }) == 0)
        fails("argument 1.name: has room for 8 bytes, not 9", game.call, game, tag, { 1, "123456789" })
        game:expect(false, "all was called")
    end"""), frames=9, options=("--replays", "1"))
    check([f["title"] for f in run.findings] == ["all was called"] and run.findings[0]["reproduced"] == "1/1", run.describe())


@case
def a_kill_is_told(test):
    """A game that is killed in a call is no finding, and the run says what became of it."""
    file = script(test, "kill", """return { name = "kill", play = function(game)
        game:step(2)
        game:call("raise(int)int", 9)
    end }""")
    run = test.moth("run", "-q", "-s", file, "--out", test.path("out"), "--", test.game("calls"))
    json = read_json(test.path("out", "run.json"))
    check(run.status == 3 and json["findings"] == [], run.describe())
    check("the game was killed (SIGKILL), by itself or from outside" in json["warnings"], f"{json['warnings']}")


@case
def code_that_is_not_there(test):
    """A member function that was never compiled is told as such, and not as the name that comes next to it."""
    run = test.run(test.game("calls"), agent=script(test, "unused", """return function(game)
        game:step(2)
        local ok, why = game:call("shop::Cart::unused", nil)
        game:expect(false, tostring(why))
    end"""), frames=9, options=("--replays", "0"))
    check([f["title"] for f in run.findings] == ["'shop::Cart::unused' is declared, and nothing that is loaded has its "
          "code (inlined everywhere, or used nowhere)"], run.describe())


# Branches, the trace, and the same picture whichever way one comes there.
BRANCHES = """
return function(game)
    game:step(5)
    game:call("give_item(int,float)int", 3, 0.5)
    game:tap("c", 2)
    local item = game:call("make_item", 77)
    game:step(7)
    game:press("x")
    game:call("load_level", 4)
    game:step(3)
    local first = game:snapshot()
    game:call("item_id", item)
    game:call("with_thread", 21)
    game:step(10)
    game:restore(first)
    game:call("nap", 333)
    game:call("with_lock", 333)
    local second = game:snapshot()
    game:step(50)
    local picture = game:picture()
    game:restore(first)
    game:restore(second)
    game:step(50)
    if picture ~= game:picture() then error("another picture") end
    game:step(60)
    game:expect(false, "the way is " .. game:picture())
end
"""


def branches(test, game):
    agent = script(test, "branches", BRANCHES)
    ways = []
    for memory in ("512", "0"):  # live snapshots, and each rebuilt from the launch
        run = test.run(test.game(game), agent=agent, frames=260, options=("--replays", "1", "--snapshot-memory", memory))
        check(len(run.findings) == 1, "no end\n" + run.describe())
        check(run.findings[0]["reproduced"] == "1/1", "not the same again\n" + run.describe())
        ways.append(run.findings[0]["title"])
    check(ways[0] == ways[1], f"rebuilt branches are others: {ways}")
    folder = os.path.join(run.folder, "findings", run.findings[0]["fingerprint"])
    again = test.moth("replay", os.path.join(folder, "trace.moth"), "--json")
    check('"divergence": null' in again.out, "the replay went another way\n" + again.describe())


for place in ("calls", "calls_thread"):
    add(f"calls/branches_{place}", branches, place)


def faults(test, game, call, words):
    agent = script(test, "fault", f"""
return function(game)
    game:step(5)
    game:call("nothing()")
    pcall(game.call, game, {call})
    game:step(1)
    game:report("invariant", "it lived on")
end
""")
    run = test.run(test.game(game), agent=agent, frames=20, options=("--frame-cpu-ms", "1500", "--frame-wall-ms", "3000"))
    check(run.findings == [], f"a call's fault is the caller's, not a finding: {run.findings}\n" + run.describe())
    check("agent fault" in run.out + run.err, "no agent fault\n" + run.describe())
    check(re.search(words, run.out + run.err), f"'{words}' is not said\n" + run.describe())
    check("fault.lua:5: game:call" in run.out + run.err, "not where it was called\n" + run.describe())
    check(run.json["verdict"] == "error", f"the verdict is {run.json['verdict']}")


for place in ("calls", "calls_thread"):
    for shape, asked, said in (
            ("crash", "'crash_here(int)int', 3", r"crash_here crashed the game \(SIGSEGV\)(.|\n)*#3 crash_here game.c:\d+"),
            ("abort", "'abort_here'", r"abort_here crashed the game \(SIGABRT\)"),
            ("exit", "'leave_here', 3", "leave_here ended the game"),
            ("exit_0", "'leave_here', 0", "leave_here ended the game"),
            ("spin", "'spin_here'", "spin_here does not return"),
            ("throw", "'shop::refuse(int)', 1", "shop::refuse crashed the game(.|\n)*(exception|#7 shop::refuse)")):
        add(f"calls/{shape}_{place}", faults, place, asked, said)
# Where another thread goes on showing pictures nothing is a deadlock: it waits for as long as a frame may take.
add("calls/deadlock", faults, "calls", "'wait_forever'", "wait_forever (waits for what never comes|does not return)")


@case
def replay_where_addresses_moved(test):
    """What a call is made of are names: the trace of one build plays on another one, in which all lies elsewhere."""
    agent = script(test, "pointers", """
return function(game)
    game:step(5)
    local item = game:call("make_item", 77)
    game:step(5)
    if game:call("item_id", item) ~= 77 then error("another item") end
    game:call("give_item", game:call("item_id", item), 2)
    game:step(60)
end
""")
    game = test.path("game")
    shutil.copy(test.game("calls"), game)
    run = test.run(game, agent=agent, frames=71, options=("--traces", "1"))
    kept = glob.glob(os.path.join(run.folder, "traces", "*.moth"))
    check(run.status == 0 and len(kept) == 1, f"traces: {kept}\n" + run.describe())
    trace = kept[0]
    shutil.copy(test.game("calls_no_pie"), game)
    again = test.moth("replay", trace, "--json")
    check(again.status == 0 and '"divergence": null' in again.out and '"same_build": false' in again.out, again.describe())
    shutil.copy(test.game("null_deref_clean"), game)
    again = test.moth("replay", trace)
    check(again.status == 3 and "recorded call of make_item" in again.err, "not said\n" + again.describe())


@case
def shortened(test):
    """A crash that calls prepared is found again without the ones that do not matter, and as a script."""
    agent = script(test, "prepare", """
return function(game)
    for i = 1, 8 do
        game:call("give_item(int,float)int", i, 0.25)
        game:tap("x")
        game:step(2)
    end
    local item = game:call("make_item", 13)
    game:step(3)
    game:call("length_of", "some \\"text\\" of\\n two lines")
    game:call("curse", item)
    game:step(3)
    game:tap("k")
    game:step(20)
end
""")
    run = test.run(test.game("calls"), agent=agent, frames=45, options=("--replays", "2"))
    check([f["kind"] for f in run.findings] == ["crash"], "a crash expected\n" + run.describe())
    finding = run.findings[0]
    check(finding["reproduced"] == "2/2", run.describe())
    folder = os.path.join(run.folder, "findings", finding["fingerprint"])
    shorter = test.moth("minimize", "--replays", "2", folder)
    check(re.search(r"inputs \d+ → 3,", shorter.out), "not shortened\n" + shorter.describe())
    with open(os.path.join(folder, "repro.lua"), encoding="utf-8") as file:
        repro = file.read()
    check(re.search(r"made\[\d+\] = game:call\(\"make_item\(int( id)?\)void\*\", 13\)", repro) and
          re.search(r"game:call\(\"curse\(void\*( item)?\)\", made\[\d+\]\)", repro), repro)
    again = test.run(test.game("calls"), agent=os.path.join(folder, "repro.lua"), frames=400)
    check([f["fingerprint"] for f in again.findings] == [finding["fingerprint"]], "the script does not\n" + again.describe())


# Being told of calls. Each handler counts what it was told, and what it was told adds up.
TOLD = """
return function(game)
    local function is(what, got, expected)
        if got ~= expected then error(what .. " is " .. tostring(got) .. ", not " .. tostring(expected)) end
    end
    local frames, first, names, worked, inner, loaded = 0, 0, {}, 0, {}, {}
    local sold, pairs_seen, summed, twice = {}, 0, 0, 0
    game:step(5)
    local at_start = game:snapshot()
    is("ten", game:on_call("engine_ten", function(frame, a, c, e, g, h, i, more)
        frames = frames + 1
        first = frame
        is("a", a, frame + 1)
        is("c", c, -3000000000)
        is("e", e, 250)
        is("g", g, 7)
        is("h", h, -8)
        is("i", i, (frame + 1) * 9)
        is("more", more, nil)
    end), true)
    is("sum", game:on_call("engine_sum(int)", function(_, n) summed = summed + n end), true)
    is("pair", game:on_call("engine_pair", function(_, any) is("any", any, nil) pairs_seen = pairs_seen + 1 end), true)
    is("inner", game:on_call("engine_inner", function(frame, number, name)
        inner[#inner + 1] = number
        is("order", frames, number - 6)
        if math.type(name) ~= "integer" or name == 0 then error("no pointer") end
    end), true)
    is("level", game:on_call("level_load(int)int", function(_, number) loaded[#loaded + 1] = number end), true)
    is("work", game:on_call("engine_work", function() worked = worked + 1 end), true)
    is("shop", game:on_call("shop::sell", function(_, item, price) sold[#sold + 1] = item * price end), true)
    is("mangled", game:on_call("_ZN4shop4sellEil", function() names[#names + 1] = true end), true)
    local function refused(name, words)
        local ok, why = game:on_call(name, function() error(name .. " is told") end)
        is(name, ok, nil)
        if not why:find(words) then error(why) end
    end
    refused("secret_step", "not called through the dynamic linker.*not exported.*moth_event")
    refused("engine_idle", "exported, but")
    refused("engine_handler", "takes its address")
    refused("late_bloom", "late_bloom")
    refused("no_such_function", "no_such_function")
    refused("engine_frame(double,double)int", "by its debug information it is engine_frame%(int%)int")
    refused("engine_frame(", "type is missing")
    refused("", "name has 1 to")
    refused(("x"):rep(200), "name has 1 to")
    refused("engine_work(double)int", "another signature")
    is("the same", game:on_call("engine_work(int)", function() twice = twice + 1 end), true)
    game:step(20)
    is("frames", frames, 20)
    is("last", first, 25)
    is("inners", table.concat(inner, " ", 1, 3), "7 8 9")
    is("levels", table.concat(loaded, " "), "-10 -20")
    is("worked", worked, 3)
    is("told twice", twice, 3)
    is("sold", sold[1], -35)
    is("mangled names", #names, 20)
    is("pairs", pairs_seen, 20)
    is("sums", summed, 180)
    game:tap("l")
    game:step(2)
    local with_late = game:snapshot()
    worked, loaded = 0, {}
    game:step(4)
    is("plugin's calls", worked, 4)
    is("plugin's levels", #loaded, 4)
    local picture = game:picture()
    for _ = 1, 2 do
        game:restore(at_start)
        frames, inner = 0, {}
        game:step(3)
        is("frames of the other branch", frames, 3)
        game:restore(with_late)
        frames, inner, worked = 24, {}, 0
        game:step(4)
        is("again", worked, 4)
        is("picture", game:picture(), picture)
    end
    local events, lost = game:events()
    is("events", #events + lost, 0)
    game:step(10)
    game:expect(false, "all was told " .. game:picture())
end
"""
UNTOLD = """
return function(game)
    game:step(25)
    game:tap("l")
    game:step(16)
    game:expect(false, "all was told " .. game:picture())
end
"""


def told(test, game):
    titles = []
    for name, text, memory in (("told", TOLD, "512"), ("told", TOLD, "0"), ("untold", UNTOLD, "512")):
        agent = script(test, name, text)
        run = test.run(test.game(game), agent=agent, frames=300, options=("--replays", "2", "--snapshot-memory", memory))
        check(len(run.findings) == 1, "the script did not come to its end\n" + run.describe())
        check(run.findings[0]["reproduced"] == "2/2", "not the same in replays\n" + run.describe())
        titles.append(run.findings[0]["title"])
    check(len(set(titles)) == 1 and "all was told" in titles[0], f"listening changes the game: {titles}")


for place in ("entered", "entered_now"):
    add(f"calls/told_{place}", told, place)
