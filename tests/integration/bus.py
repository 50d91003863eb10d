# SPDX-License-Identifier: MIT
"""The bus: programs from outside see a run and drive its instances, and nothing they do or suffer harms it."""
import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

import groups
from driver import Failed, check, case, processes_of, read_json, skip, wait_gone

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "examples", "bus"))
import moth_bus  # noqa: E402  pylint: disable=wrong-import-position

KEYS = ("left", "right", "up", "down")
SECRET = [{"at": 4 * i, "tap": [key, 2]} for i, key in enumerate(("up", "up", "down", "return"))]
PATIENCE_S = 60


class Driven:
    """A run in the background, with a bus."""

    def __init__(self, test, game, options=(), url=None, wait=True, arguments=()):
        self.test, self.out = test, test.path("out")
        self.url = url or "ipc://" + test.socket_path("b", "bus")
        self.said = test.path("stderr.txt")
        with open(self.said, "wb") as err:
            self.process = test.start("run", "-a", "outside", "--bus", self.url, "-o", self.out, "--minimize-frames", 0,
                                      *options, "--", game, *arguments, stdout=subprocess.DEVNULL, stderr=err)
        self.bus = moth_bus.Bus(self.url, timeout_s=PATIENCE_S)
        if wait:
            self.bus.list()

    def attach(self, **options):
        return self.bus.attach(**{"wait_s": PATIENCE_S, **options})

    def end(self, number=signal.SIGINT):
        """Interrupt the run and wait for it. Its run.json."""
        self.bus.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired as error:
            raise Failed("the run did not end") from error
        return read_json(os.path.join(self.out, "run.json"))

    def bus_process(self):
        found = [pid for pid, name in self.test.processes().items() if name == "moth-bus"]
        check(len(found) == 1, f"one bus process expected, found {found}")
        return found[0]

    def stderr(self):
        with open(self.said, encoding="utf-8", errors="replace") as file:
            return file.read()


@contextlib.contextmanager
def driven(test, game, options=(), **more):
    run = Driven(test, game, options, **more)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.end()


def refused(code, function, /, *args, **options):
    try:
        reply = function(*args, **options)
    except moth_bus.Refused as refusal:
        check(refusal.code == code, f"{code} expected, not {refusal}")
        return refusal
    raise Failed(f"{code} expected, but it was done: {reply}")


def sockets(test):
    folder = test.socket_path("b")
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


# --- driving ---

def climb(game):
    """Up the tower by trying each key from a snapshot; the last step's reply, which falls off the roof."""
    for floor in range(12):
        here = game.snapshot()
        for key in KEYS:
            reply = game.step(3, [{"tap": [key, 2]}])
            if reply["ended"] or game.state["floor"] == floor + 1:
                break
            game.restore(here)
            check(game.state["floor"] == floor, f"restored to floor {game.state['floor']}, not {floor}")
        if reply["ended"]:
            return reply
        game.drop(here)
    raise Failed(f"the roof was never reached: {game.state}")


@case
def drives_and_finds(test):
    """State, snapshots and keys are enough to find the tower's bug, which is on disk when it is told."""
    with driven(test, test.game("explore_tower"), ("-j", 1, "--frames", 3000)) as run:
        with run.attach() as game:
            check(game.frame >= 1 and game.state == {} and game.seq == 0, f"attached: {vars(game)}")
            reply = game.step(5, observe="each")
            frames = [seen["frame"] for seen in reply["observations"]]
            check(frames == list(range(game.frame - 4, game.frame + 1)), f"five frames expected: {frames}")
            check(game.state["floor"] == 0 and game.state["name"] == "floor 0" and game.state["above_ground"] is False and
                  game.state["wild"] is None and game.state["pressure"] == 1013.25, f"state: {game.state}")
            missing = game.watch(storey="floor", nothing="no such")
            check(missing == ["no such"] and game.state == {"storey": 0, "nothing": None}, f"{missing} {game.state}")
            game.watch()
            ended = climb(game)["ended"]
            check(ended["kind"] == "crash" and ended["restorable"], f"{ended}")
            stored = os.path.join(run.out, "findings", ended["fingerprint"], "finding.json")
            check(os.path.exists(stored), "told before it was on disk")
            refused("failed", game.step)
            refused("failed", game.snapshot)
        report = run.end()
        check(run.status in (1, 130) and [f["kind"] for f in report["findings"]] == ["crash"], json.dumps(report)[:2000])
        check(report["findings"][0]["agent"] == "outside", "the agent's name")
        trace = os.path.join(run.out, report["findings"][0]["trace"])
        replayed = test.moth("replay", trace)
        check(replayed.status == 0, "the finding's trace does not replay\n" + replayed.describe())


@case
def is_replayed_like_any_other(test):
    """A crash that a program from outside found comes back in each replay, and the run goes on with the next."""
    with driven(test, test.game("null_deref"), ("-j", 1, "--frames", 1200, "--replays", 5)) as run:
        game = run.attach()
        reply = game.step(40, SECRET)
        check(reply["ended"] and reply["ended"]["kind"] == "crash" and not reply["ended"]["restorable"], f"{reply['ended']}")
        again = run.attach()
        check(again.instance != game.instance and again.epoch != game.epoch, "the next instance was expected")
        again.step(256)
        again.release()
        last = run.attach()
        while not last.ended:
            last.step(256)
        check(last.ended["kind"] == "budget", f"{last.ended}")
        run.process.wait(PATIENCE_S)
        report = run.end()
        check(run.status == 1, f"exit status {run.status}")
        found = report["findings"]
        check(len(found) == 1 and found[0]["reproduced"] == "5/5", json.dumps(found))


@case
def two_at_once(test):
    """Two programs drive two instances; the long step of one holds up nobody."""
    with driven(test, test.game("hang"), ("-j", 2, "--frames", 4000, "--frame-cpu-ms", 2000)) as run:
        first, done = run.attach(), threading.Event()
        other_bus = moth_bus.Bus(run.url, timeout_s=PATIENCE_S)
        second = other_bus.attach(wait_s=PATIENCE_S)
        check(first.instance != second.instance, "two instances")
        replies = []

        def hang():
            replies.append(first.step(40, SECRET))
            done.set()

        thread = threading.Thread(target=hang)
        thread.start()
        for _ in range(50):
            second.step(1, [{"press": "left"}])
            second.step(1, [{"release": "left"}])
            second.ping()
        check(not done.is_set(), "the other step was over too soon to tell")
        thread.join(PATIENCE_S)
        check(replies and replies[0]["ended"]["kind"] == "hang", f"{replies}")
        second.release()
        other_bus.close()


@case
def inputs_arrive(test):
    """Each kind of input reaches the game as its Lua twin does."""
    with driven(test, test.game("inputs"), ("-j", 1, "--frames", 2000)) as run:
        with run.attach() as game:
            game.step(3)
            game.step(30, [{"at": 20, "wheel": [0, 1]}, {"at": 0, "press": "left shift"}, {"at": 1, "tap": ["a", 2]},
                           {"at": 5, "release": "left shift"}, {"at": 6, "text": "größe"}, {"at": 8, "click": [50, 60, 3]},
                           {"at": 12, "mouse_move": [100, 80]}, {"at": 13, "pad": 1, "attach": True}, {"at": 22, "pad": 1, "press": "a"},
                           {"at": 24, "pad": 1, "release": "a"}, {"at": 25, "pad": 1, "axis": ["leftx", -1]}])
            game.screenshot("kept")
            reply = game.step(3, [{"quit": True}])
            check(reply["ended"]["kind"] == "exit" and reply["ended"]["fingerprint"] is None, f"{reply['ended']}")
        run.end()
        check(run.status in (0, 130), "the game saw a contradiction\n" + run.stderr())


@case
def pictures_agree(test):
    """Shared memory and PNG show the same, and hashes tell pictures apart."""
    with driven(test, test.game("explore_tower"), ("-j", 1, "--frames", 2000)) as run:
        with run.attach() as game:
            game.step(5)
            shared, sent, before = game.picture("shm"), game.picture("png"), game.picture_hash()
            check((shared.width, shared.height) == tuple(game.window), f"{shared.width}x{shared.height} of {game.window}")
            check([shared.rgbx[c::4] for c in range(3)] == [sent.rgbx[c::4] for c in range(3)], "pictures differ")
            check(len(set(shared.rgbx[0::4])) > 1, "an empty picture")
            reply = game.step(1, picture="hash")
            check(re.fullmatch("[0-9a-f]{16}", reply["picture"]["hash"]) and reply["picture"]["hash"] != before, "hash")


@case
def until(test):
    """A step ends early where it was asked to."""
    with driven(test, test.game("explore_tower"), ("-j", 1, "-q", "--frames", 4000)) as run:
        with run.attach() as game:
            game.step(3)
            taps = [{"at": 8 * i, "tap": [key, 2]} for i, key in enumerate(KEYS)]
            reply = game.step(60, taps, until={"watch": "floor", "ge": 1})
            check(reply["met"] and game.state["floor"] == 1 and game.frame < 60, f"{reply}")
            reply = game.step(10, until={"watch": "floor", "changed": True})
            check(not reply["met"] and len(reply["observations"]) == 1, f"{reply}")
            reply = game.step(10, until={"watch": "name", "ne": "floor 1"})
            check(not reply["met"], f"{reply}")
            reply = game.step(60, taps, until={"cell": True}, observe="each")
            check(reply["met"] and len(reply["observations"]) < 60, "another number is shown")


@case
def drives_a_group(test):
    """Inputs for each member: two players meet, and their server crashes."""
    options, game = groups.members(test)
    with driven(test, game[0], ("-j", 1, "--frames", 1000, *options), arguments=game[1:]) as run:
        with run.attach() as player:
            check(player.members == ["game", "server", "bob"], f"{player.members}")
            refused("failed", player.step, 1, [{"member": 3, "press": "left"}])
            player.step(30)
            reply = player.step(256, [{"press": "left"}, {"member": 2, "press": "right"}])
            check(reply["ended"] and reply["ended"]["title"].startswith("server: SIGFPE in push_of"), f"{reply['ended']}")
        run.end()


# --- what is wrong is said ---

WRONG = [
    ("bad-json", b""), ("bad-json", b"{"), ("bad-json", b"\xff\xfe"), ("bad-json", b'{"v":1,"v":1,"op":"list"}'),
    ("bad-json", b"[" * 5000), ("bad-json", b'{"a":' * 100000), ("bad-request", b"[]"), ("bad-request", b"1"),
    ("too-large", b'{"v":1,"op":"list","id":"' + b"x" * (1 << 20) + b'"}'), ("too-large", b"\0" * (8 << 20)),
    ("bad-version", b"{}"), ("bad-version", b'{"v":2,"op":"list"}'), ("bad-version", b'{"v":"1","op":"list"}'),
    ("unknown-op", b'{"v":1}'), ("unknown-op", b'{"v":1,"op":"stepp"}'), ("unknown-op", b'{"v":1,"op":7}'),
    ("bad-request", b'{"v":1,"op":"list","nonsense":1}'), ("bad-request", b'{"v":1,"op":"attach"}'),
    ("bad-request", b'{"v":1,"op":"attach","client":"../../etc"}'), ("bad-request", b'{"v":1,"op":"step"}'),
    ("no-instance", b'{"v":1,"op":"attach","client":"x","instance":99}'),
    ("unknown-instance", b'{"v":1,"op":"ping","instance":99,"epoch":5}'),
]
WRONG_STEPS = [
    {"frames": 0}, {"frames": 257}, {"frames": -1}, {"frames": 1.5}, {"frames": "1"}, {"observe": "all"}, {"picture": True},
    {"inputs": {}}, {"inputs": [1]}, {"inputs": [{}]}, {"inputs": [{"press": "no such key"}]}, {"inputs": [{"press": 4}]},
    {"inputs": [{"at": 1, "press": "a"}]}, {"inputs": [{"at": -1, "press": "a"}]}, {"inputs": [{"press": "a", "release": "b"}]},
    {"inputs": [{"click": [1, 2, 9]}], "frames": 3}, {"inputs": [{"click": [1]}]}, {"inputs": [{"click": [1, 2]}]},
    {"inputs": [{"pad": 5, "press": "a"}]}, {"inputs": [{"pad": 1, "axis": ["leftx", 2]}]}, {"inputs": [{"text": ""}]},
    {"inputs": [{"press": "a"}] * 5000}, {"until": {}}, {"until": {"watch": "x"}}, {"until": {"watch": "x", "lt": "y"}},
    {"snapshot": 1}, {"until": {"event": False}},
]


@case
def wrong_requests_are_refused(test):
    """Malformed, huge, deep, of another version, of a wrong form: an error reply, and nothing else."""
    with driven(test, test.game("explore_tower"), ("-j", 1, "--frames", 2000)) as run:
        game = run.attach()
        game.step(5)
        frame = game.frame
        for code, data in WRONG:
            reply = json.loads(run.bus.request_raw(data))
            check(reply["v"] == 1 and reply["ok"] is False and reply["error"]["code"] == code and reply["error"]["message"],
                  f"{data[:60]!r}: {code} expected, not {reply}")
        for members in WRONG_STEPS:
            refusal = refused("bad-request", game.request, "step", **members)
            check(len(refusal.message) > 10, f"{members}: {refusal}")
        for name in ("../x", "a/b", ".hidden", "", "x" * 65, "/etc/passwd"):
            refused("bad-request", game.screenshot, name)
        refused("unknown-snapshot", game.restore, 7)
        refused("unknown-snapshot", game.drop, 7)
        check(game.step(1)["frame"] == frame + 1, "a refused request moved the game")
        reply = json.loads(run.bus.request_raw(b'{"v":1,"op":"nope","id":"mine \\u00e9"}'))
        check(reply["id"] == "mine é", f"the id comes back: {reply}")
        game.release()
        outside = [name for name in os.listdir(test.folder) if name not in ("b", "out", "home", "stderr.txt")]
        check(not outside, f"written outside the output folder: {outside}")


@case
def each_request_is_done_once(test):
    """Replayed, out of order, of another epoch."""
    with driven(test, test.game("explore_tower"), ("-j", 1, "--frames", 2000)) as run:
        game = run.attach()
        step = {"v": 1, "op": "step", "instance": game.instance, "epoch": game.epoch, "seq": 1, "frames": 3}
        first = run.bus.request_raw(json.dumps(step).encode())
        again = run.bus.request_raw(json.dumps(step).encode())
        check(first == again and json.loads(first)["ok"], f"{first} {again}")

        def code(**changes):
            return json.loads(run.bus.request_raw(json.dumps({**step, **changes}).encode())).get("error", {}).get("code")

        check(code(seq=3) == "sequence-gap", "a gap")
        check(code(seq=2) is None, "the next one")
        check(code(seq=1) == "old-sequence", "an old one")
        check(code(seq=3, epoch=game.epoch % 1000 + 1) == "stale-epoch", "another epoch")
        check(code(seq=3, instance=4711) == "unknown-instance", "another instance")
        mine = run.bus.request("attach", client=game.client)
        check((mine["instance"], mine["epoch"], mine["seq"]) == (game.instance, game.epoch, 2), f"attached again: {mine}")
        refused("no-instance", run.bus.request, "attach", client="somebody-else")
        game.seq = 2
        before = game.request("release")
        game.seq -= 1
        check(game.request("release") == before, "the release, asked for again")
        refused("ended", game.request, "step")


# --- who is slow, dead or not asked ---

@case
def a_stopped_subscriber_holds_up_nobody(test):
    """Whoever reads nothing loses events; the run and the bus's memory do not notice."""
    script = ("import sys; sys.path.insert(0, sys.argv[1]); import moth_bus; e = moth_bus.Events(sys.argv[2])\n"
              "for topic, event in e: topic == 'state' and print(topic, flush=True)\n")
    agent = os.path.join(ROOT, "agents", "monkey.lua")
    with driven(test, test.game("explore_tower"), ("-j", 1, "-a", agent + "=1000", "--frames", 60000, "--instance-frames", 8000,
                                                   "--max-findings", 1000)) as run:
        reader = subprocess.Popen([sys.executable, "-c", script, os.path.dirname(moth_bus.__file__), run.url],
                                  stdout=subprocess.PIPE, env=test.environment())
        try:
            check(reader.stdout.readline() == b"state\n", "no state came")
            reader.send_signal(signal.SIGSTOP)
            with moth_bus.Events(run.url, ["progress", "state", "run"], timeout_s=PATIENCE_S) as events:
                pid, states, last = run.bus_process(), 0, 0
                for topic, event in events:
                    states += len(event["states"]) if topic == "state" else 0
                    if topic == "progress":
                        last = event["frames"]
                    if last > 20000:
                        break
                check(states > 1000, f"only {states} states came")
                with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                    resident_kb = int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))
                check(resident_kb < 64 << 10, f"the bus process has {resident_kb} kB")
        finally:
            reader.kill()
            reader.wait()
            reader.stdout.close()


@case
def a_silent_client_loses_its_instance(test):
    """A killed one too; the instance is ended in order and the next program gets the next one."""
    script = ("import sys, time; sys.path.insert(0, sys.argv[1]); import moth_bus\n"
              "g = moth_bus.Bus(sys.argv[2]).attach(wait_s=30, lease_s=0.5); g.step(30); print(g.epoch, flush=True)\n"
              "time.sleep(1000)\n")
    with driven(test, test.game("explore_tower"), ("-j", 1, "--frames", 2000)) as run:
        client = subprocess.Popen([sys.executable, "-c", script, os.path.dirname(moth_bus.__file__), run.url],
                                  stdout=subprocess.PIPE, env=test.environment())
        epoch = int(client.stdout.readline())
        client.kill()
        client.wait()
        client.stdout.close()
        game = run.attach()
        check(game.instance != 0, "the same instance once more")
        refused("ended", run.bus.request, "step", instance=0, epoch=epoch, seq=2)
        game.release()
        report = run.end()
        check(any("said nothing" in warning for warning in report["warnings"]), f"{report['warnings']}")
        check(report["instances"] >= 2 and report["frames_total"] >= 30, "the first instance counts")


@case
def a_dead_bus_process_is_replaced(test):
    """In the middle of a session: it goes on, with its snapshots, and the run says what happened."""
    with driven(test, test.game("explore_tower"), ("-j", 1, "--frames", 3000)) as run:
        with moth_bus.Events(run.url, ["progress"], timeout_s=PATIENCE_S) as events, run.attach() as game:
            game.step(5)
            here = game.snapshot()
            before = events.next()[1]["n"]
            for _ in range(2):
                os.kill(run.bus_process(), signal.SIGKILL)
                game.step(10)
            game.restore(here)
            check(game.frame == 6, f"frame {game.frame}")
            ended = climb(game)["ended"]
            check(ended["kind"] == "crash", f"{ended}")
            check(events.next()[1]["n"] > before, "events are counted on")
        report = run.end()
        check(len(report["findings"]) == 1, "the finding")
        check(any("bus process died" in warning for warning in report["warnings"]), f"{report['warnings']}")
        check(not sockets(test), f"left: {sockets(test)}")


@case
def a_stopped_bus_process_is_replaced(test):
    with driven(test, test.game("explore_tower"), ("-j", 1, "--frames", 3000)) as run:
        game = run.attach()
        os.kill(run.bus_process(), signal.SIGSTOP)
        check(game.step(10)["frame"] == game.frame, "the step is done once somebody is there again")
        game.release()


@case
def a_dead_worker_is_told(test):
    """Whoever drives an instance whose worker is killed hears of it at once, and can take it again."""
    with driven(test, test.game("hang"), ("-j", 1, "--frames", 3000, "--frame-cpu-ms", 10000)) as run:
        game, failures = run.attach(), []
        worker, = (pid for pid, name in test.processes().items() if name == "moth" and pid != run.process.pid)

        def step():
            try:
                game.step(40, SECRET)
            except moth_bus.BusError as error:
                failures.append(error)

        thread = threading.Thread(target=step)
        thread.start()
        with moth_bus.Bus(run.url) as other:
            while not other.request("ping", instance=game.instance, epoch=game.epoch)["busy"]:
                pass  # until it is at it
        os.kill(worker, signal.SIGKILL)
        thread.join(PATIENCE_S)
        check(len(failures) == 1 and isinstance(failures[0], moth_bus.Ended), f"{failures}")
        again = run.attach()
        check(again.instance == game.instance and again.epoch != game.epoch, "the same instance, anew")
        again.release()


@case
def a_killed_run_leaves_nothing(test):
    """kill -9 of the supervisor: no socket, no process, and a client that is told instead of left to wait."""
    with driven(test, test.game("explore_tower"), ("-j", 1, "--frames", 3000)) as run:
        game = run.attach()
        game.step(5)
        check(sockets(test) == ["bus.control", "bus.events"], f"{sockets(test)}")
        pids = list(processes_of(test.mark, test.folder))
        run.process.kill()
        run.process.wait()
        check(wait_gone(pids, time.monotonic() + PATIENCE_S), "processes are left")
        check(not sockets(test), f"sockets are left: {sockets(test)}")
        run.bus.timeout_s = 1
        try:
            game.step(1)
            raise Failed("somebody answered")
        except moth_bus.Timeout:
            pass


@case
def both_killed_leave_nothing(test):
    """The bus process and, before it is replaced, the supervisor."""
    with driven(test, test.game("explore_tower"), ("-j", 1, "--frames", 3000)) as run:
        pids = list(processes_of(test.mark, test.folder))
        run.process.send_signal(signal.SIGSTOP)
        os.kill(run.bus_process(), signal.SIGKILL)
        run.process.kill()
        run.process.wait()
        check(wait_gone(pids, time.monotonic() + PATIENCE_S), "processes are left")
        check(not sockets(test), f"sockets are left: {sockets(test)}")


# --- where it may be ---

def usage(test, url, *words, options=()):
    result = test.moth("run", "-a", "outside", "--frames", 100, "-o", test.path("o"), "--bus", url, *options, "--",
                       test.game("explore_tower"))
    check(result.status == 2, f"exit 2 expected for --bus {url}\n" + result.describe())
    for word in words:
        check(word in result.err, f"'{word}' expected for --bus {url}\n" + result.describe())


@case
def only_private_places(test):
    """A folder that others may enter, a link, a long path, another's socket: refused, with what to do."""
    os.mkdir(test.socket_path("open"), 0o755)
    os.chmod(test.socket_path("open"), 0o755)
    usage(test, "ipc://" + test.socket_path("open", "bus"), "open to others", "700")
    usage(test, "ipc:///tmp/moth-test-bus", "/tmp")
    os.mkdir(test.socket_path("own"), 0o700)
    os.symlink(test.socket_path("own"), test.socket_path("link"))
    usage(test, "ipc://" + test.socket_path("link", "bus"), "symbolic link")
    usage(test, "ipc://" + test.socket_path("own", "x" * 120), "107")
    try:
        moth_bus.Bus("ipc://" + test.socket_path("own", "x" * 120)).list()
        raise Failed("the client takes a path that is too long")
    except moth_bus.BusError as error:
        check("107" in str(error), f"{error}")
    usage(test, "ipc://bus", "absolute path")
    usage(test, "ipc:///", "absolute path")
    usage(test, "http://x", "ipc://")
    usage(test, "tcp://0.0.0.0:5555", "--bus-allow-remote")
    usage(test, "tcp://*:5555", "--bus-allow-remote")
    usage(test, "tcp://127.0.0.1:65535", "65534")
    usage(test, "tcp://127.0.0.1:x", "port")
    usage(test, "ipc://" + test.socket_path("own", "bus"), "token", options=("--bus-token", test.path("none")))
    with open(test.socket_path("own", "bus.events"), "w", encoding="utf-8") as file:
        file.write("not a socket")
    usage(test, "ipc://" + test.socket_path("own", "bus"), "no socket")
    os.unlink(test.socket_path("own", "bus.events"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(test.socket_path("own", "bus.control"))
        listener.listen()
        usage(test, "ipc://" + test.socket_path("own", "bus"), "another program listens")
    # … which is dead now: its socket goes
    with driven(test, test.game("explore_tower"), ("-j", 1), url="ipc://" + test.socket_path("own", "bus")) as run:
        mode = stat.S_IMODE(os.stat(test.socket_path("own", "bus.control")).st_mode)
        check(mode & 0o077 == 0, f"the socket's mode is {mode:o}")
        usage(test, "ipc://" + test.socket_path("own", "bus"), "another run")
        run.bus.list()


@case
def made_folder_is_private(test):
    old = os.umask(0)
    try:
        with driven(test, test.game("explore_tower"), ("-j", 1)) as run:
            check(stat.S_IMODE(os.stat(test.socket_path("b")).st_mode) == 0o700, "the folder is open")
            run.bus.list()
    finally:
        os.umask(old)


def free_port():
    """Of two in a row."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            try:
                second.bind(("127.0.0.1", first.getsockname()[1] + 1))
                return first.getsockname()[1]
            except OSError:
                continue


@case
def tcp_needs_a_token(test):
    """On loopback, with a token that only the user can read."""
    url = f"tcp://127.0.0.1:{free_port()}"
    with driven(test, test.game("explore_tower"), ("-j", 1, "--frames", 2000), url=url, wait=False) as run:
        refused("denied", run.bus.list)
        run.bus.token = "wrong" * 8
        refused("denied", run.bus.attach, wait_s=1)
        path = os.path.join(run.out, "bus.token")
        check(path in run.stderr(), "the run does not say where the token is\n" + run.stderr())
        check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, "others can read the token")
        run.bus = moth_bus.Bus(url, token=path, timeout_s=PATIENCE_S)
        with run.attach() as game:
            game.step(3)
            check(game.picture("png").width == game.window[0], "PNG over TCP")
        run.end()
        check(not os.path.exists(path), "the token is left")


# --- being told ---

@case
def events_tell_the_run(test):
    """Begin, instances, states, findings (on disk by then), progress each second, end."""
    script = test.write("late.lua", "return function(game) game:step(120) end\n")
    with driven(test, test.game("null_deref"), ("-j", 1, "-s", script, "--frames", 1500, "--replays", 3)) as run:
        heard = []
        with moth_bus.Events(run.url, timeout_s=PATIENCE_S) as events:
            topic, event = events.next()
            while topic != "progress":
                topic, event = events.next()
            game = run.attach()
            game.step(60)
            while not heard or heard[-1][0] != "progress":
                heard.append(events.next())  # until a second is over
            game.step(40, SECRET)
            for topic, event in events:
                heard.append((topic, event))
                if topic == "finding" and event["event"] == "found":
                    stored = os.path.join(run.out, event["path"], "finding.json")
                    check(os.path.exists(stored), "told before it was on disk")
                if topic == "finding" and event["event"] == "replayed":
                    run.bus.close()
                    run.process.send_signal(signal.SIGINT)
        run.end()
        check(all(event["v"] == 1 for _, event in heard), "versions")
        said = {(topic, event.get("event")) for topic, event in heard}
        for wanted in (("instance", "attached"), ("instance", "detached"), ("instance", "end"), ("finding", "found"), ("finding", "replayed"),
                       ("run", "end"), ("state", None), ("progress", None)):
            check(wanted in said, f"{wanted} was not said: {sorted(map(str, said))}")
        found = next(event for topic, event in heard if topic == "finding")
        check(found["kind"] == "crash" and found["new"] is True, f"{found}")
        end = heard[-1][1]
        check(end["findings"] == 1 and end["interrupted"] is True, f"{end}")
        messages = [event for topic, event in heard if topic == "state"]
        numbers = [event["n"] for event in messages]
        check(numbers == sorted(set(numbers)), "states are counted")
        frames = [seen["frame"] for event in messages for seen in event["states"] if seen["instance"] == game.instance]
        check(frames == list(range(frames[0], frames[-1] + 1)) and len(frames) > 10, f"each frame once: {frames}")


# --- programs ---

DOOM = ["/usr/games/chocolate-doom", "-iwad", "/usr/share/games/doom/freedoom1.wad", "-nogui", "-window"]


def doom():
    if not all(os.path.exists(path) for path in (DOOM[0], DOOM[2])):
        skip("chocolate-doom or freedoom is not installed")
    return DOOM


def example(test, *names):
    path = os.path.join(test.settings.build, *names)
    check(os.path.exists(path), f"no {path}: it was not built")
    return path


@case
def python_policy_plays_a_real_game(test):
    """The example's policy, in a game as it is installed."""
    check_program(test, [sys.executable, os.path.join(ROOT, "examples", "bus", "policy.py")], r"episode 2: \d+ steps")


@case
def c_client_plays_a_real_game(test):
    check_program(test, [example(test, "examples", "bus", "bus_client")], r"frame \d+: picture [0-9a-f]{16}")


def check_program(test, program, wanted):
    doom()
    url = "ipc://" + test.socket_path("b", "bus")
    with open(test.path("stderr.txt"), "wb") as err:
        run = test.start("run", "-a", "outside", "-j", 1, "--bus", url, "-o", test.path("out"), "--duration", "100s", "--",
                         *DOOM, stdout=subprocess.DEVNULL, stderr=err)
    try:
        done = subprocess.run([*program, url], capture_output=True, text=True, timeout=90, env=test.environment(), check=False)
        check(done.returncode == 0 and re.search(wanted, done.stdout), f"{done.returncode}\n{done.stdout}{done.stderr}")
    finally:
        run.send_signal(signal.SIGINT)
        status = run.wait(PATIENCE_S)
    check(status == 130, f"the run ended with {status}")
    report = read_json(test.path("out", "run.json"))
    check(report["frames_total"] > 100 and not report["findings"], json.dumps(report)[:1500])


@case
def env_is_deterministic(test):
    """Two episodes with the same actions see the same, whether they begin at a snapshot or at a launch."""
    with driven(test, test.game("explore_tower"), ("-j", 1, "--duration", "60s")) as run:
        env = moth_bus.Env(run.url, [[{"tap": [key, 2]}] for key in KEYS], frames=4, start=[(3, [])],
                           reward=lambda before, after: after["floor"] - before["floor"], max_steps=6)
        episodes = []
        for _ in range(2):
            observation, info = env.reset()
            seen = [(observation, info["frame"])]
            for action in (0, 1, 2, 3, 0, 1):
                observation, reward, terminated, truncated, info = env.step(action)
                seen.append((observation, reward, terminated, truncated, info["frame"]))
            check(seen[-1][3] is True, "max_steps truncates")
            episodes.append(seen)
        check(episodes[0] == episodes[1], f"{episodes}")
        env.close()


@case
def the_document_is_true(test):
    """Each exchange of BUS.md is had as it stands there: a line `> request` and the members that `< reply` names."""
    with open(os.path.join(ROOT, "harness", "BUS.md"), encoding="utf-8") as file:
        blocks = re.findall(r"^```bus\n(.*?)^```$", file.read(), flags=re.M | re.S)
    check(len(blocks) >= 8, f"only {len(blocks)} exchanges in BUS.md")
    names = {}

    def agrees(wanted, got):
        if isinstance(wanted, dict):
            return isinstance(got, dict) and all(key in got and agrees(value, got[key]) for key, value in wanted.items())
        if isinstance(wanted, list):
            return isinstance(got, list) and len(wanted) == len(got) and all(map(agrees, wanted, got))
        if isinstance(wanted, str) and wanted.startswith("$"):
            return names.setdefault(wanted, got) == got
        return wanted == "…" or wanted == got

    def filled(text):
        return re.sub(r'"\$\w+"', lambda found: json.dumps(names[found.group(0).strip('"')]), text)

    with driven(test, test.game("explore_tower"), ("-j", 1, "--frames", 2000)) as run:
        for block in blocks:
            for request, reply in re.findall(r"^> (.*)\n< (.*)$", block, flags=re.M):
                got = json.loads(run.bus.request_raw(filled(request).encode()))
                check(agrees(json.loads(reply), got), f"BUS.md: {request}\nsays {reply}\nbut it is {got}")
