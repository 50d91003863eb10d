#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A small pygame game for the zoo: catch what falls, dodge the rest.

Python seeds `random` from the system's entropy and its hashes too (the order of a set of strings shows), the
clock paces the game, and a thread counts in the background.
"""
import os
import random
import threading
import time

import pygame

WIDTH, HEIGHT = 320, 240


class Drop:
    def __init__(self):
        self.x = random.randrange(WIDTH)
        self.y = -10.0
        self.speed = random.uniform(40, 140)
        self.kind = random.choice(sorted(KINDS)) if random.random() < 0.5 else next(iter(KINDS))


KINDS = {"apple", "plum", "pear", "stone"}
COLOURS = {"apple": (220, 60, 60), "plum": (140, 70, 180), "pear": (180, 210, 80), "stone": (120, 120, 120)}


class Counter(threading.Thread):
    """A worker that wakes 200 times a second; the game shows how far it came."""

    def __init__(self):
        super().__init__(daemon=True)
        self.count = 0

    def run(self):
        while True:
            time.sleep(0.005)
            self.count += 1


def beep():
    samples = bytearray()
    for i in range(2000):
        value = 6000 if i // 20 % 2 else -6000
        samples += value.to_bytes(2, "little", signed=True)
    return pygame.mixer.Sound(buffer=bytes(samples))


def step(state, dt):
    keys = pygame.key.get_pressed()
    state["x"] += (keys[pygame.K_RIGHT] - keys[pygame.K_LEFT]) * 200 * dt
    state["x"] = max(0, min(WIDTH - 30, state["x"]))
    if random.random() < 0.08:
        state["drops"].append(Drop())
    for drop in list(state["drops"]):
        drop.y += drop.speed * dt
        if drop.y > HEIGHT - 20 and abs(drop.x - state["x"] - 15) < 20:
            state["score"] += -5 if drop.kind == "stone" else 1
            state["drops"].remove(drop)
            state["sound"].play()
        elif drop.y > HEIGHT:
            state["drops"].remove(drop)


def draw(screen, state, worker):
    screen.fill((20, 24, 40))
    for drop in state["drops"]:
        pygame.draw.circle(screen, COLOURS[drop.kind], (int(drop.x), int(drop.y)), 6)
    pygame.draw.rect(screen, (230, 200, 90), (int(state["x"]), HEIGHT - 14, 30, 8))
    for i in range(max(0, state["score"])):
        pygame.draw.rect(screen, (240, 240, 240), (4 + i % 60 * 5, 4 + i // 60 * 6, 3, 4))
    pygame.draw.rect(screen, (80, 160, 240), (4, HEIGHT - 4, worker.count % WIDTH, 2))
    pygame.display.flip()


def main():
    pygame.mixer.pre_init(22050, -16, 1, 512)
    pygame.init()
    screen = pygame.display.set_mode((WIDTH, HEIGHT))
    clock = pygame.time.Clock()
    worker = Counter()
    worker.start()
    state = {"x": 145.0, "drops": [], "score": 0, "sound": beep()}
    frames = int(os.environ.get("GAME_FRAMES", "0"))
    n = 0
    while not frames or n < frames:
        for event in pygame.event.get():
            if event.type == pygame.QUIT:
                return
        step(state, clock.tick(60) / 1000)
        draw(screen, state, worker)
        n += 1


if __name__ == "__main__":
    main()
