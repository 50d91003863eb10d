-- SPDX-License-Identifier: MIT
--
-- monkey: sticky keys and mouse at random. Each key is held for a while and left alone for a while; how
-- long is drawn anew each time, around a mean that is itself drawn from 2, 8, 32 and 80 frames. So there
-- are taps, steps, walks and long marches, as a person plays, and never noise that changes with every
-- frame.
--
-- Its table can be changed with `with`, in an agent of your own:
--
--     return require("monkey").with { actions = { "left", "right", "space" }, mouse = false }

local means = { 2, 8, 32, 80 }

-- weight: 1 is held about half of the time, 0.1 a tenth of that. opposite: never held together.
local actions = {
    { key = "left", opposite = "right" },
    { key = "right", opposite = "left" },
    { key = "up", opposite = "down" },
    { key = "down", opposite = "up" },
    { key = "return", weight = 0.3 },
    { key = "space", weight = 0.5 },
    { key = "left ctrl", weight = 0.5 },
    { key = "left shift", weight = 0.2 },
    { key = "left alt", weight = 0.2 },
    { key = "z", weight = 0.2 },
    { key = "x", weight = 0.2 },
    { key = "c", weight = 0.1 },
    { key = "w", weight = 0.1, opposite = "s" },
    { key = "s", weight = 0.1, opposite = "w" },
    { key = "a", weight = 0.1, opposite = "d" },
    { key = "d", weight = 0.1, opposite = "a" },
    { key = "y", weight = 0.02 },
    { key = "n", weight = 0.02 },
    { key = "1", weight = 0.05 },
    { key = "2", weight = 0.05 },
    { key = "tab", weight = 0.02 },
    { key = "escape", weight = 0.005, tap = true },
}

-- Most games begin with a menu whose first entry is the right one, and whose last ends the game. So most
-- plays begin with some seconds of nothing but these, and only then with everything.
local opening = { "return", "return", "return", "space", "space", "left ctrl", "z", "x" }

local function open(game, rng, keys)
    local stop = game.frame + rng:pick { 0, 120, 240, 480 }
    while game.frame < stop do
        game:tap(rng:pick(keys), rng:pick { 2, 4, 8 })
        game:step(rng:pick { 8, 32, 80 })
    end
end

-- Geometric with this mean, by whole numbers only: the same on every machine.
local function geometric(rng, mean)
    local n = 1
    while n < mean * 8 and not rng:chance(1 / mean) do
        n = n + 1
    end
    return n
end

local function dwell(rng, weight)
    return geometric(rng, rng:pick(means) / (weight or 1))
end

-- A thing that is now on, now off: a key, a pad's button. `set(on)` does it.
local function toggle(rng, action, set)
    local self = { on = false, due = dwell(rng, action.weight) }
    function self.change(now)
        self.on = not self.on
        set(self.on)
        if self.on then
            self.due = now + (action.tap and 2 or dwell(rng))
        else
            self.due = now + dwell(rng, action.weight)
        end
    end
    return self
end

local function key_actors(game, rng, list)
    local actors, by_key = {}, {}
    for _, action in ipairs(list) do
        if type(action) == "string" then
            action = { key = action }
        end
        local actor
        actor = toggle(rng, action, function(on)
            if not on then
                return game:release(action.key)
            end
            local other = action.opposite and by_key[action.opposite]
            if other and other.on then
                other.change(actor.due)
            end
            game:press(action.key)
        end)
        by_key[action.key] = actor
        actors[#actors + 1] = actor
    end
    return actors
end

-- Moves now and then, mostly a little, and clicks at times where it is.
local function mouse_actor(game, rng, options)
    local mean = type(options) == "table" and options.mean or 90
    local x, y
    local self = { due = geometric(rng, mean) }
    function self.change(now)
        -- 0 as long as nobody knows how large the window is
        local w = game.width > 0 and game.width or 640
        local h = game.height > 0 and game.height or 480
        if not x or rng:chance(0.5) then
            x, y = rng:int(0, w - 1), rng:int(0, h - 1)
        else
            x = math.min(math.max(x + rng:int(-40, 40), 0), w - 1)
            y = math.min(math.max(y + rng:int(-40, 40), 0), h - 1)
        end
        if rng:chance(0.4) then
            game:click(x, y, rng:chance(0.85) and 1 or 3)
        else
            game:mouse_move(x, y)
        end
        self.due = now + geometric(rng, mean)
    end
    return self
end

local pad_buttons = {
    { button = "a", weight = 0.5 },
    { button = "b", weight = 0.3 },
    { button = "x", weight = 0.2 },
    { button = "y", weight = 0.2 },
    { button = "start", weight = 0.05 },
    { button = "dpup", weight = 0.3 },
    { button = "dpdown", weight = 0.3 },
    { button = "dpleft", weight = 0.3 },
    { button = "dpright", weight = 0.3 },
}

local function pad_actors(game, rng, actors)
    local pad = game:pad(1)
    for _, action in ipairs(pad_buttons) do
        actors[#actors + 1] = toggle(rng, action, function(on)
            if on then
                pad:press(action.button)
            else
                pad:release(action.button)
            end
        end)
    end
    for _, stick in ipairs { "leftx", "lefty" } do
        local self = { due = dwell(rng) }
        function self.change(now)
            pad:axis(stick, rng:pick { -1, -0.5, 0, 0, 0.5, 1 })
            self.due = now + dwell(rng)
        end
        actors[#actors + 1] = self
    end
end

local function play_with(options, game, rng)
    if options.opening then
        open(game, rng, options.opening)
    end
    local actors = key_actors(game, rng, options.actions)
    if options.mouse then
        actors[#actors + 1] = mouse_actor(game, rng, options.mouse)
    end
    if options.pad then
        pad_actors(game, rng, actors)
    end
    if #actors == 0 then
        error("monkey: no actions, no mouse and no pad: nothing to do", 0)
    end
    local start = game.frame
    while true do
        local soonest = math.huge
        for _, actor in ipairs(actors) do
            soonest = math.min(soonest, actor.due)
        end
        local now = game.frame - start
        if soonest > now then
            game:step(soonest - now)
            now = soonest
        end
        for _, actor in ipairs(actors) do
            if actor.due <= now then
                actor.change(now)
            end
        end
    end
end

-- A new agent: this one, with some of its fields changed.
local function with(base, changes)
    local agent = {}
    for name, value in pairs(base) do
        agent[name] = value
    end
    for name, value in pairs(changes) do
        if base[name] == nil then
            error("monkey.with: there is no field '" .. tostring(name) .. "'", 3)
        end
        agent[name] = value
    end
    agent.play = function(game, rng)
        return play_with(agent, game, rng)
    end
    agent.with = function(more)
        return with(agent, more)
    end
    return agent
end

return with({ name = "monkey", opening = opening, actions = actions, mouse = true, pad = false, play = true, with = true }, {})
