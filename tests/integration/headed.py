# SPDX-License-Identifier: MIT
"""A person at the window, played by xdotool on a virtual screen: recording, replaying before somebody's eyes, taking
over, and a debugger that waits. What happens is followed by moth's own --events, so nothing here waits by the clock."""
import json
import os
import re
import select
import signal
import subprocess
import time

from driver import Failed, case, check
from bad_input import USAGE, expect_error

PATIENCE_S = 60  # until something that must come is given up


class Desk:
    """A screen, a moth with a window on it, and hands."""

    def __init__(self, test):
        self.test, self.process, self.events, self.buffer, self.window = test, None, None, b"", None
        read, write = os.pipe()
        self.screen = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
                                       pass_fds=[write], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, env=test.environment())
        os.close(write)
        display = b""
        while not display.endswith(b"\n"):
            check(select.select([read], [], [], PATIENCE_S)[0], "Xvfb does not say which display it has")
            more = os.read(read, 16)
            check(more, "Xvfb has ended")
            display += more
        self.environment = {"DISPLAY": ":" + display.decode().strip()}
        os.close(read)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.events is not None:
            os.close(self.events)
        self.screen.terminate()
        self.screen.wait()

    def start(self, verb, *args):
        """Start a moth with a window, and wait until it is ready. What it says goes to a file."""
        pipe = self.test.path(f"events{self.test.runs}")
        self.test.runs += 1
        os.mkfifo(pipe)
        with open(self.test.path("out.txt"), "wb") as out, open(self.test.path("err.txt"), "wb") as err:
            self.process = self.test.start(verb, "--events", pipe, *args, env=self.environment, stdout=out, stderr=err)
        self.events, self.buffer = os.open(pipe, os.O_RDONLY), b""
        ready = self.wait_for("ready")
        self.window = ready["window"]
        self.hand("windowfocus", self.window)
        return ready

    def next_event(self, deadline=None):
        deadline = deadline or time.monotonic() + PATIENCE_S
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.events], [], [], left)[0]:
                raise Failed("what must come does not come\n" + self.said())
            more = os.read(self.events, 65536)
            if not more:
                return None
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def wait_for(self, event, **members):
        deadline = time.monotonic() + PATIENCE_S  # in sum: the game's progress is told all the while
        while True:
            got = self.next_event(deadline)
            if got is None:
                raise Failed(f"moth ended before '{event}'\n" + self.said())
            if got["event"] == event and all(got.get(name) == value for name, value in members.items()):
                return got

    def wait_frames(self, frames):
        """Until so many frames of the game have passed, by moth's telling every second of game time."""
        first = self.wait_for("progress")["frame"]
        while self.wait_for("progress")["frame"] < first + frames:
            pass

    def hand(self, *words):
        subprocess.run(["xdotool", *map(str, words)], env={**os.environ, **self.environment}, check=True, timeout=PATIENCE_S)

    def moth_key(self, key):
        """A key that is moth's own."""
        self.hand("keydown", "F12", "key", key, "keyup", "F12")

    def point(self, x, y, picture=(320, 240), strip=76):
        """The window's place of a place in the game's picture."""
        shape = subprocess.run(["xdotool", "getwindowgeometry", "--shell", str(self.window)], check=True, text=True,
                               capture_output=True, env={**os.environ, **self.environment}, timeout=PATIENCE_S).stdout
        size = dict(line.split("=") for line in shape.split())
        width, height = int(size["WIDTH"]), int(size["HEIGHT"]) - strip
        scale = min(width // picture[0], height // picture[1])
        return (width - scale * picture[0]) // 2 + scale * x, (height - scale * picture[1]) // 2 + scale * y

    def click(self, x, y):
        self.hand("mousemove", "--window", self.window, *self.point(x, y), "click", 1)

    def said(self):
        texts = []
        for name in ("out.txt", "err.txt"):
            with open(self.test.path(name), encoding="utf-8", errors="replace") as file:
                texts.append(file.read())
        return "\n".join(texts)

    def status(self):
        """Wait for moth's end, reading on so that it need not wait for us."""
        while self.next_event():
            pass
        status = self.process.wait(PATIENCE_S)
        check(status >= 0, f"moth died of signal {-status}\n" + self.said())
        return status


KEY_DOWN, KEY_UP, BUTTON_UP = 1, 2, 6
RIGHT, SPACE = 79, 44


def play_rooms(desk):
    """Walk through two doors of record_rooms, with pauses: half a minute of game time, keys and mouse."""
    for room in range(2):
        desk.hand("key", "space")
        desk.wait_for("input", type=KEY_UP, code=SPACE)
        desk.click(290, 50)
        desk.wait_for("input", type=BUTTON_UP)
        desk.wait_frames(120)
        desk.hand("keydown", "Right")
        desk.wait_frames(120)
        desk.hand("keyup", "Right")
        desk.wait_for("input", type=KEY_UP, code=RIGHT)
        if room == 0:
            desk.moth_key("m")
            desk.wait_for("mark")
    for step in range(12):
        desk.hand("mousemove", "--window", desk.window, *desk.point(100 + 5 * step, 100 + 3 * step))
    desk.wait_frames(1200)


def record_rooms(test, desk):
    folder = test.path("recording")
    desk.start("record", "--speed", 8, "-o", folder, "--", test.game("record_rooms"))
    play_rooms(desk)
    desk.moth_key("q")
    end = desk.wait_for("end")
    check(desk.status() == 0, "a recording that was ended by hand is no failure\n" + desk.said())
    check(end["state"]["room"] == 2 and end["state"]["coins"] == 2, f"the fixture was not played as meant: {end}")
    check(end["frame"] > 1800, f"half a minute was to be played: {end}")
    return folder, end


def final_state(test, script, game):
    """What the scenario comes to: its last words."""
    result = test.moth("run", "-v", "--spike-ms", 0, "--softlock-s", 0, "--minimize-frames", 0, "-s", script, "--frames", 40000, "--instance-frames",
                       5000, "--out", test.path("played"), "--", game)
    check(result.status == 0, "the scenario found something\n" + result.describe())
    found = re.findall(r"FINAL\s(.*)", result.err)
    check(len(found) == 1, "the scenario did not come to its end\n" + result.describe())
    return found[0].split()


def with_last_words(text):
    head, _, tail = text.rpartition("end\n")
    return head + '    print("FINAL", game.state.room, game.state.coins, game.frame, game:picture())\nend\n' + tail


@case
def recorded_and_played_again(test):
    """The trace, its scenario, and the scenario with other waits come to where the person came to."""
    with Desk(test) as desk:
        folder, end = record_rooms(test, desk)
        replay = test.moth("replay", "--json", folder + "/trace.moth")
        told = json.loads(replay.out)
        check(replay.status == 0 and told["divergence"] is None and told["frames"] == end["frame"], replay.describe())
        desk.start("replay", "--headed", "--speed", "max", "--exit-at-end", folder + "/trace.moth")
        again = desk.wait_for("end")
        check(desk.status() == 0, "a replay in a window\n" + desk.said())
        check((again["picture"], again["state"]) == (end["picture"], end["state"]), f"{again} is not {end}")
    with open(folder + "/scenario.lua", encoding="utf-8") as file:
        text = file.read()
    for wanted in ("wait_until", "game.state.room == 1", "game.state.door", 'game:mark("mark 1")', 'game:tap("space"', "path(game"):
        check(wanted in text, f"the scenario has no {wanted}:\n{text}")
    for unwanted in ("game.state.x", "game.state.clock"):
        check(unwanted not in text, f"the scenario waits for what runs along by itself, {unwanted}:\n{text}")
    check(len(text.splitlines()) < 120, f"a scenario of {len(text.splitlines())} lines is not one to read:\n{text}")
    game = test.game("record_rooms")
    room, coins, frame, picture = final_state(test, test.write("same.lua", with_last_words(text)), game)
    check([int(room), int(coins), int(frame), picture] == [2, 2, end["frame"], end["picture"]],
          f"the scenario came to {room} {coins} {frame} {picture}, the person to {end}")
    edited = re.sub(r"game:step\((\d\d+)\)", lambda match: f"game:step({int(match[1]) + 17})", text)
    check(edited != text, "there was no wait to change\n" + text)
    room, coins, _, _ = final_state(test, test.write("edited.lua", with_last_words(edited)), game)
    check([int(room), int(coins)] == [2, 2], f"with other waits it comes to room {room}, {coins} coins:\n{edited}")


@case
def watched_while_recording(test):
    """What is named with --watch is waited for, and the script watches it, too."""
    folder = test.path("recording")
    with Desk(test) as desk:
        desk.start("record", "--speed", 8, "--watch", "where=one.room", "-o", folder, "--", test.game("record_rooms"))
        desk.click(290, 50)
        desk.wait_for("input", type=BUTTON_UP)
        desk.hand("keydown", "Right")
        desk.wait_frames(240)
        desk.hand("keyup", "Right")
        desk.wait_for("input", type=KEY_UP, code=RIGHT)
        desk.moth_key("q")
        end = desk.wait_for("end")
        check(desk.status() == 0, desk.said())
    check(end["state"]["where"] == 1, f"the watched room: {end}")
    with open(folder + "/scenario.lua", encoding="utf-8") as file:
        text = file.read()
    check('game:watch { where = "one.room" }' in text and "game.state.where == 1" in text, text)
    room, *_ = final_state(test, test.write("same.lua", with_last_words(text)), test.game("record_rooms"))
    check(room == "1", f"the scenario came to room {room}\n{text}")
    expect_error(test.moth("record", "--watch", "where=one.", "-o", test.path("r"), "--", test.game("record_rooms"),
                           env={"SDL_VIDEODRIVER": "dummy"}), USAGE, "--watch")


@case
def going_back_while_recording(test):
    """What came after the place that was returned to is not in the recording."""
    folder = test.path("recording")
    with Desk(test) as desk:
        desk.start("record", "--speed", 4, "-o", folder, "--", test.game("record_rooms"))
        desk.hand("key", "space")
        desk.wait_for("input", type=KEY_UP, code=SPACE)
        desk.moth_key("s")
        kept = desk.wait_for("kept")["frame"]
        desk.click(290, 50)
        desk.wait_for("input", type=BUTTON_UP)
        desk.wait_frames(120)
        desk.moth_key("l")
        check(desk.wait_for("rewound")["frame"] == kept, f"it did not return to frame {kept}")
        desk.wait_frames(120)
        desk.moth_key("q")
        end = desk.wait_for("end")
        check(desk.status() == 0, desk.said())
    check(end["state"]["coins"] == 1 and end["state"]["door"] is False, f"the lever was pulled after all: {end}")
    replay = test.moth("replay", "--json", folder + "/trace.moth")
    told = json.loads(replay.out)
    check(replay.status == 0 and told["divergence"] is None and told["frames"] == end["frame"], replay.describe())


def find_crash(test):
    run = test.run(test.game("null_deref"), options=("--replays", "1"))
    check(len(run.findings) == 1 and run.findings[0]["kind"] == "crash", run.describe())
    return os.path.join(run.folder, "findings", run.findings[0]["fingerprint"]), run.findings[0]


@case
def finding_before_ones_eyes(test):
    """Pause, one frame, back, on to the finding, the end; and the verdict is the usual one."""
    folder, finding = find_crash(test)
    with Desk(test) as desk:
        desk.start("replay", "--headed", "--json", folder)
        desk.hand("key", "space")
        at = desk.wait_for("paused")["frame"]
        desk.hand("key", "period")
        check(desk.wait_for("stepped")["frame"] == at + 1, "a single step is one frame")
        desk.hand("key", "f")
        check(desk.wait_for("jumped")["frame"] == finding["frame"] - 60, "F leads to a second before it")
        desk.hand("key", "Left")
        check(desk.wait_for("back")["frame"] == 1, "back is towards the beginning")
        desk.hand("key", "space")
        desk.wait_for("resumed")
        check(desk.wait_for("end")["finding"] == finding["fingerprint"], "it did not happen before one's eyes")
        desk.hand("key", "q")
        check(desk.status() == 0, "the finding happened\n" + desk.said())
        with open(test.path("out.txt"), encoding="utf-8") as file:
            told = json.load(file)
        check(told["happened"] is True and told["finding"]["fingerprint"] == finding["fingerprint"], f"{told}")
        desk.start("replay", "--headed", "--speed", "max", folder)
        desk.hand("key", "q")
        check(desk.status() in (0, 130), "closed\n" + desk.said())


@case
def taken_over(test):
    """A trace plays the first part, a person goes on, and the new recording is the whole."""
    folder, _ = find_crash(test)
    made = test.path("mine")
    with Desk(test) as desk:
        ready = desk.start("replay", "--headed", "--until", 40, "--speed", 4, "-o", made, folder)
        check(ready["frame"] == 40, f"the controls were to be handed over at frame 40: {ready}")
        check(ready["speed"] == 1, f"a person is to play at four times the speed: {ready}")
        desk.hand("key", "space")
        desk.wait_for("input", type=KEY_UP, code=SPACE)
        desk.wait_for("progress")
        desk.moth_key("q")
        end = desk.wait_for("end")
        check(desk.status() == 0, desk.said())
    replay = test.moth("replay", "--json", made + "/trace.moth")
    told = json.loads(replay.out)
    check(replay.status == 0 and told["frames"] == end["frame"] and told["divergence"] is None, replay.describe())
    with open(made + "/scenario.lua", encoding="utf-8") as file:
        text = file.read()
    check('"right"' in text and '"space"' in text, f"both parts belong into the scenario:\n{text}")
    result = test.moth("replay", "--until", 40, folder)
    check(result.status == 0 and "40 frames" in result.out, "without a window it ends there\n" + result.describe())


@case
def crash_while_recording(test):
    folder = test.path("recording")
    with Desk(test) as desk:
        desk.start("record", "-o", folder, "--replays", 2, "--json", "--", test.game("null_deref"))
        desk.hand("key", "--delay", 50, "Up", "Up", "Down", "Return")
        end = desk.wait_for("end")
        check(desk.status() == 1, "a crash is a finding\n" + desk.said())
        with open(test.path("out.txt"), encoding="utf-8") as file:
            told = json.load(file)
    check(told["finding"]["fingerprint"] == end["finding"] and told["finding"]["reproduced"] == "2/2", f"{told}")
    check("open_chest" in told["finding"]["stack"][0], f"{told}")
    files = os.listdir(os.path.join(folder, "findings", end["finding"]))
    for name in ("finding.json", "trace.moth", "stack.txt", "game.log", "last.png"):
        check(name in files, f"the finding has no {name}: {files}")
    for trace in (folder + "/trace.moth", os.path.join(folder, "findings", end["finding"])):
        replay = test.moth("replay", trace)
        check(replay.status == 0, "it happens again\n" + replay.describe())


@case
def killed_while_recording(test):
    """What was played so far is on disk, whatever becomes of moth."""
    folder = test.path("recording")
    with Desk(test) as desk:
        desk.start("record", "-o", folder, "--speed", 2, "--", test.game("record_rooms"))
        desk.hand("key", "space")
        at = desk.wait_for("input", type=KEY_UP, code=SPACE)["frame"]
        desk.process.kill()
        desk.process.wait()
        replay = test.moth("replay", "--json", folder + "/trace.moth")
        told = json.loads(replay.out)
        check(replay.status == 0 and told["divergence"] is None and told["frames"] >= at, replay.describe())


@case
def debugger_at_the_finding(test):
    """A breakpoint in the function that is about to crash is hit, and then it is the crash it was."""
    folder, _ = find_crash(test)
    with open(test.path("err.txt"), "w+b") as err:
        process = test.start("replay", "--break", folder, stdout=subprocess.DEVNULL, stderr=err)
        pid = None
        deadline = time.monotonic() + PATIENCE_S
        while not pid and process.poll() is None and time.monotonic() < deadline:
            with open(test.path("err.txt"), encoding="utf-8") as said:
                found = re.search(r"gdb -p (\d+) (-ex '.*')", said.read())
            pid = found and found[1]
            select.select([], [], [], 0.02)
        check(pid, "no process for a debugger was named")
        gdb = subprocess.run(["gdb", "-nx", "-p", pid, "-batch", "-ex", "handle SIGSYS SIG63 nostop noprint pass", "-ex",
                              "break open_chest", "-ex", "continue", "-ex", "backtrace"], capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, timeout=PATIENCE_S, check=False)
        check("Breakpoint 1, open_chest" in gdb.stdout and re.search(r"#1 .* main ", gdb.stdout), gdb.stdout + gdb.stderr)
        check(process.wait(PATIENCE_S) == 0, "after the debugger has let go, the finding happens")


@case
def debugger_that_never_comes(test):
    """SIGCONT goes on without one."""
    folder, _ = find_crash(test)
    with open(test.path("err.txt"), "w+b") as err:
        process = test.start("replay", "--break", folder, stdout=subprocess.DEVNULL, stderr=err)
        deadline = time.monotonic() + PATIENCE_S
        said = ""
        while "gdb -p" not in said and process.poll() is None and time.monotonic() < deadline:
            with open(test.path("err.txt"), encoding="utf-8") as file:
                said = file.read()
            select.select([], [], [], 0.02)
        process.send_signal(signal.SIGCONT)
        check(process.wait(PATIENCE_S) == 0, "it goes on, and the finding happens\n" + said)


@case
def without_a_screen(test):
    folder, _ = find_crash(test)
    nowhere = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "XDG_RUNTIME_DIR": test.path("none")}
    for args in (("record", "-o", test.path("r"), "--", test.game("null_deref")), ("replay", "--headed", folder),
                 ("replay", "--headed", "--until", "10", "-o", test.path("m"), folder)):
        expect_error(test.moth(*args, env=nowhere), USAGE, "no screen", "xvfb-run")
    check(test.moth("replay", folder, env=nowhere).status == 0, "what needs no window needs no screen")


@case
def options_that_do_not_go_together(test):
    folder, finding = find_crash(test)
    clean = test.run(test.game("null_deref_clean"), agent="watcher", frames=60)
    trace = os.path.join(clean.folder, "traces", "00000000.moth")
    for words, *args in ((["--headed", "--break"], "--headed", "--break", folder),
                         (["--times"], "--headed", "--times", 2, folder),
                         (["--times"], "--break", "--times", 2, folder),
                         (["--expect-clean"], "--headed", "--until", 5, "--expect-clean", folder),
                         (["--until", "frames"], "--until", 100000, folder),
                         (["--until"], "--until", finding["frame"] + 50000, folder),
                         (["no finding", "--until"], "--break", trace),
                         (["--out"], "--out", test.path("x"), folder),
                         (["--events"], "--events", test.path("x"), folder),
                         (["--exit-at-end"], "--exit-at-end", folder),
                         (["--speed"], "--headed", "--speed", "fast", folder),
                         (["--speed"], "--headed", "--speed", "-1", folder),
                         (["--host-key", "f9'"], "--headed", "--until", 5, "--host-key", "f99", folder)):
        expect_error(test.moth("replay", *args), USAGE, *words)
    test.write("taken/trace.moth", b"")
    expect_error(test.moth("record", "-o", test.path("taken"), "--", test.game("null_deref")), USAGE, "already", "--force")
    expect_error(test.moth("record"), USAGE, "game")
