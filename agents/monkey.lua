-- SPDX-License-Identifier: MIT
--
-- monkey: sticky keys and mouse at random, straight on from the game's start. Each key is held for a while
-- and left alone for a while (moth/sticky.lua).
--
-- Its table can be changed with `with`, in an agent of your own:
--
--     return require("monkey").with { actions = { "left", "right", "space" }, mouse = false }

local sticky = require("moth.sticky")
local variant = require("moth.variant")

local function play_with(options, game, rng)
    if options.opening then
        sticky.open(game, rng, options.opening)
    end
    local start = game.frame
    local actors = sticky.keys(game, rng, options.actions, start)
    if options.mouse then
        actors[#actors + 1] = sticky.mouse(game, rng, options.mouse, start)
    end
    if options.pad then
        sticky.pad(game, rng, actors, start)
    end
    sticky.play_others(game, rng, actors, options, start)
    if #actors == 0 then
        error("monkey: no actions, no mouse and no pad: nothing to do", 0)
    end
    while true do
        local soonest = sticky.soonest(actors, math.huge)
        local now = game.frame
        if soonest > now then
            game:step(soonest - now)
            now = soonest
        end
        sticky.act(actors, now)
    end
end

return variant("monkey", {
    name = "monkey",
    opening = sticky.opening,
    actions = sticky.actions,
    mouse = true,
    pad = false,
    play = true,
    with = true,
}, {}, play_with)
