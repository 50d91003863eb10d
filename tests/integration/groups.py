# SPDX-License-Identifier: MIT
"""Games that play together: a server and its players in one virtual time, with a network of their own. What happens in
one of them is a finding like any other; the same runs again are the same in every frame, on branches too."""
import json
import os
import signal
import subprocess

from bugs import expect_clean
from driver import add, case, check, skip
from minimize import expect_script_meets, folder_of, head_command

MEET = """return function(game)
    local bob = game:member("bob")
    game:step(30)
    game:press("left")
    bob:press("right")
    game:step(60)
    game:release("left")
    game:step(260)
end
"""


def members(test, name="network_duel", port="8303", how=(), host="server", players=("bob",)):
    """Options for a server and more players, and the command of the one that is played."""
    game = test.game(name)
    options = ["--member", " ".join((f"server={game}", "serve", port, *how))]
    for player in players:
        options += ["--member", " ".join((f"{player}={game}", host, port, *how))]
    return options, (game, host, port, *how)


def doctor(test, options, *game, frames=240):
    result = test.moth("doctor", "--json", "--frames", frames, *options, "--", *game)
    check(result.status == 0, result.describe())
    said = json.loads(result.out)
    check(said["deterministic"] and said["snapshot"]["ok"] and said["snapshot"]["identical"], result.out)
    return said


@case
def calls_hold_without_moth(test):
    """What the fixture asks of sockets is what the system's own do."""
    done = subprocess.run([test.game("network_calls")], capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 0 and done.stdout.count(": holds") == 16, done.stdout + done.stderr)


@case
def calls_hold(test):
    expect_clean(test.run(test.game("network_calls"), "--window", agent=None, frames=120, options=("-a", "idle")))
    doctor(test, (), test.game("network_calls"), "--window", frames=60)


def a_server_crashes(test, how):
    options, game = members(test, how=how)
    run = test.run(*game, agent=None, frames=400,
                   options=("-s", test.write("meet.lua", MEET), "--minimize-frames", 5000, *options))
    check(run.status == 1 and len(run.findings) == 1, run.describe())
    said = run.json["game"]
    check([m["name"] for m in said["members"]] == ["server", "bob"] and said["link"]["latency_ms"] == 0, json.dumps(said))
    finding = run.findings[0]
    check(finding["kind"] == "crash" and finding["title"].startswith("server: SIGFPE in push_of"), finding["title"])
    check(finding["reproduced"] == "10/10" and finding["inputs_minimized"] == 2, json.dumps(finding))
    folder = folder_of(run)
    log = open(os.path.join(folder, "game.log"), encoding="utf-8").read()
    check("player 1 is" in log, f"the server's log expected, not:\n{log}")
    expect_script_meets(test, folder, finding)
    words = head_command(os.path.join(folder, "repro.lua"))
    check(words.count("--member") == 2, f"{words}")
    for trace in ("trace.moth", "minimized.moth"):
        again = test.moth("replay", "--times", 3, os.path.join(folder, trace))
        check(again.status == 0 and "reproduced 3/3" in again.out, again.describe())
    options, game = members(test, name="network_duel_clean", how=how)
    expect_clean(test.run(*game, agent=None, frames=400, options=("-s", test.path("meet.lua"), *options)))


add("groups/datagrams", a_server_crashes, ())
add("groups/streams", a_server_crashes, ("tcp",))


@case
def agents_play_all_of_them(test):
    """A member with a window gets input of its own."""
    options, game = members(test, name="network_duel_clean")
    script = """return function(game)
    game:step(1)
    game:expect(game.width == 320 and game:member("bob").width == 320, "no window")
    game:expect(game:member("server").width == 0, "a window")
end
"""
    expect_clean(test.run(*game, agent=None, frames=200, options=("-s", test.write("width.lua", script), *options)))
    options, game = members(test)
    run = test.run(*game, agent=None, frames=12000, options=("-a", "monkey", "--max-findings", 1, "--minimize-frames", 0, *options))
    check([f["kind"] for f in run.findings] == ["crash"], run.describe())
    seen = test.moth("replay", "--json", os.path.join(folder_of(run), "trace.moth"))
    check(seen.status == 0, seen.describe())


def exact(test, how, link):
    options, game = members(test, name="network_duel_clean", how=how, players=("bob", "eve"))
    doctor(test, (*options, *link), *game)


LINK = ("--link-latency", 40, "--link-jitter", 30, "--link-loss", "5%")
add("groups/exact_datagrams", exact, (), ())
add("groups/exact_streams", exact, ("tcp",), ())
add("groups/exact_over_a_bad_link", exact, (), LINK)
add("groups/exact_streams_over_a_bad_link", exact, ("tcp",), LINK)


def crash_frame(test, link):
    options, game = members(test)
    run = test.run(*game, agent=None, frames=400,
                   options=("-s", test.write("meet.lua", MEET), "--replays", 1, *options, *link))
    check(len(run.findings) == 1, run.describe())
    return run.findings[0]["frame"]


@case
def the_link_takes_its_time(test):
    """The keys come later by so much, and so does the crash."""
    near, far = crash_frame(test, ()), crash_frame(test, ("--link-latency", 500))
    check(25 <= far - near <= 35, f"half a second is 30 frames, not {far - near}")


@case
def branches_of_a_group(test):
    """From one place, twice the same and once another way: what a branch sends does not reach the others'."""
    script = """return function(game)
    local bob = game:member("bob")
    local function way(key)
        bob:press(key)
        game:step(40)
        bob:release(key)
        game:step(20)
        return game:picture()
    end
    game:step(30)
    local place = game:snapshot()
    local first = way("right")
    game:restore(place)
    local other = way("left")
    game:restore(place)
    game:expect(way("right") == first, "the same way leads elsewhere")
    game:expect(other ~= first, "another way leads to the same place")
end
"""
    for how in ((), ("tcp",)):
        options, game = members(test, name="network_duel_clean", how=how)
        expect_clean(test.run(*game, agent=None, frames=600, options=("-s", test.write("ways.lua", script), "--link-latency", 50, *options)))


@case
def one_that_leaves(test):
    """A player that closes its window is gone; the others play on."""
    script = """return function(game)
    local bob = game:member("bob")
    game:step(30)
    bob:quit()
    game:step(60)
    game:expect(bob.gone, "bob is still there")
    game:expect(not game:member("server").gone, "the server has left")
end
"""
    for how in ((), ("tcp",)):
        options, game = members(test, name="network_duel_clean", how=how)
        expect_clean(test.run(*game, agent=None, frames=200, options=("-s", test.write("leave.lua", script), *options)))


@case
def one_that_fails(test):
    """A member that ends with an error is a finding; one that never comes to its first frame lets nothing run."""
    game = test.game("network_duel_clean")
    options = ["--member", f"server={game} serve", "--member", f"bad={test.game('exit_code')}"]
    run = test.run(game, "serve", agent=None, frames=600, options=("-a", "idle", "--replays", 2, *options))
    check(run.status in (0, 1) and all(f["title"].startswith("bad: ") for f in run.findings), run.describe())
    options = ["--member", f"bad={game} nowhere.example"]
    run = test.run(game, "127.0.0.1", agent=None, frames=60, options=("-a", "idle", *options))
    check(run.status == 4 and "no such host" in run.err + json.dumps(run.json), run.describe())
    run = test.run(game, "127.0.0.1", agent=None, frames=60, options=("-a", "idle", "--member", "server=/no/such/server"))
    check(run.status == 3 and "/no/such/server" in run.err + json.dumps(run.json), run.describe())


@case
def bad_members(test):
    game = test.game("network_duel_clean")
    for text, said in (("server", "NAME="), ("=x", "NAME="), ("a b=x", "NAME=COMMAND"), ("server=", "missing"),
                       ("server='x", "quote"), ("game=x", "already"), (f"{'n' * 32}=x", "NAME=COMMAND")):
        result = test.moth("run", "--member", text, "-o", test.path("bad"), "--", game, "serve")
        check(result.status == 2 and said in result.err, result.describe())
    for loss in ("-1", "101", "x", "5%%", "nan"):
        result = test.moth("run", "--link-loss", loss, "-o", test.path("bad"), "--", game, "serve")
        check(result.status == 2 and "--link-loss" in result.err, result.describe())
    twice = ("--member", f"a={game} serve", "--member", f"a={game} serve")
    result = test.moth("run", *twice, "-o", test.path("bad"), "--", game, "serve")
    check(result.status == 2 and "already" in result.err, result.describe())
    many = [word for i in range(16) for word in ("--member", f"m{i}={game} serve")]
    result = test.moth("run", *many, "-o", test.path("bad"), "--", game, "serve")
    check(result.status == 2 and "15" in result.err, result.describe())
    result = test.moth("run", "--member", f"a={game} serve", "--threads", "native", "-o", test.path("bad"), "--", game, "serve")
    check(result.status == 2 and "--threads deterministic" in result.err, result.describe())


@case
def members_in_the_configuration(test):
    game = test.game("network_duel_clean")
    test.write("moth.lua", f"""return {{
    game = {{ "{game}", "server" }},
    members = {{ server = "{game} serve", bob = "{game} server" }},
    link = {{ latency_ms = 30, loss = "2%" }},
    agents = {{ "monkey" }}, frames = 600, out = "{test.path('out')}",
}}""")
    result = test.moth("run", cwd=test.path())
    check(result.status == 0, result.describe())
    said = json.load(open(test.path("out", "run.json"), encoding="utf-8"))["game"]
    check([m["name"] for m in said["members"]] == ["bob", "server"] and said["link"]["loss_pct"] == 2, json.dumps(said))


@case
def a_member_is_killed(test):
    """By something outside: no finding of any game."""
    options, game = members(test, name="network_duel_clean")
    process = test.start("run", "-j", 1, "-a", "idle", "--frames", 2000000, "--instance-frames", 250000, "-o", test.path("killed"),
                         *options, "--", *game)
    try:
        while True:
            found = [pid for pid, name in test.processes().items() if "duel" in name]
            if len(found) >= 3:
                break
            check(process.poll() is None, "the run ended by itself")
        os.kill(found[1], signal.SIGKILL)
        while found[1] in test.processes():
            pass
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    finally:
        process.kill()
    check(not os.path.isdir(test.path("killed", "findings")) or not os.listdir(test.path("killed", "findings")), "a finding of a kill")
    check(not test.leftovers(), "processes are left over")


SERVER, CLIENT = "/usr/games/chocolate-server", "/usr/games/chocolate-doom"
IWAD = "/usr/share/games/doom/freedoom1.wad"


@case
def a_real_game(test):
    """A dedicated server and two players of a real game: they meet, play, and do it again, frame by frame, over a link that
    loses and delays, on branches too."""
    for path in (SERVER, CLIENT, IWAD):
        if not os.path.exists(path):
            skip(f"{path} is not installed")
    agent = test.write("match.lua", """return function(game, rng)
    local bob = game:member("bob")
    game:step(150)
    bob:tap("space", 3)      -- the first to come begins the match
    game:step(60)
    local before = game:picture()
    while true do
        game:tap(rng:pick { "left", "right", "up", "left ctrl" }, 4)
        bob:tap(rng:pick { "left", "right", "up", "left ctrl" }, 4)
        if game.frame > 400 and before then
            game:expect(game:picture() ~= before, "nothing moves")
            before = nil
        end
    end
end
""")
    play = f"{CLIENT} -iwad {IWAD} -connect"
    options = ("--member", f"server={SERVER} -port 2342", "--member", f"bob={play} 127.0.0.1:2342")
    game = (CLIENT, "-iwad", IWAD, "-connect", "server:2342")
    said = doctor(test, (*options, "-a", agent, *LINK), *game, frames=420)
    check(said["pictures_compared"], "its pictures were not compared")
    run = test.run(*game, agent=None, frames=500, options=("-a", agent, *options, "--spike-ms", 0))
    expect_clean(run)
