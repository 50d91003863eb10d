-- SPDX-License-Identifier: MIT
-- watched: holds a table of watch expressions against their values, for the games watched*.
local wild = {} -- stands for nil, which a table cannot hold
local same = {
    { "player.health", 100 }, { "player.armor", 200 }, { "player.name", "Ada" }, { "player.name[1]", 100 },
    { "player.mood", "MOOD_ANGRY" }, { "player.mood:int", 7 }, { "player.lives", 3 }, { "player.coins", -5 },
    { "player.raw", 0x01020304 }, { "player.bytes[3]", 1 }, { "player.flag_a", 5 }, { "player.flag_b", -3 },
    { "player.flag_c", 0xabcdef }, { "player.aim->x", 1.5 }, { "player.aim.y", -2.25 }, { "(*player.aim).x", 1.5 },
    { "world->n_objects", 4 }, { "world->objects[3].pos.x", 3.0 }, { "world.objects[3].id", 13 },
    { "world->objects[0].next->next->id", 12 }, { "world->by_id[1]->pos.y", 0.5 }, { "world->objects[3].label", "last" },
    { "world->objects[index_of].id", 12 }, { "world->tail[0]", 77 }, { "grid[1][2]", 6 }, { "score", -1 },
    { "debt", -9007199254740993 }, { "ratio", 0.1 }, { "wide", 1.5 }, { "running", true }, { "title", "watched" },
    { "letter", 65 }, { "hp", 42 }, { "plain.c::count", 4, 8 }, { "step_of::calls", 4, 8 }, { "secret->depth", 5 },
    { "*world->by_id[0]", { id = 10, pos = { x = 0.0, y = 0.0 } } }, { "grid", { { 1, 2, 3 }, { 4, 5, 6 } } },
    { "world->objects[1].pos", { x = 1.0, y = 0.5 } }, { "*(struct player*)&player", { health = 100, lives = 3, flag_b = -3 } },
    { "(unsigned char)player.health", 100 }, { "player+16:u8", 0 }, { "&player.health:ptr" }, { "title:str", "watched" },
    { "label@hp:int", 42 }, { "player.name:u8[3]", { 65, 100, 97 } },
    { "handler", 0 }, { "mask", 0 },
    -- what leads nowhere
    { "*wild", wild }, { "wild_object->id", wild }, { "wild_object->next->next", wild }, { "no_title", wild },
    { "world->objects[3].next->id", wild }, { "world->objects[out_of_bounds].id", wild }, { "[0x10]+8:i32", wild },
    { "0xffffffffff600000:i64", wild }, { "world->by_id[1000000000].id", wild },
}
local cxx = {
    { "ns::Player::instances", 1 }, { "ns::Player::total", 1234567890123 }, { "ns::player->health", 50 },
    { "ns::player->power_", 7 }, { "ns::player->kind", "Elf" }, { "ns::player.kind:int", 200 },
    { "ns::player->name", "Bo" }, { "ns::player->title", "Keeper of the long and winding name" },
    { "ns::player->where.x", 0.5 }, { "ns::player->where", { x = 0.5, y = -0.5 } }, { "ns::player->trail[1].y", 4.0 },
    { "ns::player->bag", { 5, 6, 7 } }, { "ns::player->owned->x", 8.0 }, { "ns::player->shared->y", 11.0 },
    { "(*ns::player->owned).y", 9.0 }, { "ns::player->dice[2]", 6 }, { "ns::player->alive", true },
    { "ns::player->level", -9 }, { "ns::hidden", 4 }, { "ns::(anonymous namespace)::hidden", 4 },
    { "ns::tick::calls", 2, 4 }, { "ns::Box<int>::content", 66 }, { "ns::origin.y", -0.5 }, { "own", 12 },
    { "ns::player->bag[3]", wild }, { "nothing", {} }, { "nothing[0]", wild },
    { "ns::player->dice", { 1, 3, 6 } }, { "ns::player->words[0]", "short" },
    { "ns::player->words[1]", "one that does not fit into the string itself" }, { "ns::player->name[1]", 111 },
    { "ns::player->doors[0]", true }, { "ns::player->doors[1]", false }, { "ns::player->doors[3]", true },
    { "ns::player->doors[8]", true }, { "ns::player->doors[9]", wild }, { "ns::player->target", 5 },
    { "*ns::player->target", 5 }, { "ns::player->nobody", wild }, { "ns::player->goal.x", 12.0 },
    { "ns::player->goal->y", 13.0 }, { "ns::player->ticks", 77 }, { "ns::player->armed", true },
    { "ns::player->spot->x", 8.0 }, { "ns::Player::most", 64 }, { "ns::limit", 61 }, { "ns::slope", 3.5 },
    { "ns::Ring<int, 4>::total", 99 }, { "ns::Ring<int,4>::total", 99 }, { "ns::inlined", 21 },
    { "((ns::Player *)ns::as_named)->level", -9 }, { "((ns::Player *)ns::as_actor)->level", -9 },
    { "((ns::Named *)ns::player)->letters", 2 }, { "((ns::Player *)(ns::Actor *)ns::player)->letters", 2 },
    { "ns::player->instances", 1 }, { "ns::player.most", 64 }, { "ns::v2::inlined", 21 },
    { "ns::player->bag.size()", 3 }, { "ns::player->trail.size()", 2 }, { "ns::player->name.size()", 2 },
    { "ns::player->dice.size()", 3 },
    { "ns::both.serial", 70 }, { "ns::as_right->serial", 70 }, { "ns::both.right", 72 }, { "ns::both.both", 73 },
    { "ns::player->purse.size()", 2 }, { "ns::player->seen.size()", 1 }, { "ns::player->orders.size()", 3 }, { "nothing.size()", 0 }, { "ns::player->bag[ns::player->name.size()]", 7 }, { "ns::tock::tocks", 31 },
}
local wrong = {
    { "player.helth", "no member 'helth' in struct player; did you mean 'health'?" },
    { "player.health.x", "'.x': int has no members" }, { "grid[2][0]", "index 2 is out of bounds: there are 2" },
    { "world->objects[3", "']' is missing" }, { "player.", "a member's name is missing" },
    { "count", "'count' is in several files; say which: " }, { "hp:itn", "no type 'itn'; did you mean 'int'?" },
    { "*hp", "'*': int is no pointer" }, { "", "a name is missing" }, { "hp hp", "not understood at 'hp'" },
}

local function alike(is, wanted)
    if type(wanted) ~= "table" then
        return is == wanted and math.type(is) == math.type(wanted)
    end
    for key, value in pairs(wanted) do
        if type(is) ~= "table" or not alike(is[key], value) then
            return false
        end
    end
    return true
end

local function told(value)
    if type(value) ~= "table" then
        return tostring(value)
    end
    local parts = {}
    for key, part in pairs(value) do
        parts[#parts + 1] = tostring(key) .. "=" .. told(part)
    end
    return "{" .. table.concat(parts, " ") .. "}"
end

return function(game)
    local _, is_plain = pcall(game.watch, game, { plain = "hp" })
    local rows = is_plain and same or cxx
    game:step(2)
    for i, row in ipairs(rows) do
        local ok, done, message = pcall(game.watch, game, { ["w" .. i] = row[1] })
        game:expect(ok and done, row[1] .. ": " .. tostring(ok and message or done))
    end
    local function compare(column)
        for i, row in ipairs(rows) do
            local wanted = row[column] == nil and row[2] or row[column]
            local is = game.state["w" .. i]
            if wanted == wild then
                game:expect(is == nil, row[1] .. " is " .. told(is) .. " and leads nowhere")
            elseif wanted ~= nil then
                game:expect(alike(is, wanted), row[1] .. " is " .. told(is) .. ", not " .. told(wanted))
            end
        end
    end
    game:step(1)
    local at = game:snapshot()
    if is_plain then
        local calls = game.state.w35
        rows[34][2], rows[35][2] = calls, calls
        rows[34][3], rows[35][3] = calls + 4, calls + 4
    else
        rows[21][2], rows[21][3] = game.state.w21, game.state.w21 + 2
    end
    compare(2)
    game:step(2)
    compare(3)
    if at then -- a branch brings them along
        game:restore(at)
        compare(2)
        game:step(2)
        compare(3)
    end
    for _, row in ipairs(is_plain and wrong or {}) do
        local ok, message = pcall(game.watch, game, { wrong = row[1] })
        game:expect(not ok and message:find(row[2], 1, true), row[1] .. ": " .. tostring(message))
    end
    local none, why = game:watch { none = "hpp" }
    game:expect(none == nil and why:find("no variable 'hpp' in the game", 1, true), "hpp: " .. tostring(why))
    print("held " .. #rows .. " expressions against their values")
    game:step(5)
end
