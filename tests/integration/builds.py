# SPDX-License-Identifier: MIT
"""Builds of one game, one after the other: which was the first to have a finding (moth bisect, git bisect), the
gate that plays what earlier runs found, and the history that says when a finding came, went and came back."""
import json
import os
import re
import shutil
import subprocess
import textwrap

from driver import Run, case, check, read_json
from bad_input import USAGE, expect_error

HAPPENED, NEW, CANNOT_TRY = 1, 1, 125

# --- a real game, with a bug put into it ---

REAL_GAME = "/usr/games/jumpnbump"
KEY = "f10"
CALLED = "SDL_SetWindowFullscreen"  # by that key and by nothing else


def tool(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def file_offset(program, function):
    """Where the program's way into a library's function lies in its file."""
    found = re.search(rf"^([0-9a-f]+) <{function}@plt>:", tool("objdump", "-d", "--no-show-raw-insn", program), re.M)
    check(found, f"{program} does not call {function}")
    address = int(found[1], 16)
    for line in tool("objdump", "-h", program).splitlines():
        words = line.split()
        if len(words) == 7 and words[0].isdigit():
            size, begin, offset = (int(words[i], 16) for i in (2, 3, 5))
            if begin <= address < begin + size:
                return offset + address - begin
    check(False, f"no section of {program} holds {address:#x}")
    return None


def build_real_game(test, name, broken):
    """A copy that is a build of its own, by its id; a broken one cannot call the function."""
    with open(REAL_GAME, "rb") as file:
        code = bytearray(file.read())
    build_id = bytes.fromhex(re.search(r"Build ID: ([0-9a-f]+)", tool("readelf", "-n", REAL_GAME))[1])
    at = bytes(code).index(build_id)
    code[at:at + len(name)] = name.encode()
    if broken:
        at = file_offset(REAL_GAME, CALLED)
        code[at:at + 2] = b"\x0f\x0b"  # ud2
    return test.write(f"builds/{name}/jumpnbump", bytes(code), 0o755)


PLAYER = f"""
return function(game, rng)
    game:step(40)
    while true do
        game:tap(rng:pick {{ "left", "right", "up", "return", "{KEY}" }}, 3)
        game:step(8)
    end
end
"""


def gate(test, program, *options, frames=900):
    """A run as a pull request has it. Its result and run.json."""
    test.runs += 1
    folder = test.path(f"out{test.runs}")
    result = test.moth("run", "-a", test.write("player.lua", PLAYER), "-j", 1, "--frames", frames, "--replays", 2,
                       "--spike-ms", 0, "--softlock-s", 0, "-o", folder, *options, "--", program)
    return Run(result, folder)


def history(test, *words):
    result = test.moth("history", *words)
    check(result.status == 0, result.describe())
    return result


def shown(test, name="history.db", *options):
    return json.loads(history(test, "show", "--json", *options, test.path(name)).out)


@case
def a_real_game_with_a_bug_in_one_of_three_builds(test):
    """The gate passes, fails and names the new finding alone, passes again; the history knows; bisect lands on it."""
    programs = [build_real_game(test, name, name == "two") for name in ("one", "two", "three")]
    found, runs = None, []
    for number, program in enumerate(programs, 1):
        corpus = ["--replay-first", runs[-1].folder] if found else []
        runs.append(gate(test, program, "--history", test.path("history.db"), "--build-label", f"v{number}", *corpus))
        found = found or runs[-1].findings
    first, second, third = runs
    check(first.status == 0 and first.findings == [], first.describe())
    check(second.status == NEW and [each["status"] for each in second.findings] == ["new"], second.describe())
    finding = second.findings[0]
    check(finding["kind"] == "crash" and finding["title"].startswith("SIGILL") and finding["reproduced"] == "2/2",
          f"{finding['title']}, {finding['reproduced']}")
    check(third.status == 0, third.describe())
    check([(each["fingerprint"], each["status"]) for each in third.findings] == [(finding["fingerprint"], "fixed")],
          third.describe())
    check([each["happened"] for each in third.json["replayed"]] == [False], f"{third.json['replayed']}")

    whole = shown(test)
    check([build["name"] for build in whole["builds"]] == ["v1", "v2", "v3"], f"{whole['builds']}")
    check([(build["found"], build["fixed"], build["open"]) for build in whole["builds"]] == [(0, 0, 0), (1, 0, 1), (0, 1, 0)],
          f"{whole['builds']}")
    check(whole["findings"][0]["first_seen"]["build"] == "v2" and whole["findings"][0]["fixed_in"] == "v3",
          f"{whole['findings']}")

    again = gate(test, programs[1], "--history", test.path("history.db"), "--build-label", "v4",
                 "--replay-first", third.folder, frames=60)
    check(again.status == NEW and again.findings[0]["status"] == "reopened", again.describe())
    check(again.findings[0]["first_seen"]["build"] == "v2", f"{again.findings[0]['first_seen']}")

    baseline = test.path("moth-baseline.json")
    result = test.moth("baseline", "accept", "--baseline", baseline, second.folder)
    check(result.status == 0, result.describe())
    known = gate(test, programs[1], "--baseline", baseline, "--history", test.path("history.db"), "--build-label", "v5",
                 "--replay-first", second.folder, frames=60)
    check(known.status == 0 and [each["status"] for each in known.findings] == ["known"], known.describe())

    place = os.path.join(second.folder, "findings", finding["fingerprint"])
    result = test.moth("bisect", "--json", place, *(os.path.dirname(each) for each in programs))
    answer = json.loads(result.out)
    check(result.status == 0 and answer["first_bad"] == os.path.dirname(programs[1]) and answer["gone"], result.describe())


@case
def an_old_build_played_again(test):
    """What is known of a finding is asked of builds in their order: an old one that has it brings nothing back."""
    database, bad, good = test.path("history.db"), test.game("null_deref"), test.game("null_deref_clean")

    def played(game, label, *options):
        run = test.run(game, agent="secret", frames=400, options=("--replays", 1, "--minimize-frames", 0, "--history", database,
                                                                  "--build-label", label, *options))
        return run, [each["status"] for each in run.findings]

    first, statuses = played(bad, "v1")
    check(statuses == ["new"], first.describe())
    second, statuses = played(good, "v2", "--replay-first", first.folder)
    check(statuses == ["fixed"], second.describe())
    again, statuses = played(bad, "v1")
    check(statuses == ["new"] and "came back" not in str(again.json["gate"]), again.describe())
    for folder in (first.folder, again.folder):
        result = test.moth("report", "--history", database, "--reporter", "json", "-o", test.path("told"), "--force", folder)
        told = read_json(os.path.join(test.path("told"), "run.json"))
        check([each["status"] for each in told["findings"]] == ["new"], result.describe())
    newer, statuses = played(bad, "v3")
    check(statuses == ["reopened"] and "came back" in str(newer.json["gate"]), newer.describe())
    result = test.moth("report", "--history", database, "--reporter", "json", "-o", test.path("newer"), newer.folder)
    told = read_json(os.path.join(test.path("newer"), "run.json"))
    check([each["status"] for each in told["findings"]] == ["reopened"], result.describe())


@case
def builds_by_their_files_names(test):
    """Without its trace too a finding is fixed when the same was played in vain, whatever a build's file is called."""
    for name, game in (("game-1.0", "null_deref"), ("game-1.1", "null_deref_clean")):
        with open(test.game(game), "rb") as file:
            program = test.write(f"builds/{name}", file.read(), 0o755)
        test.run(program, agent="secret", frames=400, options=("--replays", 1, "--minimize-frames", 0, "--fixed-after", 1, "--history",
                                                               test.path("history.db"), "--build-label", name))
    known = shown(test, "history.db", "--fixed-after", 1)["findings"]
    check([(each["state"], each["fixed_in"]) for each in known] == [("fixed", "game-1.1")], f"{known}")


# --- git ---

def source(way="", treasure="if (!prize) return;", includes=""):
    """A game of our own: return opens a chest."""
    return textwrap.dedent(f"""\
        #include "game.h"
        {includes}
        static int *prize;
        static void open_chest(void) {{ {treasure} *prize = 1; }}
        int main(int argc, char **argv)
        {{
            (void)argc, (void)argv;
            struct game game;
            {way}
            game_open(&game, "chest");
            do {{
                SDL_Event event;
                while (game_event(&game, &event))
                    if (game_pressed(&event) == SDL_SCANCODE_RETURN)
                        open_chest();
                game_clear(&game, 0x203020);
            }} while (game_present(&game));
            game_close(&game);
            return 0;
        }}
        """)


COMMITS = [  # what the commit says, and the game as it has it
    ("chest: a first one", source()),
    ("chest: does not compile", source("this is no C")),
    ("chest: say hello", source('puts("hello");')),
    ("chest: does not start", source("return 3;")),
    ("chest: say nothing", source("fflush(stdout);")),
    ("chest: always open it", source('puts("open");', treasure="")),
    ("chest: does not compile either", source("nor is this", treasure="")),
    ("chest: say it again", source('puts("hello again");', treasure="")),
]
FIRST_BAD = 5


class Repository:
    """A game in git, one commit for each of COMMITS."""

    def __init__(self, test):
        self.test, self.folder, self.commits = test, test.path("repository"), []
        games = os.path.join(test.settings.root, "tests", "games")
        flags = tool("pkg-config", "--cflags", "--libs", "sdl2").split()
        os.makedirs(self.folder)
        self.git("init", "-q")
        with open(os.path.join(self.folder, "build"), "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nexec cc -g -o game main.c -I{games} {' '.join(flags)}\n")
        os.chmod(os.path.join(self.folder, "build"), 0o755)
        with open(os.path.join(self.folder, ".gitignore"), "w", encoding="utf-8") as file:
            file.write("game\n")
        for message, text in COMMITS:
            with open(os.path.join(self.folder, "main.c"), "w", encoding="utf-8") as file:
                file.write(text)
            self.git("add", "-A")
            self.git("commit", "-q", "-m", message)
            self.commits.append(self.git("rev-parse", "HEAD").strip())

    def git(self, *words, ok=True):
        env = self.test.environment({"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
                                     "GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_NOSYSTEM": "1"})
        done = subprocess.run(["git", "-C", self.folder, *words], capture_output=True, text=True, check=False, env=env)
        check(done.returncode == 0 or not ok, f"git {words}: {done.stdout}{done.stderr}")
        return done.stdout

    def build(self):
        done = subprocess.run(["./build"], cwd=self.folder, capture_output=True, text=True, check=False)
        return done.returncode == 0


PRESS = 'return function(game, rng)\n    game:step(20)\n    game:tap("return", 2)\n    game:step(20)\nend\n'


def find_in_head(test, repository):
    """The finding of the newest commit, as a nightly run finds it."""
    check(repository.build(), "the newest commit does not compile")
    result = test.moth("run", "-a", test.write("press.lua", PRESS), "-j", 1, "--frames", 100, "--replays", 2, "--spike-ms", 0,
                       "-o", test.path("nightly"), "--", "./game", cwd=repository.folder)
    run = Run(result, test.path("nightly"))
    check(run.status == NEW and len(run.findings) == 1, run.describe())
    return run, os.path.join(run.folder, "findings", run.findings[0]["fingerprint"])


@case
def git_bisect_run(test):
    """As README has it, in a repository in which commits do not compile and one does not start."""
    repository = Repository(test)
    run, finding = find_in_head(test, repository)
    check(run.json["game"]["label"] == repository.git("describe", "--always").strip(), f"{run.json['game']}")
    repository.git("bisect", "start", "HEAD", repository.commits[0])
    said = repository.git("bisect", "run", "sh", "-c",
                          f"./build || exit 125; {test.settings.moth} replay -q --expect-clean {finding} -- ./game", ok=False)
    check(f"{repository.commits[FIRST_BAD]} is the first bad commit" in said, said)
    check(said.count("running ") >= 3, said)


@case
def bisect_among_folders_of_builds(test):
    """Each build in a folder of its own; those that cannot be tried are passed over and named where it matters."""
    repository, builds = Repository(test), []
    for i, commit in enumerate(repository.commits):
        folder = test.path("builds", f"{i}")
        os.makedirs(folder)
        repository.git("checkout", "-q", commit)
        if repository.build():
            os.rename(os.path.join(repository.folder, "game"), os.path.join(folder, "game"))
        builds.append(folder)
    result = test.moth("run", "-a", test.write("press.lua", PRESS), "-j", 1, "--frames", 100, "--replays", 2, "--spike-ms", 0,
                       "-o", test.path("nightly"), "--", "./game", cwd=builds[-1])
    finding = os.path.join(test.path("nightly"), "findings", Run(result, test.path("nightly")).findings[0]["fingerprint"])

    result = test.moth("bisect", "--json", finding, *builds)
    answer = json.loads(result.out)
    check(result.status == 0 and answer["schema"] == "moth.bisect/1", result.describe())
    check(answer["first_bad"] == builds[FIRST_BAD] and answer["last_good"] == builds[FIRST_BAD - 1], result.describe())
    tried = {build["build"]: build["result"] for build in answer["builds"]}
    check(tried[builds[7]] == "bad" and tried[builds[0]] == "good", f"{tried}")

    some = [builds[i] for i in (0, 1, 3, 5, 6, 7)]
    result = test.moth("bisect", "--json", finding, *some)
    answer = json.loads(result.out)
    check(result.status == 0 and answer["first_bad"] is None and answer["last_good"] == some[0], result.describe())
    check(answer["suspects"] == some[1:4], result.describe())
    skipped = [build["why"] for build in answer["builds"] if build["result"] == "skipped"]
    check(any("no program" in why for why in skipped) and any("first frame" in why for why in skipped), f"{skipped}")
    check(all(why in result.err for why in skipped), result.describe())
    result = test.moth("bisect", finding, *some, test.path("nowhere"))
    check(result.status == 2 and "nowhere" in result.err and not result.out, result.describe())

    result = test.moth("bisect", "--json", finding, *(os.path.join(builds[i], "game") for i in (0, 2, 5, 7)))
    answer = json.loads(result.out)
    check(result.status == 0 and answer["first_bad"] == os.path.join(builds[5], "game"), result.describe())
    result = test.moth("bisect", finding, builds[0], builds[2])
    check(result.status == 1 and "does not have it" in result.out, result.describe())
    result = test.moth("bisect", finding, builds[5], builds[7])
    check(result.status == 1 and "already" in result.out, result.describe())
    result = test.moth("bisect", finding, builds[1], builds[3])
    check(result.status == 3 and "none of the builds" in result.err, result.describe())


@case
def expect_clean_to_the_letter(test):
    """0 it did not happen, 1 it did, 125 it could not be tried: no game, one that does not start, one that dies first."""
    run = test.run(test.game("null_deref"))
    trace = os.path.join(run.folder, "findings", run.findings[0]["fingerprint"])
    programs = {"same": test.game("null_deref"), "clean": test.game("null_deref_clean"),
                "starts_not": test.write("starts_not", "#!/bin/sh\nexit 3\n", 0o755), "is_not": "./nothing"}
    wanted = {"same": HAPPENED, "clean": 0, "starts_not": CANNOT_TRY, "is_not": CANNOT_TRY}
    for name, program in programs.items():
        result = test.moth("replay", "--expect-clean", trace, "--", program)
        check(result.status == wanted[name], f"{name}: {result.describe()}")
    for missing in (test.path("nothing"), test.write("garbage.moth", "no trace")):
        result = test.moth("replay", "--expect-clean", missing, "--", programs["same"])
        check(result.status == CANNOT_TRY, result.describe())
        check(test.moth("replay", missing, "--", programs["same"]).status == 2, f"{missing}: 2 without --expect-clean")
    result = test.moth("replay", trace, "--", programs["clean"])
    check(result.status == 1, result.describe())
    crash = source(treasure="").replace("open_chest();", ";").replace("open_chest", "open_door").replace("game_clear(", "if (game.frame == 3) open_door();\n        game_clear(")
    folder = os.path.join(test.settings.root, "tests", "games")
    early = test.path("early")
    subprocess.run(["cc", "-g", "-o", early, test.write("early.c", crash), f"-I{folder}",
                    *tool("pkg-config", "--cflags", "--libs", "sdl2").split()], check=True)
    result = test.moth("replay", "--expect-clean", trace, "--", early)
    check(result.status == CANNOT_TRY and "something else happened" in result.out, result.describe())


@case
def once_of_several_is_enough(test):
    """What happens in one replay of two has happened again: 0, and 1 with --expect-clean, whichever comes first."""
    run = test.run(test.game("null_deref"))
    trace = os.path.join(run.folder, "findings", run.findings[0]["fingerprint"])
    lines = test.path("lines")  # that each launch takes one of: what games write to files is gone with them
    game = test.write("either", f"#!/bin/sh\nread -r program < {lines}\nexec $program \"$@\"\n", 0o755)
    os.mkfifo(lines)
    with open(os.open(lines, os.O_RDWR), "w", encoding="utf-8") as pipe:
        for options, status in (([], 0), (["--expect-clean"], HAPPENED)):
            for twins in (("null_deref", "null_deref_clean"), ("null_deref_clean", "null_deref")):
                pipe.write("".join(f"{test.game(name)}\n" for name in twins))
                pipe.flush()
                result = test.moth("replay", "--times", 2, *options, trace, "--", game)
                check(result.status == status and "reproduced 1/2" in result.out, result.describe())


# --- the history beside runs ---

def play(test, *options, game="null_deref"):
    return test.run(test.game(game), frames=200, options=("--replays", 2, *options))


@case
def a_run_is_in_it_once(test):
    """Told by the run, by a report of its folder, and by a merge: the same."""
    run = play(test, "--history", test.path("history.db"), "--build-label", "v1")
    before = shown(test)
    check(before["runs"] == 1 and before["builds"][0]["name"] == "v1" and before["builds"][0]["found"] == 1, f"{before}")
    check(before["builds"][0]["metrics"]["frame_time_ms.p99"] > 0, f"{before['builds']}")
    finding = run.findings[0]
    check(finding["first_seen"]["build"] == "v1" and finding["runs_seen"] == 1 and finding["last_seen"]["build"] == "v1",
          f"{finding['first_seen']}, {finding['last_seen']}")
    stored = read_json(os.path.join(run.folder, "findings", finding["fingerprint"], "finding.json"))
    check(stored["first_seen"] == finding["first_seen"], f"{stored['first_seen']}")
    for _ in range(2):
        test.moth("report", "--history", test.path("history.db"), "-o", test.path("merged"), run.folder)
        test.moth("report", "--history", test.path("other.db"), test.path("merged"))
    history(test, "merge", test.path("other.db"), test.path("history.db"))
    check(shown(test) == before and shown(test, "other.db") == before, f"{shown(test, 'other.db')}")


@case
def shards_are_runs_of_their_own(test):
    for shard in (1, 2):
        test.moth("run", "-q", "-a", test.agent("secret"), "-j", 1, "--frames", 1200, "--replays", 2, "--minimize-frames", 0,
                  "--shard", f"{shard}/2", "--build-label", "v1", "-o", test.path(f"parts/{shard}"), "--", test.game("null_deref"))
    result = test.moth("report", "--history", test.path("history.db"), "-o", test.path("merged"), test.path("parts"))
    check(result.status == NEW, result.describe())
    whole = shown(test)
    check(whole["runs"] == 2 and whole["findings"][0]["runs_seen"] == 2, f"{whole['findings']}")
    merged = read_json(test.path("merged", "run.json"))
    check(merged["findings"][0]["runs_seen"] == 2, f"{merged['findings'][0]['runs_seen']}")


@case
def no_run_depends_on_it(test):
    """A file that is damaged, another's, or cannot be made: a warning, the same result, and the file as it was."""
    plain = play(test)
    test.write("text.db", "return { game = 'x' }\n" * 40)
    test.write("damaged.db", b"SQLite format 3\0" + b"\x10\0\1\1" + b"\xa5" * 4000)
    for name in ("text.db", "damaged.db"):
        with open(test.path(name), "rb") as file:
            before = file.read()
        run = play(test, "--history", test.path(name))
        check(run.status == plain.status and len(run.findings) == 1, run.describe())
        check("the history is not used" in run.err and name in run.err, run.describe())
        check(any("the history is not used" in warning for warning in run.json["warnings"]), f"{run.json['warnings']}")
        with open(test.path(name), "rb") as file:
            check(file.read() == before, f"{name} was changed")
        expect_error(test.moth("history", "show", test.path(name)), USAGE, name)
    run = play(test, "--history", test.path("no", "such", "folder", "h.db"))
    check(run.status == plain.status and "the history is not used" in run.err, run.describe())


@case
def history_words(test):
    """The verb's mistakes are told, and nothing is made by them."""
    expect_error(test.moth("history", "show", test.path("none.db")), USAGE, "no history")
    expect_error(test.moth("history", "forget", test.path("none.db")), USAGE, "cannot 'forget'")
    expect_error(test.moth("history", "prune", test.path("none.db")), USAGE, "--keep")
    expect_error(test.moth("history", "merge", test.path("into.db"), test.path("none.db")), USAGE, "no history")
    expect_error(test.moth("history", "merge", test.path("into.db")), USAGE, "two files")
    check(not os.path.exists(test.path("into.db")) and not os.path.exists(test.path("none.db")), "a file was made")


# --- what earlier runs found, first ---

@case
def replay_first(test):
    """What happens again is a finding of the run, what does not is fixed, a trace that cannot be read is no obstacle."""
    found = play(test)
    corpus = test.path("corpus")
    shutil.copytree(os.path.join(found.folder, "findings"), corpus)
    os.makedirs(os.path.join(corpus, "broken"))
    shutil.copy(os.path.join(corpus, found.findings[0]["fingerprint"], "finding.json"), os.path.join(corpus, "broken"))
    with open(os.path.join(corpus, "broken", "trace.moth"), "wb") as file:
        file.write(b"no trace at all")

    def again(game, *options, agent="stroll"):
        return test.run(test.game(game), agent=agent, frames=120, options=("--replays", 2, "--replay-first", corpus, *options))

    bad = again("null_deref")
    check(bad.status == NEW and [each["fingerprint"] for each in bad.findings] == [found.findings[0]["fingerprint"]],
          bad.describe())
    check(bad.findings[0]["reproduced"] == "2/2" and "broken/trace.moth is not replayed" in bad.err, bad.describe())
    check([each["happened"] for each in bad.json["replayed"]] == [True], f"{bad.json['replayed']}")
    result = test.moth("replay", os.path.join(bad.folder, "findings", bad.findings[0]["fingerprint"]))
    check(result.status == 0, result.describe())

    good = again("null_deref_clean", "--reporter", "list,json,junit")
    check(good.status == 0 and [each["status"] for each in good.findings] == ["fixed"], good.describe())
    check(good.json["replayed"][0]["happened"] is False and good.json["frames_total"] <= 400, f"{good.json['replayed']}")
    check("0 happened again, 1 did not" in good.out and "fixed: " in good.out, good.describe())

    parts = []
    for shard in (1, 2):  # each trace is played by one part
        run = again("null_deref_clean", "--shard", f"{shard}/2")
        check(run.status == 0, run.describe())
        parts.append(run.folder)
    merged = test.path("merged")
    result = test.moth("report", "-o", merged, *parts)
    check(result.status == 0, result.describe())
    run = read_json(os.path.join(merged, "run.json"))
    happened = [each["happened"] for each in run["replayed"]]
    check(sorted(map(str, happened)) == ["False", "None"], f"{happened}")
    check([each["status"] for each in run["findings"]] == ["fixed"], f"{run['findings']}")


@case
def replay_first_keeps_the_seeds(test):
    """What agents play does not depend on what was played before them."""
    found, runs = play(test), []
    for options in ((), ("--replay-first", found.folder)):
        run = test.run(test.game("null_deref_clean"), agent="stroll", frames=1500, options=("--traces", 100, *options))
        runs.append({name: open(os.path.join(run.folder, "traces", name), "rb").read()
                     for name in sorted(os.listdir(os.path.join(run.folder, "traces")))})
    first = sorted(runs[0])[:5]  # later ones may be shorter, by what the trace took of the budget
    check(len(first) == 5 and all(runs[1].get(name) == runs[0][name] for name in first), f"{sorted(runs[0])}, {sorted(runs[1])}")
    expect_error(test.moth("run", "--replay-first", test.path("none"), "--", test.game("null_deref")), USAGE, "none")
