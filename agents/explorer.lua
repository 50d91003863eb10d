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
--
-- Without `actions` it finds out which keys do something (moth/controls.lua), in a few of the places that it has come to,
-- and plays with those rather than with others.

local sticky = require("moth.sticky")
local places = require("moth.places")
local variant = require("moth.variant")
local controls = require("moth.controls")

local FEW = 6 -- actions that need no choosing among
local ROLL_MIN, ROLL_MAX = 128, 256 -- frames of a roll-out
local ROLL_ON, ROLL_LIMIT = 96, 1024 -- … more after something new, and in all
local LOST = math.log(2) -- a cell that is met twice as often as is common
local LONG_MIN, LONG_MAX = 600, 1800 -- … of a long one

local LEARN_AT = { 3, 8, 20, 60 } -- roll-outs after which the keys are tried in another place …
local LEARN_ENOUGH = 2 -- … until so many tries have found something
local LEARN_FRAMES = 5 -- of each key
local DOES, DOES_NOT = 0.6, 0.3 -- least weight of a key that does something; part of its weight that another keeps

-- Where a script says what a place is, all that is left to find out is what leads where: mostly one key at a time, each
-- once in each place. A picture says less of what one has and did, so more is done at random, and on and on.
-- straight: share of long walks. finger: least and most share of roll-outs with one key at a time. runs: share of
-- roll-outs with runs of inputs that opened something before. lost: looks in a row at common places that end one.
local SCRIPTED = { straight = 0.002, finger = { 0.9, 0.95 }, runs = 0.1, lost = 2 }
local PICTURED = { straight = 0.2, finger = { 0.4, 0.85 }, runs = 0.5, lost = 4 }

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

-- The usual keys, with what was learned of them, and those that were found beside them.
local function learned_actions(known)
    local list, by_key = {}, {}
    for _, action in ipairs(sticky.actions) do
        local copy = { key = action.key, opposite = action.opposite, tap = action.tap, weight = (action.weight or 1) * DOES_NOT }
        list[#list + 1] = copy
        by_key[action.key] = { copy = copy, weight = action.weight or 1 }
    end
    for _, action in ipairs(known.actions) do
        local usual = action.key and by_key[action.key]
        if usual then
            usual.copy.weight = usual.copy.tap and usual.weight or math.max(usual.weight, DOES)
            usual.copy.opposite = action.opposite or usual.copy.opposite
        elseif action.key then
            list[#list + 1] = { key = action.key, opposite = action.opposite, weight = DOES }
        end
    end
    return list
end

-- Play with what is known now; what was tried out of each key stays.
local function take_known(options, list, known)
    local by_key = {}
    for _, each in ipairs(list) do
        if each.action then
            by_key[each.action.key] = each
        end
    end
    options.actions = learned_actions(known)
    for _, action in ipairs(options.actions) do
        local each = by_key[action.key]
        if each then
            each.action = action
        else
            list[#list + 1] = { action = action, used = 0, opened = 0 }
        end
    end
end

-- What other workers have found is taken over, and where it is time to, the keys are tried where the game stands: not
-- twice in a place, and rather not where it all began, which mostly is a menu.
local function learn(here, options, list, round, learned)
    local game = here.game
    local text = here.archive:noted()
    if text and text ~= learned.text then
        learned.text = text
        local known = controls.from_text(text)
        if known and #known.actions > 0 then
            take_known(options, list, known)
        end
        learned.known = known
    end
    local due = LEARN_AT[learned.tries + 1]
    if not due or round < due or learned.found == LEARN_ENOUGH or game.frame == here.begin and round < 2 * due then
        return
    end
    local picture = game:picture() or "?"
    if learned.at[picture] then
        return
    end
    learned.at[picture] = true
    learned.tries = learned.tries + 1
    local before = learned.known and #learned.known.actions or 0
    local known = controls.learn(game, learned.known, { mouse = false, frames = LEARN_FRAMES, skip_known = true })
    if known and #known.actions > before then
        learned.found = learned.found + 1
        learned.known, learned.text = known, controls.to_text(known)
        here.archive:note(learned.text)
        take_known(options, list, known)
    end
end

local function worth(each)
    return (each.opened + 4) / (each.used + 4)
end

local function choose_hands(rng, list)
    if #list <= FEW then
        return list
    end
    local mean = 0
    for _, each in ipairs(list) do
        mean = mean + worth(each) / #list
    end
    local few = math.max(rng:pick { 0.25, 0.5, 0.8 }, math.min(4 / #list, 1))
    local chosen = {}
    for _, each in ipairs(list) do
        local weight = each.action and (each.action.weight or 1) or 0.3
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
    local means = rng:pick { sticky.means, { 2, 8, 32 }, { 2, 8 }, { 8, 32 }, { 8, 32 } }
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
    if #actors > 0 then -- one of them begins at once
        rng:pick(actors).due = now
    end
    if mouse then
        actors[#actors + 1] = sticky.mouse(game, rng, mouse, now)
    end
    if options.pad then
        sticky.pad(game, rng, actors, now)
    end
    sticky.play_others(game, rng, actors, options, now, means)
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

-- A key of the list, rather one that was seldom tried in the cell where the game stands.
local function seldom_tried(here, rng, chosen)
    local tried = here.cell and here.tried[here.cell] or {}
    local sum, best = 0, nil
    for _, each in ipairs(chosen) do
        if each.action then
            local count = tried[each.action.key] or 0
            local weight = 1 / (1 + count) ^ 2
            sum = sum + weight
            if rng:chance(weight / sum) then
                best = each
            end
        end
    end
    return best
end

-- One hand that presses one key at a time: how one walks through corridors and menus. It remembers what it tried
-- where.
local function finger(here, rng, chosen)
    local game = here.game
    local mean = rng:pick { 4, 8, 16, 32 }
    local self = { due = game.frame }
    function self.change(now)
        if self.key then
            game:release(self.key)
        end
        local each = seldom_tried(here, rng, chosen)
        self.key = each and each.action.key
        if self.key then
            game:press(self.key)
            if here.cell then
                local tried = here.tried[here.cell] or {}
                here.tried[here.cell] = tried
                tried[self.key] = (tried[self.key] or 0) + 1
                here.archive:tried(here.cell)
            end
        end
        self.due = now + (each and each.action.tap and 2 or sticky.geometric(rng, mean))
    end
    -- In another cell: on with what was not tried here more often than all else, else with that.
    function self.entered(now)
        local tried = here.tried[here.cell] or {}
        here.tried[here.cell] = tried
        local least = math.huge
        for _, each in ipairs(chosen) do
            if each.action then
                least = math.min(least, tried[each.action.key] or 0)
            end
        end
        local mine = self.key and (tried[self.key] or 0)
        if not mine or mine > least then
            self.due = now
        else
            tried[self.key] = mine + 1
            here.archive:tried(here.cell)
            self.due = math.max(self.due, now + 2 * here.every)
        end
    end
    for name in pairs(game:held()) do
        if name:sub(1, 3) ~= "pad" then
            game:release(name)
        end
    end
    return { self }
end

-- ---- roll-outs ----

-- Hands feel what they do: where something new comes up they hold on, where nothing moves for longer than it
-- mostly does they try something else, and in each new place a finger goes on with what was seldom tried there.
local function feeling(here, rng, actors)
    local last, still = here.cell, 0
    local gaps = here.gaps
    return function(cell, opened)
        local now = here.game.frame
        if cell == last then
            still = still + 1
        else
            local gap = math.min(still + 1, #gaps)
            gaps[gap] = gaps[gap] + 1
            gaps.n = gaps.n + 1
            still = 0
        end
        local patience, sum = 0, 0
        repeat
            patience = patience + 1
            sum = sum + gaps[patience]
        until sum * 4 >= gaps.n * 3 or patience == #gaps
        if cell and cell ~= last and actors[1].entered then
            actors[1].entered(now)
        elseif opened then
            for _, actor in ipairs(actors) do
                actor.due = math.max(actor.due, now + 2 * here.every)
            end
        elseif still >= patience then
            rng:pick(actors).due = now
            still = 0
        end
        last = cell
    end
end

-- Run of inputs with frames of its own; looks on the way.
local function play_run(here, run, step)
    local start = here.game.frame
    for _, input in ipairs(run) do
        step(start + input.frame)
        here.game:input(input)
    end
    step(here.game.frame + 2)
end

local function roll(here, rng, manner, chosen, options)
    local game = here.game
    local stop = game.frame + rng:int(ROLL_MIN, ROLL_MAX)
    local limit = game.frame + ROLL_LIMIT
    local next_look = game.frame + here.every
    local actors = manner.finger and finger(here, rng, chosen) or hands_of(game, rng, chosen, options)
    local feel = feeling(here, rng, actors)
    local lost = 0
    local function look_when_due()
        if game.frame < next_look then
            return
        end
        local cell, opened, met = here:look()
        next_look = game.frame + here.every
        feel(cell, opened)
        -- Thrown back to where it has been all the time: better to begin again somewhere else.
        local magnitude = math.log(met or 1)
        here.common = here.common + (magnitude - here.common) * 0.002
        lost = magnitude > here.common + LOST and lost + 1 or 0
        if lost == here.style.lost then
            stop = game.frame
        end
        if opened then
            stop = math.min(math.max(stop, game.frame + ROLL_ON), limit)
        end
    end
    local function step_to(frame)
        look_when_due()
        while game.frame < frame do
            game:step(math.min(frame, next_look) - game.frame)
            look_when_due()
        end
    end
    local runs = rng:chance(here.style.runs) and rng:pick { 0.1, 0.3 } or 0
    while game.frame < stop do
        local run = runs > 0 and rng:chance(runs) and here.archive:ngram()
        if run then
            play_run(here, run, step_to)
            sync(game, actors)
        end
        look_when_due()
        step_to(math.min(sticky.soonest(actors, stop), stop, next_look))
        sticky.act(actors, game.frame)
    end
end

-- As monkey plays: with everything, for long. Where a place says little of what one has and did, going on and on is what
-- finds things.
local function roll_straight(here, rng, options)
    local game = here.game
    if game.frame == here.begin and options.opening then
        sticky.open(game, rng, options.opening)
    end
    local stop, next_look = game.frame + rng:int(LONG_MIN, LONG_MAX), game.frame + here.every
    local actors = sticky.keys(game, rng, options.actions, game.frame)
    if options.mouse then
        actors[#actors + 1] = sticky.mouse(game, rng, options.mouse, game.frame)
    end
    if options.pad then
        sticky.pad(game, rng, actors, game.frame)
    end
    sticky.play_others(game, rng, actors, options, game.frame)
    sync(game, actors)
    while game.frame < stop do
        local soonest = math.min(sticky.soonest(actors, stop), next_look, stop)
        if soonest > game.frame then
            game:step(soonest - game.frame)
        end
        if game.frame >= next_look then
            here:look()
            next_look = game.frame + here.every
        end
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

local function play_with(agent, game, rng)
    local options = setmetatable({}, { __index = agent })
    options.actions = agent.actions or sticky.actions
    local learned = not agent.actions and { tries = 0, found = 0, at = {} }
    local list = repertoire(options)
    if #list == 0 and not options.pad then
        error("explorer: no actions, no mouse and no pad: nothing to do", 0)
    end
    local here = places.open(game, options)
    if not here.root then
        game:mark("playing straight on: " .. tostring(here.why))
    end
    here.style = options.cell and SCRIPTED or PICTURED
    here.common = 0
    here.tried, here.gaps = {}, { 1, 1, 1, 1, 1, 1, 1, 1, n = 8 }
    local menu = options.opening and { used = 0, opened = 0 }
    local manners = { { finger = true, used = 0, opened = 0 }, { used = 0, opened = 0 } }
    local returns = here.root and options.returns
    for round = 1, math.huge do
        local straight = rng:chance(here.style.straight)
        if returns and round > 1 then
            local there = straight and rng:chance(0.5) and here:restore(here.root, here.begin) or here:go_on()
            if not there then
                error("explorer: the game can be brought back to none of the places where it was", 0)
            end
        end
        if learned and here.root then
            learn(here, options, list, round, learned)
        end
        local chosen = #list > 0 and choose_hands(rng, list) or {}
        local share = worth(manners[1]) / (worth(manners[1]) + worth(manners[2]))
        local least, most = table.unpack(here.style.finger)
        local fingers = #chosen > 0 and rng:chance(math.min(math.max(share, least), most))
        local manner = fingers and manners[1] or manners[2]
        local in_menu = menu and rng:chance(round <= 4 and 0.5 or math.min(0.1, 0.1 * worth(menu)))
        local alive = here:alive(function()
            if straight then
                roll_straight(here, rng, options)
            elseif in_menu then
                roll_menu(here, rng, options)
            else
                roll(here, rng, manner, chosen, options)
            end
        end)
        local opened = here.archive:rolled()
        for _, each in ipairs(straight and {} or in_menu and { menu } or chosen) do
            each.used = each.used + 1
            each.opened = each.opened + opened
        end
        if not straight and not in_menu then
            manner.used = manner.used + 1
            manner.opened = manner.opened + opened
        end
        if not alive and not returns then
            return
        end
    end
end

-- ---- agents ----

return variant("explorer", {
    name = "explorer",
    explores = true, -- one long play in the world of the run's archive
    opening = sticky.opening,
    actions = false, -- false: which keys do something is found out
    mouse = true,
    pad = false,
    cell = false,
    prefer = false,
    look = false, -- frames between looks; false: 2 with `cell`, else 8
    returns = true, -- false: never goes back; counts the cells that straight play meets
    play = true,
    with = true,
}, {}, play_with, places.check)
