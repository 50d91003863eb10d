-- SPDX-License-Identifier: MIT
--
-- clicker: the monkey for games that are played with the mouse.

return require("monkey").with {
    name = "clicker",
    mouse = { mean = 12 },
    opening = false,
    actions = { { key = "return", weight = 0.02, tap = true }, { key = "escape", weight = 0.01, tap = true } },
}
