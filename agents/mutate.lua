-- SPDX-License-Identifier: MIT
--
-- mutate: varies what led somewhere. It goes to a place as explorer does and goes on with a stretch of another way
-- there is, or of a recording in the run's corpus (`corpus/*.moth` in the output folder), changed a little: inputs
-- left out, doubled, moved, given to another key, stretched, or two stretches spliced. Recordings are first played
-- as they are, so that there are places along them.
--
-- Takes the same fields as explorer: require("mutate").with { cell = …, prefer = …, actions = … }

local sticky = require("moth.sticky")
local places = require("moth.places")
local explorer = require("explorer")
local variant = require("moth.variant")

local STRETCH = 240 -- frames

-- Inputs of a list from `from` on, for `frames` frames, counting from 0.
local function stretch(list, from, frames)
    local part = {}
    for _, input in ipairs(list) do
        if input.frame >= from and input.frame < from + frames and input.type ~= "quit" and input.type ~= "pad_attach" then
            local copy = {}
            for name, value in pairs(input) do
                copy[name] = value
            end
            copy.frame = input.frame - from
            part[#part + 1] = copy
        end
    end
    return part
end

local function by_frame(part)
    for i = 2, #part do -- insertion: nearly sorted, and equals keep their order
        local j = i
        while j > 1 and part[j - 1].frame > part[j].frame do
            part[j - 1], part[j] = part[j], part[j - 1]
            j = j - 1
        end
    end
    return part
end

local changes = {
    function(part, rng) -- leave one out
        table.remove(part, rng:int(1, #part))
    end,
    function(part, rng) -- sooner or later
        local input = rng:pick(part)
        input.frame = math.max(0, input.frame + rng:int(-12, 12))
    end,
    function(part, rng) -- twice
        local input, copy = rng:pick(part), {}
        for name, value in pairs(input) do
            copy[name] = value
        end
        copy.frame = input.frame + rng:int(1, 30)
        part[#part + 1] = copy
    end,
    function(part, rng) -- the code of another input of its kind
        local a, b = rng:pick(part), rng:pick(part)
        if a.code and b.code and a.type:sub(1, 3) == b.type:sub(1, 3) then
            a.code, b.code = b.code, a.code
        end
    end,
    function(part, rng) -- press for let go
        local input = rng:pick(part)
        local other = { key_down = "key_up", key_up = "key_down", pad_down = "pad_up", pad_up = "pad_down" }
        input.type = other[input.type] or input.type
    end,
    function(part, rng) -- all slower or faster from somewhere on
        local from, factor = rng:pick(part).frame, rng:pick { 0.5, 0.75, 1.5, 2 }
        for _, input in ipairs(part) do
            if input.frame > from then
                input.frame = from + math.floor((input.frame - from) * factor)
            end
        end
    end,
}

-- Some way there is, and its length: a recording or the way to a cell.
local function some_way(here, rng)
    local recordings = here.archive:counts().recordings
    if recordings > 0 and rng:chance(0.5) then
        return here.archive:recording(rng:int(1, recordings))
    end
    local cell = here.archive:any()
    if cell then
        return here.archive:inputs(cell)
    end
end

local function varied(here, rng)
    local list, length = some_way(here, rng)
    if not list or length == 0 then
        return {}
    end
    -- going on where that way was at this time, or from anywhere on it
    local now = here.game.frame
    local from = now < length and rng:chance(0.5) and now or rng:int(0, length - 1)
    local part = stretch(list, from, STRETCH)
    if rng:chance(0.3) then
        local other, size = some_way(here, rng)
        if other and size > 0 then
            local at = rng:int(1, STRETCH)
            part = stretch(part, 0, at)
            for _, input in ipairs(stretch(other, rng:int(0, size - 1), STRETCH - at)) do
                input.frame = input.frame + at
                part[#part + 1] = input
            end
        end
    end
    for _ = 1, rng:pick { 0, 1, 1, 2, 4, 8 } do
        if #part > 0 then
            rng:pick(changes)(part, rng)
        end
    end
    return by_frame(part)
end

local function play_inputs(here, part, frames)
    local game = here.game
    local start, next_look = game.frame, game.frame + here.every
    local function step_to(frame)
        while game.frame < frame do
            game:step(math.min(frame, next_look) - game.frame)
            if game.frame >= next_look then
                here:look()
                next_look = game.frame + here.every
            end
        end
    end
    for _, input in ipairs(part) do
        if input.frame >= frames then
            break
        end
        step_to(start + input.frame)
        game:input(input)
    end
    step_to(start + frames)
end

-- Something to begin with where there is nothing yet.
local function wander(here, rng, options)
    local game = here.game
    local stop = game.frame + STRETCH
    local actors = sticky.keys(game, rng, options.actions, game.frame)
    sticky.play_others(game, rng, actors, options, game.frame)
    while game.frame < stop do
        local soonest = math.min(sticky.soonest(actors, stop), game.frame + here.every)
        if soonest > game.frame then
            game:step(soonest - game.frame)
            here:look()
        end
        sticky.act(actors, game.frame)
    end
end

local function play_with(agent, game, rng)
    local options = setmetatable({ actions = agent.actions or sticky.actions }, { __index = agent })
    local here = places.open(game, options)
    for i = 1, here.root and here.archive:counts().recordings or 0 do
        local list, length = here.archive:recording(i)
        if here:restore(here.root) then
            here:alive(play_inputs, here, stretch(list, game.frame, length), math.max(length - game.frame, 1))
            here.archive:rolled()
        end
    end
    while true do
        if here.root and not here:go_on() then
            error("mutate: the game can be brought back to none of the places where it was", 0)
        end
        local alive = here:alive(function()
            local part = varied(here, rng)
            if #part == 0 or rng:chance(0.1) then
                wander(here, rng, options)
            else
                play_inputs(here, part, STRETCH)
            end
        end)
        here.archive:rolled()
        if not alive and not here.root then
            return
        end
    end
end

return variant("mutate", explorer.with { name = "mutate" }, {}, play_with, places.check)
