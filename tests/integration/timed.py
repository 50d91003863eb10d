# SPDX-License-Identifier: MIT
"""What a measurement comes to, within limits: these depend on the machine and what else it does, so they are no part of
tests/run. `tests/integration/run.py --timed timed` plays them."""
import json
import os

from driver import case, check
from spike import budget_for, busy_machine, cost_ms, expect_spike, recording

NEAR_MS = 2.0


@case
def stall_at_its_true_cost(test):
    with busy_machine():
        cost = cost_ms(test)
        run = test.run(test.game("spike_stall"), frames=130, options=("--replays", "3", *budget_for(cost)))
        cost = min(cost, cost_ms(test))
    facts = expect_spike(test, run, "load_level", "main")["spike"]
    true_ms = cost + facts["before_ms"]  # the frame draws and shows a picture, too, as the one before did
    check(abs(facts["least_ms"] - true_ms) <= NEAR_MS, f"{facts['least_ms']} ms reported, {true_ms} ms is the true cost")


@case
def an_agent_has_a_budget_of_its_own(test):
    """The clean twin's frames of 12 ms or so, each 97th, are spikes to who allows 9."""
    agent = test.write("strict.lua", "return { budget = %.2f, play = function(game) game:step(150) end }\n"
                       % (cost_ms(test) * 9 / 80))
    run = test.run(test.game("spike_stall_clean"), agent=agent, frames=150, options=("--replays", "3"))
    finding = expect_spike(test, run, "think", "main")
    check(finding["frame"] == 98, f"frame {finding['frame']}")
    folder = os.path.join(run.folder, "findings", finding["fingerprint"])
    check(test.moth("replay", folder).status == 0, "the replay does not know the budget")
    wrong = test.write("wrong.lua", "return { budget = 'much', play = function(game) game:step(1) end }\n")
    run = test.run(test.game("spike_stall_clean"), agent=wrong, frames=100)
    check(run.status == 2 and "budget" in run.err, "a budget that is no number is wrong usage\n" + run.describe())


@case
def a_slower_build_is_named(test):
    trace = recording(test, "spike_work")
    builds = [test.game(name) for name in ("spike_work", "spike_work_slow", "spike_work_again")]
    slower = test.moth("compare", "--json", "--replays", "4", "--profiles", "3", builds[0], builds[1], "--trace", trace)
    check(slower.status == 1, "5 % more in one function is slower\n" + slower.describe())
    result = json.loads(slower.out)
    check(result["schema"] == "moth.compare/1" and result["verdict"] == "worse" and result["exit_code"] == 1, slower.out)
    blamed = [f["function"] for f in result["traces"][0]["functions"] if f["blamed"]]
    check(blamed == ["think_enemies"], f"think_enemies is to be blamed, not {blamed}\n" + slower.out[-3000:])
    same = test.moth("compare", "--replays", "3", "--profiles", "2", builds[0], builds[2], "--trace", trace)
    check(same.status == 0, "two builds of one source\n" + same.describe())


@case
def a_spike_is_shrunk(test):
    run = test.run(test.game("spike_loader"), frames=130,
                   options=("--replays", "3", "--minimize-frames", "2000", *budget_for(cost_ms(test))))
    finding = expect_spike(test, run, "decode_texture", "loader")
    check(finding["inputs_minimized"] is not None and finding["inputs_minimized"] < finding["inputs"],
          f"{finding['inputs']} inputs were not shrunk")
