/* SPDX-License-Identifier: MIT */
#include "cli/option_table.h"

#include <stddef.h>

#include "baseline/gate.h"

#define RUN MOTH_VERB_RUN
#define REPLAY MOTH_VERB_REPLAY
#define RECORD MOTH_VERB_RECORD
#define MINIMIZE MOTH_VERB_MINIMIZE
#define DOCTOR MOTH_VERB_DOCTOR
#define LIST MOTH_VERB_LIST
#define COMPARE MOTH_VERB_COMPARE
#define INIT MOTH_VERB_INIT
#define REPORT MOTH_VERB_REPORT
#define SCAN MOTH_VERB_SCAN
#define HISTORY MOTH_VERB_HISTORY
#define BISECT MOTH_VERB_BISECT

#define BASELINE MOTH_VERB_BASELINE

#define AT(field) offsetof(struct moth_options, field)
#define U32 UINT64_C(0xffffffff)
#define ANY UINT64_MAX

#define PLAY "What is played"
#define MUCH "How much"
#define WORLD "The game's world"
#define GROUP "Games that play together"
#define LIMITS "Limits"
#define JUDGE "Judging and telling"
#define PERSON "At the window"
#define MISC "Other"

static int check_fail_on(const char *text, struct moth_err *err)
{
    struct moth_gate_rules rules;
    return moth_gate_parse_fail_on(text, &rules, err);
}

static int check_budget(const char *text, struct moth_err *err)
{
    struct moth_gate_rules rules;
    return moth_gate_parse_budget(text, &rules, err);
}

const struct moth_option moth_option_table[] = {
    {.name = "agent", .letter = 'a', .type = MOTH_OPTION_AGENTS, .verbs = RUN | DOCTOR | SCAN, .offset = AT(agents),
     .argument = "NAME|FILE[=WEIGHT]", .group = PLAY, .alias = "agents",
     .help = "Let this agent play: one that moth ships (`moth list agents`), or a Lua file. May be given "
             "several times; instances are shared out by weight (default 1). Without any: explorer, "
             "and for doctor monkey."},
    {.name = "scenario", .letter = 's', .type = MOTH_OPTION_STRINGS, .verbs = RUN, .offset = AT(scenarios),
     .argument = "FILE", .group = PLAY, .alias = "scenarios",
     .help = "Play this Lua file once, each of its cases by itself, before the agents. FILE.lua:CASE plays one of them. "
             "May be given several times; without an agent the run ends with the last scenario."},
    {.name = "tag", .type = MOTH_OPTION_STRINGS, .verbs = RUN, .offset = AT(tags), .argument = "EXPRESSION",
     .group = PLAY,
     .help = "Of the scenarios, play those whose tags are so: smoke, or `smoke and not (slow or gl)`. Given several "
             "times, any of them will do."},
    {.name = "not-tag", .type = MOTH_OPTION_STRINGS, .verbs = RUN, .offset = AT(not_tags), .argument = "EXPRESSION",
     .group = PLAY, .help = "Leave out the scenarios whose tags are so. May be given several times."},
    {.name = "update-pictures", .type = MOTH_OPTION_FLAG, .verbs = RUN, .offset = AT(update_pictures), .group = PLAY,
     .no_config = true,
     .help = "game:expect_picture writes what it sees to pictures/<script>/<name>.png beside the script, instead of "
             "comparing it."},
    {.name = "replay-first", .type = MOTH_OPTION_STRINGS, .verbs = RUN, .offset = AT(replay_first), .argument = "DIR",
     .group = PLAY,
     .help = "Before anything else, play all traces in this folder and below it with this game: the findings of earlier "
             "runs. What happens again is a finding of this run; what does not is listed as fixed. Agents play with what "
             "is left of the budget. May be given several times."},
    {.name = "seed", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR | RECORD | LIST | SCAN, .offset = AT(seed), .argument = "N",
     .fallback = "1", .most = ANY, .group = PLAY,
     .help = "Where all randomness of the run comes from: the agents' and the game's."},
    {.name = "schedule-seed", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR | RECORD, .offset = AT(schedule_seed),
     .argument = "N", .fallback = "0", .most = ANY, .group = PLAY,
     .help = "Shuffle the game's threads where they could be switched, by this seed. 0: in turn, always the "
             "same way."},

    {.name = "frames", .type = MOTH_OPTION_NUMBER, .verbs = RUN, .offset = AT(frames), .argument = "N",
     .most = U32, .group = MUCH, .alias = "budgets.frames",
     .help = "End the run after N frames, over all instances. Without --frames and --duration: 20000."},
    {.name = "frames", .type = MOTH_OPTION_NUMBER, .verbs = DOCTOR, .offset = AT(frames), .argument = "N",
     .fallback = "600", .least = 1, .most = U32, .group = MUCH, .no_config = true,
     .help = "Frames of each trial."},
    {.name = "duration", .type = MOTH_OPTION_DURATION, .verbs = RUN, .offset = AT(duration_ms),
     .argument = "TIME", .least = 1, .most = UINT64_C(31536000000), .group = MUCH, .alias = "budgets.duration",
     .help = "End the run after this time: 8h, 30m, 90s. Whichever of --frames and --duration comes first."},
    {.name = "duration", .type = MOTH_OPTION_DURATION, .verbs = MINIMIZE, .offset = AT(duration_ms),
     .argument = "TIME", .least = 1, .most = UINT64_C(31536000000), .group = MUCH, .no_config = true,
     .help = "End the search after this time: 8h, 30m, 90s. The same command goes on from there."},
    {.name = "frames", .type = MOTH_OPTION_NUMBER, .verbs = LIST, .offset = AT(frames), .argument = "N",
     .fallback = "1", .least = 1, .most = U32, .group = MUCH, .no_config = true,
     .help = "moth list state: let the game run N frames before it is looked at."},
    {.name = "type", .type = MOTH_OPTION_STRING, .verbs = LIST, .offset = AT(value_type), .argument = "TYPE",
     .group = MUCH, .no_config = true, .help = "moth list state: only what is of this type (int, float, struct player *)."},
    {.name = "depth", .type = MOTH_OPTION_NUMBER, .verbs = LIST, .offset = AT(depth), .argument = "N", .fallback = "4",
     .most = 16, .group = MUCH, .no_config = true,
     .help = "moth list state: how many members, elements and pointers deep a variable is opened."},
    {.name = "type", .type = MOTH_OPTION_STRING, .verbs = SCAN, .offset = AT(value_type), .argument = "TYPE",
     .fallback = "i32", .group = MUCH, .no_config = true, .help = "What is looked for: i8 … u64, f32, f64."},
    {.name = "step", .type = MOTH_OPTION_STRINGS, .verbs = SCAN, .offset = AT(steps), .argument = "[FRAME] RELATION",
     .group = MUCH, .no_config = true,
     .help = "What is known at a frame: '60 equal 100', '200 decreased', 'decreased 15', 'unchanged', 'increased', "
             "'changed', 'between 1 10', 'any'. Without FRAME 60 after the one before. May be given several times, in "
             "the order of frames."},
    {.name = "input", .type = MOTH_OPTION_STRING, .verbs = SCAN, .offset = AT(input), .argument = "TRACE|FINDING",
     .group = PLAY, .no_config = true, .help = "Play these recorded inputs meanwhile, instead of an agent."},
    {.name = "limit", .type = MOTH_OPTION_NUMBER, .verbs = SCAN, .offset = AT(limit), .argument = "N", .fallback = "20",
     .least = 1, .most = 1000, .group = JUDGE, .no_config = true, .help = "Tell at most N of what is left."},
    {.name = "instance-frames", .type = MOTH_OPTION_NUMBER, .verbs = RUN, .offset = AT(instance_frames),
     .argument = "N", .fallback = "10800", .least = 1, .most = U32, .group = MUCH,
     .alias = "budgets.instance_frames",
     .help = "Frames after which an instance is ended and the next one starts, with the next seed. At most an "
             "eighth of --frames, or 600, so that several seeds get their turn."},
    {.name = "workers", .letter = 'j', .type = MOTH_OPTION_NUMBER, .verbs = RUN, .offset = AT(workers),
     .argument = "N", .fallback = "0", .most = 1024, .group = MUCH,
     .help = "Instances that play at the same time. 0: one a CPU."},
    {.name = "weights", .type = MOTH_OPTION_CHOICE, .verbs = RUN, .offset = AT(weights),
     .argument = "adaptive|fixed", .fallback = "adaptive", .choices = "adaptive|fixed", .group = MUCH,
     .alias = "budgets.weights",
     .help = "adaptive: agents that come to new places and findings are let play more often as the run goes on, and "
             "each keeps a part of its share. Only with --duration and without --frames and --shard: where the number "
             "of instances is fixed, so is who plays them."},
    {.name = "stuck-s", .type = MOTH_OPTION_NUMBER, .verbs = RUN, .offset = AT(stuck_s), .argument = "N",
     .fallback = "120", .most = 86400, .group = LIMITS, .alias = "limits.stuck_s",
     .help = "Seconds without a sign of life from one of moth's own workers until it is replaced. 0: never. A game that "
             "does not go on is --frame-cpu-ms's and --frame-wall-ms's."},
    {.name = "disk-mb", .type = MOTH_OPTION_NUMBER, .verbs = RUN, .offset = AT(disk_mb), .argument = "N",
     .fallback = "4096", .most = U32, .group = LIMITS, .alias = "limits.disk_mb",
     .help = "Size of the output folder. When it is reached, the oldest traces of instances without a finding are "
             "dropped; findings never are. 0: no limit."},
    {.name = "traces", .type = MOTH_OPTION_NUMBER, .verbs = RUN, .offset = AT(traces), .argument = "N",
     .fallback = "1000", .most = 1000000, .group = JUDGE,
     .help = "Keep the traces of the last N instances in traces/, one an instance, whether they found something or not. "
             "0: none."},
    {.name = "max-findings", .type = MOTH_OPTION_NUMBER, .verbs = RUN, .offset = AT(max_findings),
     .argument = "N", .fallback = "0", .most = U32, .group = MUCH, .alias = "budgets.max_findings",
     .help = "End the run after N different findings. 0: no limit."},
    {.name = "shard", .type = MOTH_OPTION_SHARD, .verbs = RUN, .offset = AT(shard), .argument = "I/N|auto",
     .group = MUCH,
     .help = "Play only the I-th of N parts of the run; all other options, --seed and --frames too, are those of the "
             "whole run. auto: as the environment of a Slurm array, a Kubernetes indexed job, a GitHub matrix or a "
             "GitLab parallel job says. The parts together are the run without --shard, instance by instance, but for "
             "agents that explore, which share what they know within a part, and for --max-findings and --duration, "
             "which hold for each part. `moth report` puts them together."},

    {.name = "hz", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR | RECORD | LIST | SCAN, .offset = AT(hz), .argument = "N",
     .fallback = "60", .least = 1, .most = 1000, .group = WORLD, .help = "Frames a virtual second."},
    {.name = "video", .type = MOTH_OPTION_CHOICE, .verbs = RUN | DOCTOR | RECORD | LIST | SCAN, .offset = AT(video),
     .argument = "auto|none|software|gl", .fallback = "auto", .choices = "auto|none|software|gl", .group = WORLD,
     .help = "How the game gets its picture, without a screen in each case."},
    {.name = "render", .type = MOTH_OPTION_CHOICE, .verbs = RUN | DOCTOR | RECORD | LIST | SCAN, .offset = AT(render),
     .argument = "auto|on|off", .fallback = "auto", .choices = "auto|on|off", .group = WORLD,
     .help = "Whether frames that nobody looks at are drawn."},
    {.name = "threads", .type = MOTH_OPTION_CHOICE, .verbs = RUN | DOCTOR | RECORD | LIST | SCAN, .offset = AT(threads),
     .argument = "deterministic|native", .fallback = "deterministic", .choices = "deterministic|native",
     .group = WORLD,
     .help = "native: leave the game's threads to the system, for a game that cannot live otherwise; it is "
             "then not deterministic."},
    {.name = "env", .type = MOTH_OPTION_PAIRS, .verbs = RUN | DOCTOR | RECORD | REPLAY | MINIMIZE | COMPARE | BISECT | LIST | SCAN, .offset = AT(env),
     .argument = "K=V", .group = WORLD,
     .help = "Put a variable into the game's environment. May be given several times."},
    {.name = "watch", .type = MOTH_OPTION_WATCHES, .verbs = RUN | DOCTOR | RECORD | REPLAY, .offset = AT(watches),
     .argument = "NAME=EXPRESSION", .group = WORLD, .alias = "watches",
     .help = "Watch a variable of the game, for all agents: hp=player.health, by its debug information, or hp=score:int, "
             "an exported symbol with its type. It is game.state.hp then. May be given several times; `moth list state` says "
             "what there is."},
    {.name = "debug-dir", .type = MOTH_OPTION_STRINGS, .verbs = RUN | DOCTOR | RECORD | REPLAY | LIST | SCAN, .offset = AT(debug_dirs),
     .argument = "DIR", .group = WORLD, .alias = "debug_dirs",
     .help = "Look for the game's separate debug files below DIR, too: by build id, by .gnu_debuglink, or by name. May be "
             "given several times."},
    {.name = "pads", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR | RECORD, .offset = AT(pads), .argument = "N",
     .fallback = "0", .most = 4, .group = WORLD,
     .help = "Virtual game controllers that are plugged in from the start."},

    {.name = "member", .type = MOTH_OPTION_PAIRS, .verbs = RUN | DOCTOR | RECORD, .offset = AT(members),
     .argument = "NAME=COMMAND", .group = GROUP, .alias = "members",
     .help = "Let another game play with this one: a server, a second player. They share one virtual time and reach "
             "each other, and nothing else, by 127.0.0.1 or by name. May be given up to 15 times."},
    {.name = "link-latency", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR | RECORD, .offset = AT(link_latency_ms),
     .argument = "MS", .fallback = "0", .most = 60000, .group = GROUP, .alias = "link.latency_ms",
     .help = "How long what one of them sends is on its way. It arrives with the next frame after that."},
    {.name = "link-jitter", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR | RECORD, .offset = AT(link_jitter_ms),
     .argument = "MS", .fallback = "0", .most = 60000, .group = GROUP, .alias = "link.jitter_ms",
     .help = "Up to so much longer, by chance (of the seed). Datagrams may overtake each other by it."},
    {.name = "link-loss", .type = MOTH_OPTION_STRING, .verbs = RUN | DOCTOR | RECORD, .offset = AT(link_loss),
     .argument = "PERCENT", .group = GROUP, .alias = "link.loss",
     .help = "Datagrams that are lost on the way: 2, 0.5%. A stream's data comes 200 ms later instead."},

    {.name = "frame-cpu-ms", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR | RECORD | REPLAY | MINIMIZE | COMPARE | BISECT | LIST | SCAN,
     .offset = AT(frame_cpu_ms), .argument = "N", .fallback = "5000", .least = 1, .most = U32, .group = LIMITS,
     .alias = "detectors.hang.cpu_ms", .help = "CPU time without a frame until it is a hang."},
    {.name = "frame-wall-ms", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR | RECORD | REPLAY | MINIMIZE | COMPARE | BISECT | LIST | SCAN,
     .offset = AT(frame_wall_ms), .argument = "N", .fallback = "20000", .least = 1, .most = U32, .group = LIMITS,
     .alias = "detectors.hang.wall_ms",
     .help = "Time without a frame, and without using the CPU, until it is a hang."},
    {.name = "boot-wall-ms", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR | RECORD | REPLAY | MINIMIZE | COMPARE | BISECT | LIST | SCAN,
     .offset = AT(boot_wall_ms), .argument = "N", .fallback = "60000", .least = 1, .most = U32, .group = LIMITS,
     .alias = "limits.boot_wall_ms", .help = "Time until the first frame."},
    {.name = "memory-mb", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR | RECORD | REPLAY | MINIMIZE | COMPARE | BISECT | LIST | SCAN, .offset = AT(memory_mb),
     .argument = "N", .fallback = "4096", .least = 1, .most = U32, .group = LIMITS, .alias = "limits.memory_mb",
     .help = "Memory of the game."},
    {.name = "snapshot-memory", .type = MOTH_OPTION_NUMBER, .verbs = RUN | MINIMIZE | RECORD | REPLAY, .offset = AT(snapshot_memory_mb),
     .argument = "MB", .fallback = "1024", .most = U32, .group = LIMITS, .alias = "limits.snapshot_memory_mb",
     .help = "Memory of all snapshots that are kept alive, shared out among the workers. The ones used least are "
             "given up, and rebuilt from their inputs when they are wanted. 0: none is kept alive."},
    {.name = "file-mb", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR | RECORD | REPLAY | MINIMIZE | COMPARE | BISECT | LIST | SCAN, .offset = AT(file_mb),
     .argument = "N", .fallback = "1024", .least = 1, .most = U32, .group = LIMITS, .alias = "limits.file_mb",
     .help = "Size of any one file the game writes, its log too."},
    {.name = "lua-memory-mb", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR, .offset = AT(lua_memory_mb),
     .argument = "N", .fallback = "256", .least = 1, .most = 1024, .group = LIMITS,
     .alias = "limits.lua_memory_mb", .help = "Memory of an agent."},
    {.name = "lua-instructions", .type = MOTH_OPTION_NUMBER, .verbs = RUN | DOCTOR,
     .offset = AT(lua_instructions), .argument = "N", .fallback = "100000000", .least = 10000, .most = ANY,
     .group = LIMITS, .alias = "limits.lua_instructions",
     .help = "Lua instructions of an agent without a step of the game, until it counts as an endless loop."},
    {.name = "unsafe-lua", .type = MOTH_OPTION_FLAG, .verbs = RUN | DOCTOR, .offset = AT(unsafe_lua),
     .group = LIMITS,
     .help = "Give agents all of Lua's libraries: files, programs, the clock. They may then play differently "
             "each time."},

    {.name = "reporter", .type = MOTH_OPTION_SET, .verbs = RUN, .offset = AT(reporters), .argument = "LIST",
     .fallback = "list,json,junit,html,sarif", .choices = MOTH_REPORTER_CHOICES, .group = JUDGE,
     .help = "How the run is reported: " MOTH_REPORTER_HELP "with commas between them."},
    {.name = "reporter", .type = MOTH_OPTION_SET, .verbs = REPORT, .offset = AT(reporters), .argument = "LIST",
     .choices = MOTH_REPORTER_CHOICES, .group = JUDGE, .no_config = true,
     .help = "How it is told: " MOTH_REPORTER_HELP "with commas between them; without it as list. With -o run.json is "
             "always written. Without -o one of them, on standard output; or list and github."},
    {.name = "map-watches", .type = MOTH_OPTION_STRINGS, .verbs = RUN, .offset = AT(map_watches),
     .argument = "X,Y[,PLANE]", .group = JUDGE,
     .help = "Watches that are coordinates, and one that names the room or level: the places that were visited are drawn as "
             "a map in report.html. May be given up to 4 times. Without it: x and y, pos_x and pos_y, or player_x and "
             "player_y, and room, level, map, stage, area or scene, where the game publishes them."},
    {.name = "resume", .type = MOTH_OPTION_STRING, .verbs = RUN, .offset = AT(resume), .argument = "DIR",
     .group = MUCH, .no_config = true,
     .help = "Go on with the run whose output folder is DIR, with the same game, agents and seed: what was killed or "
             "interrupted plays the rest of its budget, what had ended gets another one. Into DIR, unless --out says "
             "otherwise. Where it is another run (another build, another seed), agents that explore begin with the "
             "places that it reached."},
    {.name = "out", .letter = 'o', .type = MOTH_OPTION_STRING, .verbs = RUN, .offset = AT(out),
     .argument = "DIR", .fallback = "moth-out", .group = JUDGE, .help = "Where findings and reports go."},
    {.name = "out", .letter = 'o', .type = MOTH_OPTION_STRING, .verbs = MINIMIZE, .offset = AT(out),
     .argument = "DIR", .group = JUDGE, .no_config = true,
     .help = "Where minimized.moth and repro.lua go. Without it: the finding's own folder."},
    {.name = "out", .letter = 'o', .type = MOTH_OPTION_STRING, .verbs = REPORT, .offset = AT(out),
     .argument = "DIR", .group = JUDGE, .no_config = true,
     .help = "Write the merged run there, with its findings: a folder as a run leaves it. An earlier merge there is "
             "replaced."},
    {.name = "allow-missing", .type = MOTH_OPTION_FLAG, .verbs = REPORT, .offset = AT(allow_missing), .group = JUDGE,
     .no_config = true,
     .help = "Judge by the shards that are there, though some are missing or were interrupted."},
    {.name = "replays", .type = MOTH_OPTION_NUMBER, .verbs = RUN | MINIMIZE, .offset = AT(replays), .argument = "N",
     .fallback = "10", .most = 1000, .group = JUDGE, .help = "How often each finding, or what it was shrunk to, is played again."},
    {.name = "trace", .type = MOTH_OPTION_STRINGS, .verbs = COMPARE, .offset = AT(compared), .argument = "TRACE|FINDING",
     .group = PLAY, .no_config = true, .help = "Play this trace with both builds. May be given several times."},
    {.name = "replays", .type = MOTH_OPTION_NUMBER, .verbs = COMPARE, .offset = AT(replays), .argument = "N",
     .fallback = "7", .least = 2, .most = 250, .group = MUCH, .no_config = true,
     .help = "How often each build plays each trace, and up to twice as often if it is short; a frame's time is the "
             "least of them."},
    {.name = "profiles", .type = MOTH_OPTION_NUMBER, .verbs = COMPARE, .offset = AT(profiles), .argument = "N",
     .fallback = "5", .most = 250, .group = MUCH, .no_config = true,
     .help = "Plays of each build that are sampled, for the functions, and up to six times as many if the trace is "
             "short. 0: functions are not compared."},
    {.name = "sample-us", .type = MOTH_OPTION_NUMBER, .verbs = COMPARE, .offset = AT(sample_us), .argument = "N",
     .fallback = "50", .least = 20, .most = 1000000, .group = MUCH, .no_config = true,
     .help = "Microseconds between two samples."},
    {.name = "threshold", .type = MOTH_OPTION_STRING, .verbs = COMPARE, .offset = AT(threshold), .argument = "PERCENT",
     .fallback = "1", .group = JUDGE, .no_config = true,
     .help = "B is worse when it is surely slower by more than this over a whole trace, by twice as much in a part of "
             "it, in one frame by half, in one function, or surely by a tenth in the launch."},
    {.name = "softlock-s", .type = MOTH_OPTION_NUMBER, .verbs = RUN | REPLAY | MINIMIZE | BISECT, .offset = AT(softlock_s),
     .argument = "N", .fallback = "45", .most = 3600, .group = JUDGE, .alias = "detectors.softlock.seconds",
     .help = "Seconds of game time in one scene until moth tries whether there is a way out. 0: never, nor whether a game's "
             "memory only grows."},
    {.name = "scene-watch", .type = MOTH_OPTION_STRING, .verbs = RUN, .offset = AT(scene_watch), .argument = "NAME",
     .group = JUDGE,
     .help = "The watch whose value names the scene, for the most memory in each (memory_mb.scenes of run.json). Without "
             "it: scene, level, room or map, whichever the game publishes; else the script's last mark."},
    {.name = "spike-ms", .type = MOTH_OPTION_DECIMAL, .verbs = RUN, .offset = AT(spike_ms),
     .argument = "N", .fallback = "60", .most = 1000000, .group = JUDGE, .alias = "detectors.spike.ms",
     .help = "Work time of a frame, in milliseconds, over which it is a spike, if it does so in each replay: 60, 16.7; an "
             "agent's own `budget` goes before. 0: never."},
    {.name = "spike-ms", .type = MOTH_OPTION_DECIMAL, .verbs = REPLAY | MINIMIZE | BISECT, .offset = AT(spike_ms),
     .argument = "N", .fallback = "0", .most = 1000000, .group = JUDGE, .no_config = true,
     .help = "Work time of a frame, in milliseconds, over which a spike counts as met. 0: what it was held against when it "
             "was found."},
    {.name = "minimize-frames", .type = MOTH_OPTION_NUMBER, .verbs = RUN, .offset = AT(minimize_frames),
     .argument = "N", .fallback = "30000", .most = ANY, .group = JUDGE, .alias = "budgets.minimize_frames",
     .help = "Frames that are played to shrink a finding's inputs, once it has come back in each replay. 0: leave "
             "them as they are. `moth minimize` goes on from there."},
    {.name = "fail-on-flaky", .type = MOTH_OPTION_FLAG, .verbs = RUN | REPORT, .offset = AT(fail_on_flaky), .group = JUDGE,
     .help = "End with 5 when all findings are ones that do not always happen again."},
    {.name = "strict", .type = MOTH_OPTION_FLAG, .verbs = RUN | REPORT, .offset = AT(strict), .group = JUDGE,
     .help = "End with 6 when the game turns out not to be deterministic."},
    {.name = "baseline", .type = MOTH_OPTION_STRING, .verbs = RUN | REPORT, .offset = AT(baseline), .argument = "FILE",
     .group = JUDGE,
     .help = "The findings the team already knows (moth baseline): they are listed and do not fail the gate, but for those "
             "whose quarantine is over. Nothing is ever written to it. Without the file every finding is new."},
    {.name = "baseline", .type = MOTH_OPTION_STRING, .verbs = BASELINE, .offset = AT(baseline), .argument = "FILE",
     .fallback = MOTH_BASELINE_FILE, .group = JUDGE, .help = "The file. It belongs into the game's repository."},
    {.name = "fail-on", .type = MOTH_OPTION_STRING, .verbs = RUN | REPORT, .offset = AT(fail_on), .argument = "LIST",
     .fallback = "any", .group = JUDGE, .check = check_fail_on,
     .help = "Which findings that nobody knows fail the gate: any, none, or kinds with commas, as crash,hang,softlock:2: of "
             "a kind with :N, N of them do, with :0 no number. Kinds that are not named do not; `any` names all that are "
             "left, as in any,spike:3."},
    {.name = "budget", .type = MOTH_OPTION_STRING, .verbs = RUN | REPORT, .offset = AT(budget), .argument = "LIST",
     .group = JUDGE, .alias = "budgets.metrics", .check = check_budget,
     .help = "By how many percent a metric may be worse than the baseline's of the same class of machines, with commas, as "
             "p99=10,memory=20,frames_per_s=15. More fails the gate. Metrics: p50, p95, p99 and max of the frame time, "
             "memory, heap, frames_per_s."},
    {.name = "machine", .type = MOTH_OPTION_STRING, .verbs = RUN | REPORT | BASELINE, .offset = AT(machine),
     .argument = "NAME", .group = JUDGE,
     .help = "Call the class of this machine so, for --budget. Without it: the processor and how many there are; for "
             "`moth report` and `moth baseline` what the runs say."},
    {.name = "quarantine", .type = MOTH_OPTION_FLAG, .verbs = BASELINE, .offset = AT(quarantine), .group = JUDGE,
     .no_config = true,
     .help = "accept: for a time only. Wants --owner, --reason and --expires; afterwards they fail the gate."},
    {.name = "owner", .type = MOTH_OPTION_STRING, .verbs = BASELINE, .offset = AT(owner), .argument = "NAME",
     .group = JUDGE, .no_config = true, .help = "accept: who looks after them."},
    {.name = "reason", .type = MOTH_OPTION_STRING, .verbs = BASELINE, .offset = AT(reason), .argument = "TEXT",
     .group = JUDGE, .no_config = true, .help = "accept: why they are accepted."},
    {.name = "expires", .type = MOTH_OPTION_STRING, .verbs = BASELINE, .offset = AT(expires), .argument = "DATE",
     .group = JUDGE, .no_config = true,
     .help = "accept --quarantine: its last day, as 2027-01-31, or from today 14d, 2w, 3m."},
    {.name = "metrics", .type = MOTH_OPTION_FLAG, .verbs = BASELINE, .offset = AT(metrics), .group = JUDGE,
     .no_config = true, .help = "accept: the runs' metrics instead of their findings, for --budget."},
    {.name = "keep-fixed", .type = MOTH_OPTION_FLAG, .verbs = BASELINE, .offset = AT(keep_fixed), .group = JUDGE,
     .no_config = true,
     .help = "prune: keep what is gone, as fixed. When it comes back it is reopened, and not merely new."},
    {.name = "history", .type = MOTH_OPTION_STRING, .verbs = RUN | REPORT, .offset = AT(history), .argument = "FILE",
     .group = JUDGE,
     .help = "Add the run to this database of one game's runs (made where there is none), and say of each finding since which build "
             "it is known, and whether it had been fixed. A database that cannot be used is a warning; the run's own "
             "result does not depend on it. `moth history` shows it."},
    {.name = "history", .type = MOTH_OPTION_STRING, .verbs = HISTORY, .offset = AT(history), .argument = "FILE",
     .group = JUDGE, .no_config = true, .help = "The database, where it is not named as an argument."},
    {.name = "build-label", .type = MOTH_OPTION_STRING, .verbs = RUN | REPORT, .offset = AT(build_label),
     .argument = "TEXT", .group = JUDGE,
     .help = "How people call this build: a version, a commit. Without it, what `git describe` says in the folder of the "
             "game's program, if anything."},
    {.name = "fixed-after", .type = MOTH_OPTION_NUMBER, .verbs = RUN | REPORT | HISTORY, .offset = AT(fixed_after),
     .argument = "N", .fallback = "3", .least = 1, .most = 1000, .group = JUDGE,
     .help = "In the history a finding is fixed when so many runs of later builds should have seen it and did not: they "
             "came to their end and played what a run that had seen it played, or its trace. Where each replay of a "
             "finding had met it, one trace played in vain is enough."},
    {.name = "keep", .type = MOTH_OPTION_NUMBER, .verbs = HISTORY, .offset = AT(keep), .argument = "N",
     .fallback = "0", .most = U32, .group = MUCH, .no_config = true,
     .help = "prune: the last N builds keep everything; of older ones stays what shows when findings came, went and came "
             "back. show: only the last N builds. 0: all."},
    {.name = "bus", .type = MOTH_OPTION_STRING, .verbs = RUN, .offset = AT(bus), .argument = "URL",
     .group = JUDGE,
     .help = "Show the run to other programs there, and let them drive instances (agent `outside`): ipc:///path, in a "
             "folder that only you can enter, or tcp://127.0.0.1:PORT, which takes the port after it as well."},
    {.name = "bus-token", .type = MOTH_OPTION_STRING, .verbs = RUN, .offset = AT(bus_token), .argument = "FILE",
     .group = JUDGE,
     .help = "Do only what comes with the first line of this file. Without it: MOTH_BUS_TOKEN; for tcp else one that "
             "is made, bus.token in the output folder."},
    {.name = "bus-allow-remote", .type = MOTH_OPTION_FLAG, .verbs = RUN, .offset = AT(bus_allow_remote), .group = JUDGE,
     .help = "Let the bus be reached from other machines. Whoever can reach it can read its events."},

    {.name = "expect-clean", .type = MOTH_OPTION_FLAG, .verbs = REPLAY, .offset = AT(expect_clean),
     .group = JUDGE, .no_config = true,
     .help = "Turn the exit code round, for `git bisect run`: 0 the finding did not happen, 1 it did, at least "
             "once, 125 it could not be tried: no such trace, or the game does not start."},
    {.name = "times", .type = MOTH_OPTION_NUMBER, .verbs = REPLAY, .offset = AT(times), .argument = "N",
     .fallback = "1", .least = 1, .most = 10000, .group = MUCH, .no_config = true,
     .help = "Replay N times. It happened again if it did so at least once; a trace without a finding is clean if it "
             "is so each time."},
    {.name = "times", .type = MOTH_OPTION_NUMBER, .verbs = BISECT, .offset = AT(times), .argument = "N",
     .fallback = "3", .least = 1, .most = 10000, .group = MUCH, .no_config = true,
     .help = "Replay with each build that is tried up to N times; the first that meets the finding decides."},
    {.name = "until", .type = MOTH_OPTION_NUMBER, .verbs = REPLAY, .offset = AT(until), .argument = "FRAME",
     .least = 1, .most = U32, .group = MUCH, .no_config = true,
     .help = "Replay up to this frame and no further. With --headed, hand the controls over then: a person plays on, and "
             "a new recording of the whole is written (--out)."},
    {.name = "headed", .type = MOTH_OPTION_FLAG, .verbs = REPLAY, .offset = AT(headed), .group = WORLD,
     .no_config = true,
     .help = "In a real window, at the game's speed: space pauses, . steps one frame, tab is fast forward while it is "
             "held, 1 2 4 8 set the speed, N goes to the next mark, F to the finding, left goes back, Q ends. A click on "
             "the timeline goes there."},
    {.name = "break", .type = MOTH_OPTION_FLAG, .verbs = REPLAY, .offset = AT(break_at_finding),
     .group = JUDGE, .no_config = true,
     .help = "Play up to the frame before the finding (or --until FRAME), wait there for a debugger to attach, and go on "
             "with it."},
    {.name = "speed", .type = MOTH_OPTION_STRING, .verbs = RECORD | REPLAY, .offset = AT(speed), .argument = "N|max",
     .fallback = "1", .group = PERSON, .no_config = true,
     .help = "Times the game's own speed: 0.5, 4; max: as fast as it goes. For a window."},
    {.name = "host-key", .type = MOTH_OPTION_STRING, .verbs = RECORD | REPLAY, .offset = AT(host_key), .argument = "KEY",
     .fallback = "f12", .group = PERSON,
     .help = "The key that belongs to moth and never reaches the game. Held with another one: M sets a mark, P pauses, R "
             "goes back 10 s, S keeps this place, L returns to it, + and - change the speed, G lets the mouse go, Q ends."},
    {.name = "key-repeat", .type = MOTH_OPTION_CHOICE, .verbs = RECORD | REPLAY, .offset = AT(key_repeat),
     .argument = "on|off", .fallback = "on", .choices = "on|off", .group = PERSON,
     .help = "Whether a key that is held repeats, as on a keyboard: after half a second of game time, 30 times a second."},
    {.name = "events", .type = MOTH_OPTION_STRING, .verbs = RECORD | REPLAY, .offset = AT(events), .argument = "FILE",
     .group = PERSON, .no_config = true,
     .help = "Append what happens in the window to this file or pipe, a JSON object a line: ready, input, mark, "
             "progress, paused, end."},
    {.name = "exit-at-end", .type = MOTH_OPTION_FLAG, .verbs = REPLAY, .offset = AT(exit_at_end), .group = PERSON,
     .no_config = true, .help = "With --headed: close the window at the end. Without it, it stays until it is closed."},
    {.name = "out", .letter = 'o', .type = MOTH_OPTION_STRING, .verbs = RECORD | REPLAY, .offset = AT(out),
     .argument = "DIR", .group = JUDGE, .no_config = true,
     .help = "Where the recording goes: trace.moth, scenario.lua, and findings. Without it: moth-recording, or "
             "moth-recording-2 and so on where there is one already."},
    {.name = "replays", .type = MOTH_OPTION_NUMBER, .verbs = RECORD | REPLAY, .offset = AT(replays), .argument = "N",
     .fallback = "3", .most = 1000, .group = JUDGE, .no_config = true,
     .help = "How often what the game died of while it was recorded is played again."},
    {.name = "json", .type = MOTH_OPTION_FLAG, .verbs = DOCTOR | RECORD | REPLAY | MINIMIZE | LIST | COMPARE | HISTORY | BISECT | BASELINE | SCAN, .offset = AT(json),
     .group = JUDGE, .no_config = true, .help = "Answer in JSON on standard output."},

    {.name = "force", .type = MOTH_OPTION_FLAG, .verbs = RECORD | REPLAY, .offset = AT(force), .group = MISC,
     .no_config = true, .help = "Write over a recording that is in the folder."},
    {.name = "force", .type = MOTH_OPTION_FLAG, .verbs = INIT, .offset = AT(force), .group = MISC,
     .no_config = true, .help = "Overwrite a moth.lua that is there."},
    {.name = "force", .type = MOTH_OPTION_FLAG, .verbs = BASELINE, .offset = AT(force), .group = MISC,
     .no_config = true, .help = "prune: also by runs that did not come to their end. accept --metrics: also of different builds."},
    {.name = "force", .type = MOTH_OPTION_FLAG, .verbs = REPORT, .offset = AT(force), .group = MISC,
     .no_config = true,
     .help = "Merge runs of different builds, arguments or versions of moth, and two plays of one shard that differ."},
    {.name = "config", .type = MOTH_OPTION_STRING, .verbs = RUN | DOCTOR | RECORD | REPORT | BASELINE, .offset = AT(config_path),
     .argument = "FILE", .group = MISC, .no_config = true,
     .help = "Read this file instead of ./moth.lua. What the command line says wins over it."},
    {.name = "quiet", .letter = 'q', .type = MOTH_OPTION_FLAG, .verbs = RUN | DOCTOR | RECORD | REPLAY | MINIMIZE | REPORT | COMPARE | HISTORY | BISECT | BASELINE,
     .offset = AT(quiet), .group = MISC, .help = "Say only what went wrong."},
    {.name = "verbose", .letter = 'v', .type = MOTH_OPTION_FLAG, .verbs = RUN | DOCTOR | RECORD | REPLAY | MINIMIZE | REPORT | COMPARE | HISTORY | BISECT | BASELINE,
     .offset = AT(verbose), .group = MISC, .help = "Say more."},
};

const size_t moth_option_count = sizeof moth_option_table / sizeof moth_option_table[0];
