/* SPDX-License-Identifier: MIT
 *
 * moth init: a commented moth.lua to begin with.
 */
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "cli/options.h"

#define CONFIG_FILE "moth.lua"

/* tests/unit reads it with the real reader, every commented line too. */
static const char template[] =
    "-- moth.lua: how moth plays and judges this game. With this file here, `moth run` needs no\n"
    "-- arguments. Each option of `moth run --help` is a key of the same name, with '_' for '-' (but those\n"
    "-- of one run: --config, --resume, --update-pictures); what the command line says wins. A line that is\n"
    "-- commented out shows the default or an example.\n"
    "return {\n"
    "    -- The program, or a list of it and its arguments.\n"
    "    game = { \"./game\" },\n"
    "\n"
    "    -- Who plays, and how often: agents that moth ships (`moth list agents`) and Lua files.\n"
    "    agents = {\n"
    "        monkey = 3,\n"
    "        menus = 1,\n"
    "        -- [\"bots/mine.lua\"] = 2,\n"
    "    },\n"
    "    -- scenarios = { \"scenarios/first_level.lua\" },\n"
    "    -- seed = 1,\n"
    "    -- schedule_seed = 0,\n"
    "\n"
    "    -- The run ends with the first of these.\n"
    "    budgets = {\n"
    "        frames = 100000,\n"
    "        -- duration = \"30m\",\n"
    "        -- max_findings = 10,\n"
    "        -- instance_frames = 10800,\n"
    "        -- minimize_frames = 30000, -- to shrink a finding's inputs; 0: not at all\n"
    "    },\n"
    "    -- workers = 0,\n"
    "\n"
    "    -- The game's world.\n"
    "    -- hz = 60,\n"
    "    -- video = \"auto\",\n"
    "    -- render = \"auto\",\n"
    "    -- threads = \"deterministic\",\n"
    "    -- pads = 0,\n"
    "    -- env = { LANG = \"C.UTF-8\" },\n"
    "    -- Variables for all agents (game.state.hp): `moth list state -- ./game` says what there is.\n"
    "    -- watches = { hp = \"player.health\" },\n"
    "    -- debug_dirs = { \"symbols\" }, -- where separate debug files are\n"
    "\n"
    "    -- When something is wrong.\n"
    "    detectors = {\n"
    "        hang = { cpu_ms = 5000, wall_ms = 20000 },\n"
    "    },\n"
    "    -- limits = { memory_mb = 4096, file_mb = 1024, boot_wall_ms = 60000, lua_memory_mb = 256 },\n"
    "\n"
    "    -- reporter = \"list,json,github\",\n"
    "    -- out = \"moth-out\",\n"
    "    -- baseline = \"moth-baseline.json\", -- what the team knows already: moth baseline --help\n"
    "    -- fail_on = \"any,spike:3\",\n"
    "    -- budget = \"p99=10,memory=20\", -- percent that metrics may be worse than the baseline's\n"
    "    -- fail_on_flaky = true,\n"
    "    -- shard = \"auto\", -- one of many jobs plays its part: moth run --help, moth report\n"
    "}\n";

int moth_cli_init(const struct moth_options *options)
{
    if (!options->force && access(CONFIG_FILE, F_OK) == 0) {
        moth_log_error(CONFIG_FILE " is already here; --force overwrites it");
        return moth_err_exit_code(MOTH_ERR_USAGE);
    }
    struct moth_err err;
    if (moth_fs_write_atomic(CONFIG_FILE, template, strlen(template), &err) != 0) {
        moth_log_error("%s", err.message);
        return moth_err_exit_code(err.code);
    }
    moth_log_info("wrote " CONFIG_FILE "; say in it which game, then: moth run");
    return 0;
}
