# SPDX-License-Identifier: MIT
"""Drive games that moth plays, and watch its runs, from Python. One file: copy it beside your program.

Needs Python 3.8 and libnanomsg (Debian: libnanomsg5), nothing else. Where gymnasium is installed, Env is a
gymnasium.Env; where numpy is, pictures are arrays.

    moth run -j 2 -a outside --bus ipc:///tmp/moth-me/bus --duration 1h -- ./game

    from moth_bus import Bus
    with Bus("ipc:///tmp/moth-me/bus") as bus, bus.attach(wait_s=30) as game:
        game.step(60, [{"press": "right"}])
        print(game.frame, game.state)

Bus      requests; attach() gives a Game.
Game     one instance: step, snapshot, restore, watch, picture, …
Events   what the run says: for topic, event in Events(url): …
Env      a Game as a Gymnasium environment.

What goes over the bus is in harness/BUS.md of moth. Everything that can go wrong is a BusError: Timeout when nobody
answers, Refused with the code that moth gave, Ended when the instance is over. A request is sent again when its
connection breaks; moth does it once, because each has a number.
"""
import base64
import ctypes
import ctypes.util
import errno
import json
import mmap
import os
import struct
import time
import uuid
import zlib

try:
    import numpy
except ImportError:
    numpy = None
try:
    from gymnasium import Env as _EnvBase
except ImportError:
    _EnvBase = object

__all__ = ["Bus", "Game", "Events", "Env", "Picture", "BusError", "Timeout", "Refused", "Ended", "addresses"]

VERSION = 1
REQUEST_BYTES_MAX = 1 << 20
FRAMES_MAX = 256


class BusError(Exception):
    """Something went wrong between this program and moth."""


class Timeout(BusError):
    """Nobody answered in time: no run is there, or the game takes longer than was waited for."""


class Refused(BusError):
    """moth did not do it. `code` is one of the list in BUS.md."""

    def __init__(self, code, message, seq=None):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.seq = code, message, seq


class Ended(Refused):
    """The instance is over: attach to another."""


def addresses(url):
    """(events, control) of a bus."""
    if url.startswith("tcp://"):
        host, _, port = url.rpartition(":")
        return url, f"{host}:{int(port) + 1}"
    return url + ".events", url + ".control"


# --- nanomsg ---

_AF_SP, _PUB, _SUB, _REQ = 1, 32, 33, 48
_SOL_SOCKET, _RCVTIMEO, _SNDTIMEO, _RECONNECT_IVL, _RECONNECT_IVL_MAX, _RCVMAXSIZE = 0, 5, 4, 6, 7, 16
_SUB_SUBSCRIBE = 1
_MSG = ctypes.c_size_t(-1)


def _load():
    name = ctypes.util.find_library("nanomsg") or "libnanomsg.so.5"
    try:
        library = ctypes.CDLL(name, use_errno=True)
    except OSError as error:
        raise BusError("libnanomsg is not installed (Debian: apt install libnanomsg5)") from error
    library.nn_recv.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.nn_send.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    library.nn_setsockopt.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    library.nn_freemsg.argtypes = [ctypes.c_void_p]
    library.nn_connect.argtypes = [ctypes.c_int, ctypes.c_char_p]
    return library


_nanomsg = None


class _Socket:
    def __init__(self, protocol, url):
        global _nanomsg  # pylint: disable=global-statement
        _nanomsg = _nanomsg or _load()
        self.url = url
        self.number = _nanomsg.nn_socket(_AF_SP, protocol)
        if self.number < 0:
            raise BusError(f"nanomsg: no socket (error {ctypes.get_errno()})")
        self.option(_SOL_SOCKET, _RCVMAXSIZE, -1)
        self.option(_SOL_SOCKET, _RECONNECT_IVL, 20)
        self.option(_SOL_SOCKET, _RECONNECT_IVL_MAX, 500)

    def option(self, level, name, value):
        data = value if isinstance(value, bytes) else struct.pack("i", value)
        if _nanomsg.nn_setsockopt(self.number, level, name, data, len(data)) < 0:
            raise BusError(f"nanomsg: option {name} (error {ctypes.get_errno()})")

    def connect(self):
        path = os.fsencode(self.url[len("ipc://"):]) if self.url.startswith("ipc://") else b""
        if len(path) > 107:  # nanomsg ends the process
            raise BusError(f"{self.url}: a socket's path may have 107 bytes, this one has {len(path)}")
        if _nanomsg.nn_connect(self.number, self.url.encode()) < 0:
            raise BusError(f"{self.url} is no address")

    def send(self, data, timeout_s):
        self.option(_SOL_SOCKET, _SNDTIMEO, max(1, int(timeout_s * 1000)))
        if _nanomsg.nn_send(self.number, data, len(data), 0) < 0:
            raise self._failure("is there a run with that --bus?")

    def receive(self, timeout_s):
        self.option(_SOL_SOCKET, _RCVTIMEO, -1 if timeout_s is None else max(1, int(timeout_s * 1000)))
        pointer = ctypes.c_void_p()
        while True:
            size = _nanomsg.nn_recv(self.number, ctypes.byref(pointer), _MSG, 0)
            if size >= 0:
                break
            if ctypes.get_errno() != errno.EINTR:
                raise self._failure("the run is gone, or busy for longer than was waited for")
        try:
            return ctypes.string_at(pointer, size)
        finally:
            _nanomsg.nn_freemsg(pointer)

    def _failure(self, hint):
        if ctypes.get_errno() in (errno.ETIMEDOUT, errno.EAGAIN):
            return Timeout(f"{self.url}: no answer; {hint}")
        return BusError(f"{self.url}: nanomsg error {ctypes.get_errno()}")

    def close(self):
        if self.number >= 0:
            _nanomsg.nn_close(self.number)
        self.number = -1


# --- requests ---

class Bus:
    """Requests to a run. One at a time; for several instances at once take several, or threads with one each."""

    def __init__(self, url, token=None, timeout_s=60.0):
        """`token`: text, or a file's path; without it MOTH_BUS_TOKEN. `timeout_s`: how long an answer may take."""
        self.url, self.timeout_s = url, timeout_s
        self.token = token or os.environ.get("MOTH_BUS_TOKEN")
        if self.token and os.path.exists(self.token):
            with open(self.token, encoding="utf-8") as file:
                self.token = file.readline().strip()
        self._socket = None

    def _connected(self):
        if self._socket is None:
            self._socket = _Socket(_REQ, addresses(self.url)[1])
            self._socket.connect()
        return self._socket

    def request_raw(self, data, timeout_s=None):
        """Send bytes, return the bytes of the reply."""
        socket = self._connected()
        timeout_s = timeout_s or self.timeout_s
        try:
            socket.send(data, timeout_s)
            return socket.receive(timeout_s)
        except BusError:
            self.close()  # a late reply must not be taken for that of the next request
            raise

    def request(self, op, timeout_s=None, **members):
        """Send a request, return the reply's object. Raises Refused."""
        message = {"v": VERSION, "op": op, **members}
        if self.token:
            message["token"] = self.token
        data = json.dumps(message, separators=(",", ":")).encode()
        if len(data) > REQUEST_BYTES_MAX:
            raise BusError(f"a request has at most {REQUEST_BYTES_MAX} bytes, this one has {len(data)}")
        reply = json.loads(self.request_raw(data, timeout_s))
        if reply.get("ok"):
            return reply
        error = reply.get("error", {})
        kind = Ended if error.get("code") in ("ended", "run-over", "stale-epoch", "unknown-instance") else Refused
        raise kind(error.get("code", "?"), error.get("message", "?"), reply.get("seq"))

    def list(self):
        """What is played now: a list of {instance, state, agent, frame, …}."""
        return self.request("list")["instances"]

    def attach(self, instance=None, wait_s=0.0, lease_s=30.0, client=None):
        """Take a free instance, and wait for one if need be. Returns a Game. The lease: how long the game is kept
        for this program while it says nothing. With the name of a client that holds an instance: that one."""
        members = {"client": client or f"py-{os.getpid()}-{uuid.uuid4().hex[:12]}", "lease_ms": int(lease_s * 1000)}
        if instance is not None:
            members["instance"] = instance
        until = time.monotonic() + wait_s
        while True:
            left = max(0.0, until - time.monotonic())
            if wait_s:
                members["wait_ms"] = int(min(left, 20.0) * 1000)
            try:
                return Game(self, self.request("attach", timeout_s=self.timeout_s + left, **members), members["client"])
            except Refused as refusal:
                if refusal.code != "no-instance" or time.monotonic() >= until:
                    raise

    def close(self):
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Picture:
    """What is on screen: width, height, and `rgbx`, four bytes a pixel (R, G, B, unused), rows from the top."""

    def __init__(self, width, height, rgbx):
        self.width, self.height, self.rgbx = width, height, rgbx

    def array(self):
        """height × width × 3, uint8. Needs numpy."""
        if numpy is None:
            raise BusError("numpy is not installed; use .rgbx")
        return numpy.frombuffer(self.rgbx, numpy.uint8).reshape(self.height, self.width, 4)[:, :, :3]

    @classmethod
    def of_reply(cls, picture):
        """From the member `picture` of a reply; None where there is none."""
        if not picture or "error" in picture:
            return None
        if "png" in picture:
            return cls(picture["width"], picture["height"], _decode_png(base64.b64decode(picture["png"])))
        with open(picture["path"], "rb") as file, \
                mmap.mmap(file.fileno(), picture["bytes"], access=mmap.ACCESS_READ) as memory:
            return cls(picture["width"], picture["height"], memory[:])


def _unfilter(kind, row, above, size):
    for i in range(size, len(row)) if kind == 1 else range(len(row)):
        left = row[i - size] if i >= size else 0
        corner = above[i - size] if i >= size else 0
        if kind == 1:
            row[i] = (row[i] + left) & 255
        elif kind == 2:
            row[i] = (row[i] + above[i]) & 255
        elif kind == 3:
            row[i] = (row[i] + (left + above[i]) // 2) & 255
        elif kind == 4:
            guess = left + above[i] - corner
            distances = abs(guess - left), abs(guess - above[i]), abs(guess - corner)
            nearest = (left, above[i], corner)[distances.index(min(distances))]
            row[i] = (row[i] + nearest) & 255


def _decode_png(data):
    """RGBX of an 8-bit RGB PNG, which is what moth writes."""
    at, packed, width, height = 8, b"", 0, 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height = struct.unpack(">II", body[:8])
        elif kind == b"IDAT":
            packed += body
        at += 12 + size
    raw, above, out = zlib.decompress(packed), bytearray(width * 3), bytearray(width * height * 4)
    for y in range(height):
        begin = y * (width * 3 + 1)
        row = bytearray(raw[begin + 1:begin + 1 + width * 3])
        if raw[begin]:
            _unfilter(raw[begin], row, above, 3)
        for channel in range(3):
            out[y * width * 4 + channel:(y + 1) * width * 4:4] = row[channel::3]
        above = row
    return bytes(out)


class Game:
    """One instance that this program drives. `frame`, `time` and `state` are of the last boundary; `ended` is None,
    or how the game ended: {"kind", "fingerprint", "title", …}."""

    def __init__(self, bus, reply, client):
        self.bus, self.client = bus, client
        self.instance, self.epoch, self.seq = reply["instance"], reply["epoch"], reply["seq"]
        self.frame, self.time = reply.get("frame", 0), reply.get("time", 0.0)
        self.window, self.hz, self.seed = reply.get("window"), reply.get("hz"), reply.get("seed")
        self.members = reply.get("members", ["game"])
        self.lease_s = reply["lease_ms"] / 1000
        self.state, self.events, self.ended, self.picture_reply = {}, [], None, None
        self.closed = False

    def request(self, op, timeout_s=None, **members):
        """A request to the instance, with its number."""
        seq = self.seq + 1
        session = {"instance": self.instance, "epoch": self.epoch, "seq": seq}
        until = time.monotonic() + (timeout_s or self.bus.timeout_s)
        while True:
            try:
                reply = self.bus.request(op, timeout_s, **session, **members)
            except Refused as refusal:
                if refusal.code == "busy" and time.monotonic() < until:  # sent twice, and still at the first
                    time.sleep(0.01)
                    continue
                if refusal.seq == seq:
                    self.seq = seq  # it was tried: its number is used up
                if isinstance(refusal, Ended):
                    self.closed = True
                raise
            self.seq = seq
            return reply

    def step(self, frames=1, inputs=(), observe="last", until=None, picture=None, timeout_s=None):
        """Let the game run. Returns the reply: `observations`, `events`, `ended`, `met`, `picture`. More frames than
        one request may have are sent as several."""
        reply, done, observations, events = None, 0, [], []
        while reply is None or (done < frames and not reply["ended"] and not reply.get("met")):
            part = min(FRAMES_MAX, frames - done)
            members = {"frames": part, "observe": observe}
            now = [dict(entry, at=entry.get("at", 0) - done) for entry in inputs
                   if done <= entry.get("at", 0) < done + part]
            if now:
                members["inputs"] = now
            if until:
                members["until"] = until
            if picture and done + part >= frames:
                members["picture"] = picture
            reply = self.request("step", timeout_s, **members)
            observations += reply["observations"]
            events += reply["events"]
            done += part
        self.frame, self.time = reply["frame"], reply["time"]
        if observations:
            self.state = observations[-1]["state"]
        self.events, self.ended, self.picture_reply = events, reply["ended"], reply.get("picture")
        if self.ended and not self.ended["restorable"]:
            self.closed = True
        return dict(reply, observations=observations, events=events)

    def press(self, *keys):
        """Press keys with the next frame, and let it run."""
        return self.step(1, [{"press": key} for key in keys])

    def release_keys(self, *keys):
        return self.step(1, [{"release": key} for key in keys])

    def tap(self, key, frames=1):
        return self.step(frames + 1, [{"tap": [key, frames]}])

    def click(self, x, y, button=1):
        return self.step(2, [{"click": [x, y, button]}])

    def snapshot(self):
        """Keep this place. Returns its number, for restore() and drop()."""
        return self.request("snapshot")["snapshot"]

    def restore(self, snapshot):
        """Return to a place, also after the game ended."""
        reply = self.request("restore", snapshot=snapshot)
        self.frame, self.time, self.state, self.ended = reply["frame"], reply["time"], reply["state"], None
        self.events = []

    def drop(self, snapshot):
        self.request("release", snapshot=snapshot)

    def watch(self, **watches):
        """Choose and name what `state` holds: watch(hp="player.health"). Returns names the game does not publish."""
        reply = self.request("watch", watches=watches)
        self.state = reply["state"]
        return reply["missing"]

    def call(self, function, *arguments, timeout_s=None):
        """Call a function of the game: call("give_item(int,float)int", 3, 0.5), or by its name alone where the game has
        debug information. Returns what it returns: structs as dicts or lists, void and null as None. Raises Ended when
        the function ended the game, with where. When the game ended by itself meanwhile, None, and `ended` says how."""
        reply = self.request("call", timeout_s, function=function, arguments=list(arguments))
        self.frame, self.time, self.state, self.ended = reply["frame"], reply["time"], reply["state"], reply["ended"]
        if self.ended and not self.ended["restorable"]:
            self.closed = True
        return reply["result"]

    def picture_hash(self):
        return self.request("screenshot", picture="hash")["picture"].get("hash")

    def picture(self, way="shm"):
        """What is on screen, as a Picture; None where it cannot be read. way: "shm", or "png" from another machine."""
        return Picture.of_reply(self.request("screenshot", picture=way).get("picture"))

    def screenshot(self, name):
        """Keep the picture in the run's folder, beside what is found."""
        self.request("screenshot", name=name)

    def mark(self, text):
        self.request("mark", text=text)

    def waiting(self, value=True):
        """This part is a legitimate wait: no softlock here."""
        self.request("waiting", waiting=value)

    def ping(self):
        """Say that this program lives, so that the lease does not run out."""
        return self.bus.request("ping", instance=self.instance, epoch=self.epoch)

    def release(self):
        """Give the instance back. It is judged then, and the run goes on with the next."""
        if not self.closed:
            self.closed = True
            try:
                self.request("release")
            except Ended:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.release()
        except BusError:
            pass  # the lease sees to it


# --- events ---

class Events:
    """What a run says: for topic, event in Events(url). Ends with the run. Events may be lost where they come faster
    than they are read: `n` counts each topic's."""

    def __init__(self, url, topics=("",), timeout_s=None):
        """`topics`: of run, instance, state, finding, progress; all when not given. `timeout_s`: the longest silence,
        there is a `progress` each second."""
        self.timeout_s = timeout_s
        self._socket = _Socket(_SUB, addresses(url)[0])
        for topic in topics:
            self._socket.option(_SUB, _SUB_SUBSCRIBE, (topic + " ").encode() if topic else b"")
        self._socket.connect()

    def next(self, timeout_s=None):
        """(topic, event). Raises Timeout."""
        topic, _, text = self._socket.receive(timeout_s or self.timeout_s).partition(b" ")
        return topic.decode(), json.loads(text)

    def __iter__(self):
        while True:
            topic, event = self.next()
            yield topic, event
            if topic == "run" and event.get("event") == "end":
                return

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# --- Gymnasium ---

class Env(_EnvBase):
    """A game as an environment in the manner of Gymnasium.

    `actions`: a list; action i is the inputs actions[i] of a step, such as [{"tap": ["right", 3]}]. Keys that an
    action presses and does not release stay down. `frames`: how many each action lasts. `reward(before, after)` and
    `terminated(state)` look at what the game publishes; a game that crashes terminates the episode too, and
    info["ended"] says how: a finding is nothing to learn from twice. `observation`: "state" (a dict of what is
    published), "picture" (an array) or "both". `max_steps` truncates.

    The first reset() attaches and keeps a snapshot; later ones return to it, which is much faster than a launch.
    reset(options={"launch": True}) takes a fresh instance instead.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 60}

    def __init__(self, url, actions, frames=4, reward=None, terminated=None, observation="state", max_steps=None,
                 watches=None, start=(), token=None, wait_s=120.0, way="shm", render_mode=None):
        self.bus = Bus(url, token)
        self.actions, self.frames, self.max_steps, self.wait_s = list(actions), frames, max_steps, wait_s
        self.reward, self.is_terminated = reward or (lambda before, after: 0.0), terminated or (lambda state: False)
        self.observation, self.watches, self.start, self.way = observation, watches or {}, list(start), way
        self.render_mode = render_mode
        self.game, self.first, self.steps, self.seen = None, None, 0, None
        if _EnvBase is not object:
            from gymnasium import spaces  # pylint: disable=import-outside-toplevel
            self.action_space = spaces.Discrete(len(self.actions))

    def _begin(self):
        self._leave()
        self.game = self.bus.attach(wait_s=self.wait_s)
        if self.watches:
            self.game.watch(**self.watches)
        for frames, inputs in self.start:
            self.game.step(frames, inputs)
        try:
            self.first = self.game.snapshot()
        except Refused as refusal:
            if refusal.code != "failed":
                raise
            self.first = None  # a game that cannot be branched: each episode is a launch

    def _leave(self):
        if self.game is not None:
            try:
                self.game.release()
            except BusError:
                pass
        self.game, self.first = None, None

    def _observe(self):
        picture = Picture.of_reply(self.game.picture_reply) if self.observation != "state" else None
        self.seen = picture
        shown = (picture.array() if numpy is not None else picture.rgbx) if picture else None
        if self.observation == "picture":
            return shown
        return dict(self.game.state) if self.observation == "state" else {"state": dict(self.game.state), "picture": shown}

    def _info(self):
        game = self.game
        return {"frame": game.frame, "time": game.time, "events": game.events, "ended": game.ended,
                "instance": game.instance, "state": dict(game.state)}

    def reset(self, *, seed=None, options=None):
        """(observation, info). What is random in an episode is the game's own, which comes from the run's seed:
        `seed` is taken for the interface's sake."""
        if _EnvBase is not object:
            super().reset(seed=seed)
        fresh = self.game is None or self.game.closed or self.first is None or (options or {}).get("launch")
        try:
            if not fresh:
                self.game.restore(self.first)
        except Refused:  # taken back, or the run went on: the next one
            fresh = True
        if fresh:
            self._begin()
        self.steps = 0
        way = self.way if self.observation != "state" else "none"
        self.game.picture_reply = self.game.request("screenshot", picture=way).get("picture") if way != "none" else None
        return self._observe(), self._info()

    def step(self, action):
        """(observation, reward, terminated, truncated, info)."""
        if self.game is None or self.game.closed or self.game.ended:
            raise BusError("the episode is over: reset()")
        before = dict(self.game.state)
        self.game.step(self.frames, self.actions[int(action)],
                       picture=self.way if self.observation != "state" else None)
        self.steps += 1
        ended = self.game.ended
        out_of_frames = bool(ended) and ended["kind"] == "budget"
        observation = self._observe()
        terminated = (bool(ended) and not out_of_frames) or bool(self.is_terminated(self.game.state))
        truncated = out_of_frames or (self.max_steps is not None and self.steps >= self.max_steps)
        return observation, float(self.reward(before, self.game.state)), terminated, truncated, self._info()

    def render(self):
        """The picture of the last step, as an array; with observation "state" it is asked for now."""
        picture = self.seen or (self.game.picture(self.way) if self.game and not self.game.closed else None)
        return picture.array() if picture else None

    def close(self):
        self._leave()
        self.bus.close()
