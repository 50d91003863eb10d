-- SPDX-License-Identifier: MIT
--
-- Learning a game's controls: from one place each key is tried for a moment, and what comes of it is held against what
-- comes of doing nothing. Which numbers that the game tells (game.state) are different then, and by how much; where it
-- tells none, whether the picture is. The game is brought back each time, so nothing is lost by it, and as the game is
-- deterministic a difference is the key's doing.
--
--     local learned = require("moth.controls").learn(game)
--     for _, action in ipairs(learned.actions) do
--         print(action.key or action.button or "mouse", action.effects.x)   -- x: of each frame
--     end
--
-- A key can do nothing here and much elsewhere: `learn` may be called again in other places, with what it gave before.

local controls = {}

local FRAMES = 12 -- a try
local LOOKS = { 1 / 3, 1 } -- parts of it after which the picture is looked at; of a short one only the last
local SHORT = 8
local WATCHES = 64 -- that are told apart

-- Alike on all keyboards; what is rarely meant comes last.
controls.keys = {
    "left", "right", "up", "down", "return", "space", "left ctrl", "left shift", "left alt", "tab", "escape",
    "w", "a", "s", "d", "i", "j", "k", "l", "q", "e", "r", "f", "z", "x", "c", "v", "y", "h", "n", "b", "m", "o", "p", "u",
    "g", "t", "1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "right ctrl", "right shift", "right alt", "backspace",
    "delete", "insert", "home", "end", "pageup", "pagedown", "f1", "f2", "f3", "f4", "f5", "f10", ",", ".", "/", "-", "=",
    "keypad 2", "keypad 4", "keypad 5", "keypad 6", "keypad 8", "keypad 0", "keypad enter",
}

controls.buttons = { "a", "b", "x", "y", "start", "back", "dpup", "dpdown", "dpleft", "dpright", "leftshoulder", "rightshoulder" }

-- ---- doing an action ----

-- An action is { key = … }, { button = … } of the first pad, or { mouse = { x, y } }: shares of the window, held down.
function controls.press(game, action)
    if action.key then
        game:press(action.key)
    elseif action.button then
        game:pad(1):press(action.button)
    else
        local w = game.width > 0 and game.width or 640
        local h = game.height > 0 and game.height or 480
        game:mouse_move(math.floor(action.mouse[1] * w), math.floor(action.mouse[2] * h))
        game:mouse_press(1)
    end
end

function controls.release(game, action)
    if action.key then
        game:release(action.key)
    elseif action.button then
        game:pad(1):release(action.button)
    else
        game:mouse_release(1)
    end
end

function controls.name(action)
    return action.key or action.button and "pad1." .. action.button or
        string.format("mouse %.2f %.2f", action.mouse[1], action.mouse[2])
end

-- ---- one try ----

-- What the game tells of itself: numbers and truths, by name. Not its clock.
local function told(game)
    local values, n = {}, 0
    for name, value in pairs(game.state) do
        if type(value) == "boolean" then
            value = value and 1 or 0
        end
        if math.type(value) and name ~= "frame" and name ~= "time" and value == value and n < WATCHES then
            values[name] = value
            n = n + 1
        end
    end
    return values
end

-- What comes of an action (nil: of nothing), from where the game was kept. nil: it ended, or could not be brought back.
local function try(game, place, action, frames)
    if not game:restore(place) then
        return nil
    end
    local seen = { pictures = {} }
    local alive = pcall(function()
        if action then
            controls.press(game, action)
        end
        local done = 0
        for i, look in ipairs(frames > SHORT and LOOKS or { 1 }) do
            look = math.max(math.floor(look * frames), done + 1)
            game:step(look - done)
            done = look
            seen.pictures[i] = game:picture() or ""
        end
        seen.values = told(game)
    end)
    if action then
        controls.release(game, action)
    end
    return alive and seen or nil
end

-- By how much it differs from doing nothing: numbers by name, for a frame; and whether anything is different at all.
local function compare(seen, nothing, frames)
    local effects, any = {}, false
    for name, value in pairs(seen.values) do
        local other = nothing.values[name]
        if other and other ~= value then
            effects[name] = (value - other) / frames
            any = true
        end
    end
    for i, picture in ipairs(seen.pictures) do
        any = any or picture ~= nothing.pictures[i]
    end
    return effects, any
end

-- ---- what is known ----

local function find(list, action)
    local name = controls.name(action)
    for _, each in ipairs(list) do
        if controls.name(each) == name then
            return each
        end
    end
end

-- Two keys that move the same number to opposite sides are not held together.
local function find_opposites(list)
    for _, one in ipairs(list) do
        local names = {}
        for name in pairs(one.effects) do
            names[#names + 1] = name
        end
        table.sort(names)
        local best, least = nil, math.huge
        for _, other in ipairs(list) do
            for _, name in ipairs(names) do
                local sum = other.effects[name] and math.abs(other.effects[name] + one.effects[name]) or math.huge
                if other ~= one and one.key and other.key and sum < math.abs(one.effects[name]) * 0.25 and sum < least then
                    best, least = other, sum
                end
            end
        end
        one.opposite = best and best.key or one.opposite
    end
end

-- What is to be tried: keys that are known to do something need it no more.
local function candidates(options, known)
    local list = {}
    for _, key in ipairs(options.keys or controls.keys) do
        list[#list + 1] = { key = key }
    end
    if options.mouse ~= false then
        for _, at in ipairs { { 0.2, 0.5 }, { 0.8, 0.5 }, { 0.5, 0.2 }, { 0.5, 0.8 } } do
            list[#list + 1] = { mouse = at }
        end
    end
    if options.pad then
        for _, button in ipairs(controls.buttons) do
            list[#list + 1] = { button = button }
        end
    end
    if options.skip_known then
        local left = {}
        for _, action in ipairs(list) do
            if not find(known.actions, action) then
                left[#left + 1] = action
            end
        end
        list = left
    end
    return list
end

-- Learn from where the game stands, and come back there. `known` is what an earlier call gave: it grows. options: keys (a
-- list), mouse (false: not), pad (true: one is plugged in), frames (of a try: 12), skip_known (true: not again what was found
-- before). { actions, tried }: what has an effect, in the order
-- of the list, and how many were tried; nil and a reason where the game cannot be brought back.
function controls.learn(game, known, options)
    options = options or {}
    known = known or { actions = {}, tried = 0 }
    if options.pad then
        game:pad(1)
        game:step(2)
    end
    local place, why = game:snapshot()
    if not place then
        return nil, why
    end
    local frames = options.frames or FRAMES
    local nothing = try(game, place, nil, frames)
    for _, action in ipairs(nothing and candidates(options, known) or {}) do
        local seen = try(game, place, action, frames)
        known.tried = known.tried + 1
        if seen then
            local effects, any = compare(seen, nothing, frames)
            local before = find(known.actions, action)
            if any and not before then
                action.effects = effects
                known.actions[#known.actions + 1] = action
            elseif any then
                for name, effect in pairs(effects) do
                    before.effects[name] = before.effects[name] or effect
                end
            end
        end
    end
    local back = game:restore(place)
    place:release()
    if not back then
        return nil, "the game could not be brought back"
    end
    find_opposites(known.actions)
    return known
end

-- ---- as text, for others ----

function controls.to_text(known)
    local lines = {}
    for _, action in ipairs(known.actions) do
        local names, parts = {}, {}
        for name in pairs(action.effects) do
            names[#names + 1] = name
        end
        table.sort(names)
        for _, name in ipairs(names) do
            if not name:find("[\t\n]") then
                parts[#parts + 1] = string.format("%s\t%.17g", name, action.effects[name])
            end
        end
        lines[#lines + 1] = table.concat({ action.key or "", action.button or "",
            action.mouse and action.mouse[1] .. " " .. action.mouse[2] or "", action.opposite or "", table.unpack(parts) }, "\t")
    end
    return table.concat(lines, "\n")
end

-- nil where the text is none of ours.
function controls.from_text(text)
    local known = { actions = {}, tried = 0 }
    for line in text:gmatch("[^\n]+") do
        local words = {}
        for word in (line .. "\t"):gmatch("([^\t]*)\t") do
            words[#words + 1] = word
        end
        local x, y = (words[3] or ""):match("^(%S+) (%S+)$")
        local action = { effects = {} }
        action.key = words[1] ~= "" and words[1] or nil
        action.button = words[2] and words[2] ~= "" and words[2] or nil
        action.opposite = words[4] and words[4] ~= "" and words[4] or nil
        action.mouse = tonumber(x) and tonumber(y) and { tonumber(x), tonumber(y) } or nil
        if not (action.key or action.button or action.mouse) then
            return nil
        end
        for i = 5, #words - 1, 2 do
            action.effects[words[i]] = tonumber(words[i + 1])
        end
        known.actions[#known.actions + 1] = action
    end
    return known
end

return controls
