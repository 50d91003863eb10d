-- SPDX-License-Identifier: MIT
--
-- Monkey with the maze's keys.

return require("monkey").with {
    name = "maze_monkey",
    actions = { "left", "right", "up", "down" },
    mouse = false,
    opening = false,
}
