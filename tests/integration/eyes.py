# SPDX-License-Identifier: MIT
"""Eyes: game:see, and game:expect_picture with its pictures."""
import glob
import os
import shutil
import struct
import zlib

from driver import case, check


def png(width, height, pixel):
    """A PNG whose pixels are what pixel(x, y) says: (r, g, b, a)."""
    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width)) for y in range(height))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def read_png(path):
    """(width, height, rows of (r, g, b)) of an RGB PNG as moth writes it."""
    with open(path, "rb") as file:
        data = file.read()
    at, body, width, height = 8, b"", 0, 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height = struct.unpack(">II", data[at + 8:at + 16])
        body += data[at + 8:at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    raw, rows, before = zlib.decompress(body), [], bytearray(width * 3)
    for y in range(height):
        kind, line = raw[y * (width * 3 + 1)], bytearray(raw[y * (width * 3 + 1) + 1:(y + 1) * (width * 3 + 1)])
        for i in range(width * 3):
            left, up, corner = line[i - 3] if i >= 3 else 0, before[i], before[i - 3] if i >= 3 else 0
            guess = min((left, up, corner), key=lambda value, sum=left + up - corner: abs(sum - value))
            line[i] = (line[i] + (0, left, up, (left + up) // 2, guess)[kind]) & 255
        rows.append([tuple(line[3 * x:3 * x + 3]) for x in range(width)])
        before = line
    return width, height, rows


def cut(path, left, top, width, height, paint=None):
    _, _, rows = read_png(path)
    return png(width, height, lambda x, y: (paint and paint(x, y)) or (*rows[top + y][left + x], 255))


TAKE = """
return function(game)
    game:step(10)
    game:screenshot("menu")
    game:expect(false, "keep it")
end
"""

LOOK = """
return function(game)
    game:step(10)
    local x, y = game:see("start.png")
    local sight = game:sight("start.png")
    game:expect(x == 224 and y == 84, "its centre: " .. tostring(x) .. "," .. tostring(y))
    game:expect(sight.x == x and sight.y == y and sight.left == 200 and sight.top == 60, "its corner")
    game:expect(sight.score > 0.999 and sight.width == 48 and sight.height == 48, "how well, and how large")
    game:expect(game:see("faint.png", { threshold = 0.8 }) == 224, "fainter")
    game:expect(game:see("start.png", { region = { 190, 50, 70, 70 } }) == 224, "in a region")
    game:expect(game:see("start.png", { region = { x = 190, y = 120, w = 130, h = 120 } }) == nil, "not in another")
    local none, why = game:see("start.png", { region = { 0, 0, 40, 40 } })
    game:expect(none == nil and why:find("48 x 48"), "larger than the region: " .. tostring(why))
    none, why = game:see("large.png")
    game:expect(none == nil and why:find("large.png is 400 x 10"), "larger than the picture: " .. tostring(why))
    none, why = game:see("other.png")
    game:expect(none == nil and why == "other.png is not to be seen", "not there: " .. tostring(why))
    local mx, my = game:see("holes.png", { mask = "mask.png", threshold = 0.99 })
    game:expect(mx == 224 and my == 84, "with a mask")
    game:expect(game:see("holes.png", { threshold = 0.99 }) == nil, "without it")
    game:expect(game:see("clear.png", { mask = "alpha", threshold = 0.99 }) == 224, "with its own alpha")
    game:click(game:see("start.png"))
    game:step(2)
    game:expect(game:see("start.png") == nil, "the menu is left")
end
"""


@case
def see(test):
    """Where it is, in window pixels, with regions and masks; and clicking on what is seen."""
    run = test.run(test.game("walker_clean"), agent=test.write("take.lua", TAKE), options=("--replays", 0))
    shots = glob.glob(os.path.join(run.folder, "findings", "*", "menu.png"))
    check(len(shots) == 1, "no screenshot\n" + run.describe())
    shot = shots[0]
    hole = lambda x, y: (255, 0, 255, 0) if (x // 7 + y // 5) % 4 == 0 else None
    test.write("start.png", cut(shot, 200, 60, 48, 48))
    test.write("holes.png", cut(shot, 200, 60, 48, 48, lambda x, y: hole(x, y) and (255, 255, 255, 255)))
    test.write("clear.png", cut(shot, 200, 60, 48, 48, hole))
    test.write("mask.png", png(48, 48, lambda x, y: (0, 0, 0, 255) if hole(x, y) else (255, 255, 255, 255)))
    _, _, rows = read_png(shot)
    test.write("faint.png", png(48, 48, lambda x, y: (*(40 + value // 3 + (x * y) % 5 for value in rows[60 + y][200 + x]), 255)))
    test.write("large.png", png(400, 10, lambda x, y: (x % 256, 0, y, 255)))
    test.write("other.png", png(20, 20, lambda x, y: ((x * x * 3 + y * 11) % 256, (x ^ y) * 9 % 256, 0, 255)))
    run = test.run(test.game("walker_clean"), agent=test.write("look.lua", LOOK), options=("--replays", 0))
    check(run.status == 0 and not run.findings, run.describe())


@case
def screenshots_are_kept(test):
    """Of plays that found nothing, too, and of those whose script went wrong: templates are cut out of them."""
    shoot = "return function(game) game:step(3) game:screenshot('menu') game:tap('return') game:screenshot('field') %s end"
    for last, status in (("", 0), ("error('no')", 2)):
        run = test.run(test.game("walker_clean"), agent=test.write("shoot.lua", shoot % last), frames=40)
        check(run.status == status and not run.findings, run.describe())
        shots = sorted(os.listdir(os.path.join(run.folder, "traces", "00000000")))
        check(shots == ["field.png", "menu.png"], f"{shots}\n" + run.describe())
        check(read_png(os.path.join(run.folder, "traces", "00000000", "menu.png"))[0] == 320, "not the window's width")
    run = test.run(test.game("walker_clean"), agent=test.write("shoot.lua", shoot % ""), frames=4000,
                   options=("--instance-frames", 40, "--traces", 2))
    kept = sorted(os.listdir(os.path.join(run.folder, "traces")))
    check(len(kept) == 4 and kept[0] + ".moth" == kept[1] and kept[2] + ".moth" == kept[3], str(kept))


@case
def see_misused(test):
    """What is wrong in the script is the script's error, and says which file."""
    test.write("broken.png", b"\x89PNG\r\n\x1a\nno")
    test.write("small.png", png(2, 2, lambda x, y: (x * 90, y * 90, 0, 255)))
    for call, words in (("'nowhere.png'", "nowhere.png"), ("'broken.png'", "broken.png is no PNG"),
                        ("'small.png', { treshold = 1 }", "not 'treshold'"),
                        ("'small.png', { threshold = 2 }", "options.threshold"),
                        ("'small.png', { region = { 1, 2 } }", "options.region"),
                        ("'small.png', { mask = 'nomask.png' }", "nomask.png")):
        run = test.run(test.game("walker_clean"), agent=test.write("bad.lua", f"return function(game) game:step() game:see({call}) end"),
                       options=("--replays", 0))
        check(run.status == 2 and words in run.out + run.err, f"{call}: no '{words}'\n" + run.describe())


EXPECT = """
return function(game)
    game:step(10)
    local ok, why = game:expect_picture("menu", { tolerance = 4%s })
    print("menu", ok, why)
    game:tap("return")
    game:step(10)
    game:expect_picture("field")
end
"""


@case
def expect_picture(test):
    """A golden picture is made on demand, is met again, and what is off is shown."""
    script = test.write("looks/title.lua", EXPECT % "")
    golden = test.path("looks", "pictures", "title")
    run = test.run(test.game("walker_clean"), agent=script, options=("--replays", 2))
    missing = [finding for finding in run.findings if "--update-pictures" in finding["title"]]
    check(run.status == 1 and len(missing) == 2, "missing pictures are findings\n" + run.describe())
    check(not os.path.exists(golden), "made without being asked for")
    run = test.run(test.game("walker_clean"), agent=script, options=("--replays", 0, "--update-pictures"))
    check(run.status == 0 and sorted(os.listdir(golden)) == ["field.png", "menu.png"], run.describe())
    run = test.run(test.game("walker_clean"), agent=script, options=("--replays", 0))
    check(run.status == 0 and not run.findings, "met again\n" + run.describe())

    _, _, rows = read_png(os.path.join(golden, "menu.png"))
    spoil = lambda value: lambda x, y: (*(rows[y][x] if (x, y) != (7, 5) else (rows[y][x][0] ^ value,) + rows[y][x][1:]), 255)
    test.write("looks/pictures/title/menu.png", png(320, 240, spoil(4)))
    run = test.run(test.game("walker_clean"), agent=script, options=("--replays", 0))
    check(run.status == 0, "within the tolerance\n" + run.describe())
    test.write("looks/pictures/title/menu.png", png(320, 240, spoil(64)))
    run = test.run(test.game("walker_clean"), agent=script, options=("--replays", 2))
    check(run.status == 1 and len(run.findings) == 1, run.describe())
    finding = run.findings[0]
    check(finding["kind"] == "invariant" and finding["reproduced"] == "2/2", run.describe())
    check(finding["title"] == "the picture is not 'menu': 1 of 76800 pixels are off, by up to 64", finding["title"])
    folder = os.path.join(run.folder, "findings", finding["fingerprint"])
    for name in ("menu-actual.png", "menu-expected.png", "menu-difference.png"):
        check(os.path.exists(os.path.join(folder, name)), f"no {name} in {os.listdir(folder)}")
    check(read_png(os.path.join(folder, "menu-difference.png"))[2][5][7] == (230, 0, 0), "the pixel is not red")
    result = test.moth("replay", folder)
    check(result.status == 0, result.describe())

    for more, status in ((", share = 0.001", 0), (", region = { 20, 0, 300, 240 }", 0), (", mask = 'mask.png'", 0)):
        test.write("looks/mask.png", png(320, 240, lambda x, y: (0, 0, 0, 255) if x < 20 and y < 20 else (255,) * 4))
        test.write("looks/title.lua", EXPECT % more)
        run = test.run(test.game("walker_clean"), agent=script, options=("--replays", 0))
        check(run.status == status, more + "\n" + run.describe())
    shutil.rmtree(golden)
    test.write("looks/pictures/title/menu.png", png(32, 24, lambda x, y: (0, 0, 0, 255)))
    run = test.run(test.game("walker_clean"), agent=script, options=("--replays", 0))
    check(any("it is 320 x 240 and not 32 x 24" in finding["title"] for finding in run.findings), run.describe())
