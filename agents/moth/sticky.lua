-- SPDX-License-Identifier: MIT
--
-- Hands that hold keys for a while and leave them alone for a while: what monkey and explorer play with. How
-- long is drawn anew each time, around a mean that is itself drawn from a few: so there are taps, steps,
-- walks and long marches, as a person plays, and never noise that changes with every frame.
--
-- An actor is a table: `due`, the frame at which it wants to do something, and `change(now)`, which does it
-- and sets the next `due`.

local sticky = {}

sticky.means = { 2, 8, 32, 80 }

-- weight: 1 is held about half of the time, 0.1 a tenth of that. opposite: never held together.
sticky.actions = {
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
sticky.opening = { "return", "return", "return", "space", "space", "left ctrl", "z", "x" }

function sticky.open(game, rng, keys, frames)
    local stop = game.frame + (frames or rng:pick { 0, 120, 240, 480 })
    while game.frame < stop do
        game:tap(rng:pick(keys), rng:pick { 2, 4, 8 })
        for _, other in ipairs(sticky.others(game)) do
            other:tap(rng:pick(keys), rng:pick { 2, 4, 8 })
        end
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

sticky.geometric = geometric

local function dwell(rng, weight, means)
    return geometric(rng, rng:pick(means or sticky.means) / (weight or 1))
end

-- A thing that is now on, now off: a key, a pad's button. `set(on)` does it.
local function toggle(rng, action, start, means, set)
    local self = { on = false, due = start + dwell(rng, action.weight, means) }
    function self.change(now)
        self.on = not self.on
        set(self.on)
        if self.on then
            self.due = now + (action.tap and 2 or dwell(rng, nil, means))
        else
            self.due = now + dwell(rng, action.weight, means)
        end
    end
    -- It is on or off by somebody else's doing.
    function self.sync(on, now)
        if self.on ~= on or self.due <= now then
            self.on = on
            self.due = now + dwell(rng, not on and action.weight or nil, means)
        end
    end
    return self
end

function sticky.action(action)
    return type(action) == "string" and { key = action } or action
end

-- One actor a key.
function sticky.keys(game, rng, list, start, means)
    local actors, by_key = {}, {}
    for _, action in ipairs(list) do
        action = sticky.action(action)
        local actor
        actor = toggle(rng, action, start, means, function(on)
            if not on then
                return game:release(action.key)
            end
            local other = action.opposite and by_key[action.opposite]
            if other and other.on then
                other.change(actor.due)
            end
            game:press(action.key)
        end)
        actor.key = action.key
        by_key[action.key] = actor
        actors[#actors + 1] = actor
    end
    return actors
end

-- Moves now and then, mostly a little, and clicks at times where it is.
function sticky.mouse(game, rng, options, start)
    local mean = type(options) == "table" and options.mean or 90
    local x, y
    local self = { due = start + geometric(rng, mean) }
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

function sticky.pad(game, rng, actors, start)
    local pad = game:pad(1)
    for _, action in ipairs(pad_buttons) do
        local actor = toggle(rng, action, start, nil, function(on)
            if on then
                pad:press(action.button)
            else
                pad:release(action.button)
            end
        end)
        actor.key = "pad1." .. action.button
        actors[#actors + 1] = actor
    end
    for _, stick in ipairs { "leftx", "lefty" } do
        local self = { due = start + dwell(rng) }
        function self.change(now)
            pad:axis(stick, rng:pick { -1, -0.5, 0, 0, 0.5, 1 })
            self.due = now + dwell(rng)
        end
        actors[#actors + 1] = self
    end
end

-- The other players of a group: those that have a window.
function sticky.others(game)
    local others = {}
    for i, name in ipairs(game:members()) do
        local other = i > 1 and game:member(name)
        if other and other.width > 0 and not other.gone then
            others[#others + 1] = other
        end
    end
    return others
end

-- Hands for each of them, as for the game itself.
function sticky.play_others(game, rng, actors, options, start, means)
    for _, other in ipairs(sticky.others(game)) do
        for _, actor in ipairs(sticky.keys(other, rng, options.actions, start, means)) do
            actor.key, actor.sync = nil, nil -- its keys are not those that the game holds
            actors[#actors + 1] = actor
        end
        if options.mouse then
            actors[#actors + 1] = sticky.mouse(other, rng, options.mouse, start)
        end
    end
end

-- When the first of them wants to act.
function sticky.soonest(actors, soonest)
    for _, actor in ipairs(actors) do
        soonest = math.min(soonest, actor.due)
    end
    return soonest
end

function sticky.act(actors, now)
    for _, actor in ipairs(actors) do
        if actor.due <= now then
            actor.change(now)
        end
    end
end

return sticky
