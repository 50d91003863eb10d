#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A policy that plays a game over moth's bus, and learns a little: which of its keys change the picture most.

    moth run -a outside --bus ipc:///tmp/moth-me/bus --duration 10m -- chocolate-doom -iwad …/freedoom1.wad
    python3 policy.py ipc:///tmp/moth-me/bus [EPISODES]

It stands for what a trained one would do: look at the picture, choose an action, see what came of it. The choice is
a softmax over what each action was worth so far. Everything random comes from one seed, and the game is deterministic
under moth, so the same command prints the same lines.
"""
import math
import random
import sys

from moth_bus import Env

KEYS = ["up", "down", "left", "right", "space", "left ctrl", "return"]
STEPS = 24
FRAMES = 8


def difference(before, after):
    """How much two pictures differ, from 0 to 1, at every 97th pixel."""
    if before is None or after is None or len(before) != len(after):
        return 0.0
    spots = range(0, len(before), 4 * 97)
    return sum(abs(before[i] - after[i]) for i in spots) / (255.0 * len(spots))


def pixels(observation):
    return None if observation is None else bytes(memoryview(observation).cast("B")) if isinstance(observation, bytes) \
        else observation.tobytes()


def choose(rng, worth):
    weights = [math.exp(8 * value) for value in worth]
    return rng.choices(range(len(worth)), weights)[0]


def main():
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    # Flags may come first: the URL is what has a scheme.
    url = next(word for word in sys.argv[1:] if "://" in word)
    episodes = next((int(word) for word in sys.argv[1:] if word.isdigit()), 2)
    rng = random.Random(1)
    actions = [[{"at": 0, "tap": [key, FRAMES - 1]}] for key in KEYS]
    env = Env(url, actions, frames=FRAMES, observation="picture", max_steps=STEPS, start=[(120, [])])
    worth, tried = [0.5] * len(actions), [1] * len(actions)
    for episode in range(1, episodes + 1):
        observation, info = env.reset(seed=episode)
        seen, total, over = pixels(observation), 0.0, False
        while not over:
            action = choose(rng, worth)
            observation, _, terminated, truncated, info = env.step(action)
            now = pixels(observation)
            gained = difference(seen, now)
            tried[action] += 1
            worth[action] += (gained - worth[action]) / tried[action]
            total, seen, over = total + gained, now, terminated or truncated
        print(f"episode {episode}: {env.steps} steps, frame {info['frame']}, "
              f"change {total:.3f}, best key {KEYS[worth.index(max(worth))]}"
              + (f", ended: {info['ended']}" if info["ended"] else ""), flush=True)
    env.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
