-- SPDX-License-Identifier: MIT
--
-- explorer: goes back to places it has been and goes on from there, rarely seen ones rather than others, so that it
-- gets deeper than one long walk ever would (Go-Explore). A place is what the script's `cell(state)` says
-- it is, else what the picture looks like. From a place it plays for a few seconds as monkey does, with a few
-- keys at a time, at times with runs of inputs that led somewhere new before, and on as long as there is something new.
--
-- In an agent of your own:
--
--     return require("explorer").with {
--         actions = { "left", "right", "space" },
--         cell = function(state) return { state.room, state.x // 16, state.y // 16, state.keys } end,
--         prefer = function(state) return state.ammo end,
--     }
--
-- `state` is game.state: what the game publishes through moth.h, and frame and time. A cell is where one can
-- be, not what one has: what counts up and down belongs into `prefer`, which ranks the states of one cell.
-- Where cell(state) is nil there is no place, and nothing is noted.

local sticky = require("moth.sticky")
local places = require("moth.places")

local ROLL_MIN, ROLL_MAX = 128, 256 -- frames of a roll-out
local ROLL_ON, ROLL_LIMIT = 96, 1024 -- … more after something new, and in all

-- ---- which hands play ----

-- Each action remembers how often it took part and how much was opened with it.
local function repertoire(options)
    local list = {}
    for _, action in ipairs(options.actions) do
        action = sticky.action(action)
        list[#list + 1] = { action = action, used = 0, opened = 0 }
    end
    if options.mouse then
        list[#list + 1] = { mouse = options.mouse, used = 0, opened = 0 }
    end
    return list
end

local function worth(each)
    return (each.opened + 4) / (each.used + 4)
end

local function choose_hands(rng, list)
    local mean = 0
    for _, each in ipairs(list) do
        mean = mean + worth(each) / #list
    end
    local few = rng:pick { 0.25, 0.5, 0.8 }
    local chosen = {}
    for _, each in ipairs(list) do
        local weight = each.action and each.action.weight or 0.3
        local chance = few * math.sqrt(weight) * worth(each) / mean
        if rng:chance(math.min(math.max(chance, 0.04 * math.sqrt(weight)), 0.95)) then
            chosen[#chosen + 1] = each
        end
    end
    if #chosen == 0 then
        chosen[1] = rng:pick(list)
    end
    return chosen
end

local function hands_of(game, rng, chosen, options)
    local now = game.frame
    local means = rng:pick { sticky.means, sticky.means, { 2, 8 }, { 8, 32 }, { 32, 80 } }
    local keys, has = {}, {}
    local mouse
    for _, each in ipairs(chosen) do
        if each.action then
            local action = each.action
            keys[#keys + 1] = { key = action.key, opposite = action.opposite, tap = action.tap,
                weight = math.max(action.weight or 1, 0.3) }
            has[action.key] = true
        else
            mouse = each.mouse
        end
    end
    local held = game:held()
    for _, action in ipairs(options.actions) do -- what is down from before must come up again some time
        action = sticky.action(action)
        if held[action.key] and not has[action.key] then
            keys[#keys + 1] = action
        end
    end
    local actors = sticky.keys(game, rng, keys, now, means)
    for _, actor in ipairs(actors) do
        if held[actor.key] then
            actor.sync(true, now)
        end
    end
    if mouse then
        actors[#actors + 1] = sticky.mouse(game, rng, mouse, now)
    end
    if options.pad then
        sticky.pad(game, rng, actors, now)
    end
    return actors
end

local function sync(game, actors)
    local held = game:held()
    for _, actor in ipairs(actors) do
        if actor.sync then
            actor.sync(held[actor.key] == true, game.frame)
        end
    end
end

-- ---- roll-outs ----

-- Run of inputs with frames of its own; looks on the way.
local function play_run(here, run, step)
    local start = here.game.frame
    for _, input in ipairs(run) do
        step(start + input.frame)
        here.game:input(input)
    end
    step(here.game.frame + 2)
end

local function roll(here, rng, chosen, options)
    local game = here.game
    local stop = game.frame + rng:int(ROLL_MIN, ROLL_MAX)
    local limit = game.frame + ROLL_LIMIT
    local next_look = game.frame + here.every
    local function step_to(frame)
        while game.frame < frame do
            game:step(math.min(frame, math.max(next_look, game.frame + 1)) - game.frame)
            if game.frame >= next_look then
                local _, opened = here:look()
                next_look = game.frame + here.every
                if opened then
                    stop = math.min(math.max(stop, game.frame + ROLL_ON), limit)
                end
            end
        end
    end
    local actors = hands_of(game, rng, chosen, options)
    local runs = rng:pick { 0, 0, 0.1, 0.3 }
    while game.frame < stop do
        local run = runs > 0 and rng:chance(runs) and here.archive:ngram()
        if run then
            play_run(here, run, step_to)
            sync(game, actors)
        end
        step_to(math.min(sticky.soonest(actors, stop), stop))
        sticky.act(actors, game.frame)
    end
end

-- A menu needs its keys one at a time.
local function roll_menu(here, rng, options)
    local stop = here.game.frame + rng:int(ROLL_MIN, ROLL_MAX)
    while here.game.frame < stop do
        sticky.open(here.game, rng, options.opening, 1)
        here:look()
    end
end

local function play_with(options, game, rng)
    local list = repertoire(options)
    if #list == 0 and not options.pad then
        error("explorer: no actions, no mouse and no pad: nothing to do", 0)
    end
    local here = places.open(game, options)
    if not here.root then
        game:mark("playing straight on: " .. tostring(here.why))
    end
    local menu = options.opening and { used = 0, opened = 0 }
    local returns = here.root and options.returns
    for round = 1, math.huge do
        if returns and round > 1 then
            if not here:go_on() then
                error("explorer: the game can be brought back to none of the places where it was", 0)
            end
        end
        local chosen = #list > 0 and choose_hands(rng, list) or {}
        local in_menu = menu and rng:chance(round <= 4 and 0.5 or math.min(0.1, 0.1 * worth(menu)))
        local alive = here:alive(function()
            if in_menu then
                roll_menu(here, rng, options)
            else
                roll(here, rng, chosen, options)
            end
        end)
        local opened = here.archive:rolled()
        for _, each in ipairs(in_menu and { menu } or chosen) do
            each.used = each.used + 1
            each.opened = each.opened + opened
        end
        if not alive and not returns then
            return
        end
    end
end

-- ---- agents ----

local function with(base, changes)
    local agent = {}
    for name, value in pairs(base) do
        agent[name] = value
    end
    for name, value in pairs(changes) do
        if base[name] == nil then
            error("explorer.with: there is no field '" .. tostring(name) .. "'", 3)
        end
        agent[name] = value
    end
    for _, name in ipairs { "cell", "prefer" } do
        if agent[name] and type(agent[name]) ~= "function" then
            error("explorer.with: `" .. name .. "` must be a function of the state, not a " .. type(agent[name]), 3)
        end
    end
    agent.play = function(game, rng)
        return play_with(agent, game, rng)
    end
    agent.with = function(more)
        return with(agent, more)
    end
    return agent
end

return with({
    name = "explorer",
    explores = true, -- one long play in the world of the run's archive
    opening = sticky.opening,
    actions = sticky.actions,
    mouse = true,
    pad = false,
    cell = false,
    prefer = false,
    look = false, -- frames between looks; false: 4 with `cell`, else 8
    returns = true, -- false: never goes back; counts the cells that straight play meets
    play = true,
    with = true,
}, {})
