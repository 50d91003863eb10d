-- SPDX-License-Identifier: MIT
--
-- What scenarios are made of: waiting for something, menus by picture or by state, walking to a place with keys that were
-- learned, doing a thing until it has worked, and cases from tables.
--
--     local scenario = require("moth.scenario")
--
-- What does not come about ends the play with a finding that says so (game:fail). Conditions are functions of
-- game.state, or the names of pictures beside the script: "shop.png".

local controls = require("moth.controls")

local scenario = {}

local PATIENCE = 600 -- frames that something may take

local function options_of(call, options, known)
    options = options or {}
    if type(options) ~= "table" then
        error("scenario." .. call .. ": the options must be a table, not " .. type(options), 3)
    end
    for name in pairs(options) do
        if not known[name] then
            error("scenario." .. call .. ": there is no option '" .. tostring(name) .. "'", 3)
        end
    end
    return options
end

-- Of an argument that is none of these types.
local function check_type(call, value, what, ...)
    for _, type_name in ipairs { ... } do
        if type(value) == type_name then
            return
        end
    end
    error("scenario." .. call .. ": " .. what .. ", not " .. (type(value) == "string" and "the string '" .. value .. "'" or
        type(value)), 3)
end

local function check_game(call, game)
    return check_type(call, game, "the first argument must be the game", "userdata", "table")
end

-- Does it hold? A picture's name, or a function of the state.
local function holds(game, condition)
    if type(condition) == "string" then
        return game:see(condition) ~= nil
    end
    return condition(game.state)
end

local function check_condition(call, condition)
    if type(condition) ~= "string" and type(condition) ~= "function" then
        error("scenario." .. call .. ": what to wait for must be a function of the state or a picture, not " ..
            type(condition), 3)
    end
end

local function described(condition, what)
    return what or type(condition) == "string" and "'" .. condition .. "'" or "what was waited for"
end

-- Wait until it holds. options: timeout (frames, 600), what (as it is called in the finding), every (frames between looks:
-- 1, and 6 for pictures).
function scenario.wait_for(game, condition, options)
    check_game("wait_for", game)
    check_condition("wait_for", condition)
    options = options_of("wait_for", options, { timeout = true, what = true, every = true })
    local stop = game.frame + (options.timeout or PATIENCE)
    local every = options.every or type(condition) == "string" and 6 or 1
    while not holds(game, condition) do
        if game.frame >= stop then
            game:fail(described(condition, options.what) .. " did not come about within " ..
                (options.timeout or PATIENCE) .. " frames")
        end
        game:step(math.min(every, stop - game.frame))
    end
    return true
end

-- Do `action(game, i)` until it holds. options: most (times, 20), settle (frames after each, 10), what.
function scenario.repeat_until(game, action, condition, options)
    check_game("repeat_until", game)
    check_type("repeat_until", action, "what to do must be a function", "function")
    check_condition("repeat_until", condition)
    options = options_of("repeat_until", options, { most = true, settle = true, what = true })
    for i = 1, options.most or 20 do
        if holds(game, condition) then
            return i - 1
        end
        action(game, i)
        game:step(options.settle or 10)
    end
    if holds(game, condition) then
        return options.most or 20
    end
    game:fail(described(condition, options.what) .. " did not come about in " .. (options.most or 20) .. " tries")
end

-- Choose from a menu.
--   choose(game, "start.png")                     clicks on what is seen
--   choose(game, "start.png", { next = "down" })  presses `next` until the picture is seen, then `ok`
--   choose(game, function(state) return state.cursor == 2 end, { next = "down" })   likewise by state
-- options: next (a key), ok (a key, "return"; false: none), most (times, 20), settle (frames, 10), timeout, what.
function scenario.choose(game, entry, options)
    check_game("choose", game)
    check_condition("choose", entry)
    options = options_of("choose", options,
        { next = true, ok = true, most = true, settle = true, timeout = true, what = true })
    if type(entry) == "string" and not options.next then
        scenario.wait_for(game, entry, { timeout = options.timeout, what = options.what })
        game:click(game:see(entry))
        game:step(options.settle or 10)
        return true
    end
    if not options.next then
        error("scenario.choose: a menu by state needs `next`, the key that goes to the next entry", 2)
    end
    scenario.repeat_until(game, function() game:tap(options.next, 2) end, entry,
        { most = options.most, settle = options.settle, what = options.what })
    if options.ok ~= false then
        game:tap(options.ok or "return", 2)
        game:step(options.settle or 10)
    end
    return true
end

-- ---- walking ----

-- The actions that move the watch `name` to a higher or lower value.
local function movers(list, name, sign)
    local found, most = nil, 0
    for _, action in ipairs(list) do
        local effect = action.effects and action.effects[name] or 0
        if effect * sign > most then
            found, most = action, effect * sign
        end
    end
    return found
end

-- Hold what leads nearer; where it leads no nearer any more, the game is brought back and other ways are tried, nearest
-- places first.
local Walk = {}
Walk.__index = Walk

function Walk:distance()
    local x, y = self.game.state[self.names[1]], self.game.state[self.names[2]]
    if type(x) ~= "number" or type(y) ~= "number" then
        self.game:fail("go_to: the game does not tell '" .. self.names[1] .. "' and '" .. self.names[2] ..
            "'; give the names of what tells where the player is")
    end
    return math.abs(x - self.x) + math.abs(y - self.y), x, y
end

function Walk:arrived()
    local _, x, y = self:distance()
    return math.abs(x - self.x) <= self.within and math.abs(y - self.y) <= self.within
end

-- One step: hold the key for a while, but not beyond. True where it came to be elsewhere.
function Walk:hold(action, frames)
    local game = self.game
    local before, x, y = self:distance()
    controls.press(game, action)
    for _ = 1, frames do
        game:step()
        local now, nx, ny = self:distance()
        if now > before or self:arrived() then
            break
        end
        before = now
        x, y = nx, ny
    end
    controls.release(game, action)
    game:step()
    return self:distance()
end

-- Straight on, the longer way first. False when it gets no nearer.
function Walk:straight()
    while not self:arrived() and self.game.frame < self.stop do
        local before, x, y = self:distance()
        local ways = {}
        if math.abs(x - self.x) > self.within then
            ways[#ways + 1] = movers(self.actions, self.names[1], self.x > x and 1 or -1)
        end
        if math.abs(y - self.y) > self.within then
            ways[#ways + 1] = movers(self.actions, self.names[2], self.y > y and 1 or -1)
        end
        if #ways == 2 and math.abs(y - self.y) > math.abs(x - self.x) then
            ways[1], ways[2] = ways[2], ways[1]
        end
        local nearer = false
        for _, action in ipairs(ways) do
            nearer = nearer or self:hold(action, 30) < before
        end
        if not nearer then
            return false
        end
    end
    return self:arrived()
end

-- From snapshots, nearest places first: what straight on did not do.
function Walk:search()
    local game = self.game
    local moves = {}
    for _, name in ipairs(self.names) do
        moves[#moves + 1] = movers(self.actions, name, 1)
        moves[#moves + 1] = movers(self.actions, name, -1)
    end
    local grid = math.max(self.within, 8)
    local seen, open = {}, {}
    local function note()
        local distance, x, y = self:distance()
        local key = (x // grid) .. "," .. (y // grid)
        if seen[key] then
            return
        end
        seen[key] = true
        local snapshot = game:snapshot()
        if snapshot then
            open[#open + 1] = { distance = distance, snapshot = snapshot }
        end
    end
    note()
    while #open > 0 and not self:arrived() do
        local best = 1
        for i, place in ipairs(open) do
            best = place.distance < open[best].distance and i or best
        end
        local place = table.remove(open, best)
        for _, action in ipairs(moves) do
            if game:restore(place.snapshot) and game.frame < self.stop then
                local alive = pcall(function()
                    controls.press(game, action)
                    game:step(12)
                    controls.release(game, action)
                    game:step()
                end)
                if alive and (self:arrived() or self:straight()) then
                    break
                elseif alive then
                    note()
                end
            end
        end
        place.snapshot:release()
    end
    for _, place in ipairs(open) do
        place.snapshot:release()
    end
    return self:arrived()
end

-- Once a play: the keys are the same everywhere, and what they do to a number mostly is.
local function learned(game)
    if not scenario.known then
        local why
        scenario.known, why = controls.learn(game, nil, { mouse = false })
        if not scenario.known then
            game:fail("go_to: the keys cannot be learned: " .. why)
        end
    end
    return scenario.known.actions
end

-- Walk to where the watches `x` and `y` are so. The keys are learned (moth.controls), once a run, or given.
-- options: x, y (names of the watches: "x", "y"), within (4), timeout (frames, 1800), actions (as moth.controls gives them).
function scenario.go_to(game, x, y, options)
    check_game("go_to", game)
    check_type("go_to", x, "x must be a number", "number")
    check_type("go_to", y, "y must be a number", "number")
    options = options_of("go_to", options, { x = true, y = true, within = true, timeout = true, actions = true })
    local walk = setmetatable({
        game = game, x = x, y = y, within = options.within or 4,
        names = { options.x or "x", options.y or "y" },
    }, Walk)
    walk:distance()
    walk.actions = options.actions or learned(game)
    walk.stop = game.frame + (options.timeout or 1800)
    for _, name in ipairs(walk.names) do
        if not movers(walk.actions, name, 1) and not movers(walk.actions, name, -1) then
            game:fail("go_to: no key was found that changes '" .. name .. "'")
        end
    end
    if walk:straight() or walk:search() then
        return true
    end
    local _, now_x, now_y = walk:distance()
    game:fail(string.format("go_to: came to %g, %g and not to %g, %g", now_x, now_y, x, y))
end

-- ---- cases ----

-- A case for each of a list: scenario.each("level", { 1, 2, "boss" }) are three, called "level 1", "level 2" and
-- "level boss", whose `level` (and `value`) is that. Of tables the fields are the case's.
function scenario.each(what, list)
    check_type("each", what, "what the cases are called must be a text", "string")
    check_type("each", list, "the values must be a list", "table")
    local cases = {}
    for i, value in ipairs(list) do
        local case = {}
        if type(value) == "table" then
            for name, field in pairs(value) do
                case[name] = field
            end
            case.name = case.name or what .. " " .. i
        else
            case.name, case.value, case[what] = what .. " " .. tostring(value), value, value
        end
        cases[i] = case
    end
    return cases
end

return scenario
