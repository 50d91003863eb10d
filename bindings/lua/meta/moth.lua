---@meta moth
-- Made by moth-lua-meta from the tables in bindings/lua/api_*.c; not to be edited.

--- The game that is played. It stands still until it is stepped.
---@class moth.game
---@field frame integer Frames since the game started.
---@field time number Virtual seconds since the game started.
---@field width integer Width of the window in pixels; 0 while there is none.
---@field height integer Height of the window in pixels; 0 while there is none.
---@field state table What is watched and what the game publishes through moth.h, as it stands now, by name; read only. nil for what is not known or cannot be read. Enums by their names, texts as strings, arrays (from 1) and structs as tables. `frame` and `time` are there as well.
local game = {}

--- Let the game run n frames (default 1). What was queued since the last step reaches the game at
--- once, at the boundary where it stands. Ends the play when the game died or the frame budget is
--- used up.
---@param n? integer
function game:step(n) end

--- Step one frame at a time until fn(game) is true. Returns true, or nil and "timeout" after
--- options.timeout frames; without it there is no end but the frame budget.
---@param fn function
---@param options? table
---@return boolean?
---@return string?
function game:wait_until(fn, options) end

--- Whether the key that was pressed last repeats while it is down, as on a keyboard: after half a
--- second of game time, 30 times a second. Off unless it is said.
---@param on boolean
function game:key_repeat(on) end

--- Press a key and keep it down until it is released. Keys have SDL's names in lower case: "a",
--- "left", "return", "left ctrl".
---@param key string
function game:press(key) end

--- Let a key go.
---@param key string
function game:release(key) end

--- Press a key, step `frames` frames (default 1), let it go, step one frame.
---@param key string
---@param frames? integer
function game:tap(key, frames) end

--- Press a key, step `frames` frames (default 1), let it go with the next step.
---@param key string
---@param frames? integer
function game:hold(key, frames) end

--- Type a text, as an input method would: text, not keys.
---@param s string
function game:text(s) end

--- Move the mouse, in window pixels.
---@param x integer
---@param y integer
function game:mouse_move(x, y) end

--- Move the mouse, press a button (1 left, the default; 2 middle; 3 right), step one frame, let it
--- go, step one frame.
---@param x integer
---@param y integer
---@param button? integer
function game:click(x, y, button) end

--- Press a mouse button where the mouse is and keep it down, to drag: 1 left (the default), 2
--- middle, 3 right.
---@param button? integer
function game:mouse_press(button) end

--- Let a mouse button go.
---@param button? integer
function game:mouse_release(button) end

--- Turn the wheel; right and up are positive.
---@param dx integer
---@param dy integer
function game:wheel(dx, dy) end

--- As if the window was closed.
function game:quit() end

--- The i-th virtual game controller, 1 to 4; plugged in when first asked for.
---@param i integer
---@return moth.pad
function game:pad(i) end

--- A hash of what is on screen, 16 hex digits: the same hash, the same picture. nil and a message
--- where the picture cannot be read.
---@return string?
---@return string?
function game:picture() end

--- Keep what is on screen as <name>.png: in findings/<fingerprint>/ of the run's folder when the
--- play found something, else in traces/<number>/, the number being that of the play. true, or nil
--- and a message.
---@param name string
---@return boolean?
---@return string?
function game:screenshot(name) end

--- Where cond is false or nil, an `invariant` finding with this message, and the play goes on. The
--- same message counts once a play. Returns whether it held.
---@param cond any
---@param message? string
---@return boolean
function game:expect(cond, message) end

--- An `invariant` finding with this message, and the play is over: a scenario cannot go on from
--- here.
---@param message string
function game:fail(message) end

--- A finding of the script's own: a kind that moth knows, and one line.
---@param kind string
---@param title string
function game:report(kind, title) end

--- A note on the timeline.
---@param text string
function game:mark(text) end

--- true: from here on the game waits legitimately, and standing still is no softlock; false: no
--- longer.
---@param is_waiting boolean
function game:waiting(is_waiting) end

--- Keep the whole game as it stands, and what the script holds down and has queued. The game goes
--- on as if nothing had been. nil and a reason where it cannot be kept. As long as a script holds a
--- snapshot, a game that dies is no end of the play: game:step raises an error that begins with
--- "the game ended", and after game:restore the play goes on.
---@return moth.snapshot?
---@return string?
function game:snapshot() end

--- Return to a snapshot: as often as wanted, in any order, also after the game died. nil and a
--- reason when the game could not be brought back; another snapshot may be tried.
---@param snapshot moth.snapshot
---@return boolean?
---@return string?
function game:restore(snapshot) end

--- Watch variables of the game under names of the script's own: after game:watch{ hp =
--- "player.health" } it is game.state.hp. What a name stands for is something that the game
--- publishes (moth.h), an expression over its variables by its debug information
--- ("world->objects[3].pos.x"), or an exported symbol with a type ("score:int"). true; or nil and a
--- message when a variable is not there (yet): its value is nil until it is. An expression that is
--- wrong raises an error.
---@param names table
---@return boolean?
---@return string?
function game:watch(names) end

--- Look through the game's memory for a number: game:scan{ type = "i32", equal = 100 }, or between
--- = { 1, 10 }, or any = true. The scan and how many places are left; at most eight in a play.
--- `moth scan` does the same from the command line and tries in a second process what is left.
---@param what table
---@return moth.scan?
---@return integer?
function game:scan(what) end

--- Put in one input as a list of them has it: { type = "key_down", code = 79 }. Its `frame` does
--- not count.
---@param input table
function game:input(input) end

--- What the script holds down, as keys of a table: { left = true, ["pad1.a"] = true }.
---@return table
function game:held() end

--- Call a function of the game, where it stands, on its main thread:
--- game:call("give_item(int,float)int", 3, 0.5). The name alone is enough where the game has debug
--- information. Returns what the function returns: true for void, a table for a struct, an integer
--- for a pointer; nil and a message when there is no such function. A call that crashes the game,
--- or does not return, is the script's error. Calls are part of the trace.
---@param signature string
---@param ... any
---@return any?
---@return string?
function game:call(signature, ...) end

--- What the game announced with moth_event since this was asked last: a list of { frame, name, text
--- }, in order; and how many more there was no room for.
---@return table
---@return integer
function game:events() end

--- Call fn(event) for each event of that name that the game announces, in order, where game:step
--- comes to a boundary. fn may queue input and look at everything; it cannot step the game.
---@param name string
---@param fn function
function game:on(name, fn) end

--- Call fn(frame, …) when the game has called this function of its own, where game:step comes to
--- a boundary; with the arguments that are whole numbers or pointers, in order, as far as registers
--- hold them. nil and a message where that cannot be seen: the function is not exported, or called
--- directly.
---@param signature string
---@param fn function
---@return boolean?
---@return string?
function game:on_call(signature, fn) end

--- An archive of places in this game, and of the ways there. Agents that explore share it with the
--- other workers of the run; `options.name` keeps archives of different kinds apart.
--- agents/explorer.lua shows its use.
---@param options? table
---@return moth.archive
function game:archive(options) end

--- The names of the games that play together, in order: "game" is this one, the others are those of
--- --member.
---@return table
function game:members() end

--- One of them. It takes input as `game` does, and has the fields `name`, `width` and `height` of
--- its window in pixels (0: it has none), and `gone` (it left by itself). Stepping steps them all.
---@param name string
---@return moth.member
function game:member(name) end

--- Look on screen for a picture from a file, which lies beside the script: by normalized
--- cross-correlation of grey values. Its centre in window pixels, so that
--- game:click(game:see("ok.png")) clicks on it; nil and a message where it is not to be seen.
--- options.threshold: how well it must match, to 1 (0.9); options.region: {x, y, w, h}, where to
--- look; options.mask: a PNG of the same size, dark where it does not count, or "alpha" for the
--- picture's own.
---@param png string
---@param options? table
---@return integer?
---@return integer?
function game:see(png, options) end

--- The same, and all that is known: { x, y, left, top, width, height, score }, in window pixels.
---@param png string
---@param options? table
---@return table?
---@return string?
function game:sight(png, options) end

--- What is on screen must be pictures/<script>/<name>.png beside the script; else an `invariant`
--- finding with the picture, the expected one and the difference. `moth run --update-pictures`
--- makes the file. true; false and what is wrong; nil and a message where the picture cannot be
--- read. options.tolerance: how far off red, green or blue of a pixel may be, of 255 (8);
--- options.share: part of the pixels that may be further off (0); options.region, options.mask:
--- where it counts, as for see.
---@param name string
---@param options? table
---@return boolean?
---@return string?
function game:expect_picture(name, options) end

--- A place in the game that can be returned to: `game:snapshot()`.
---@class moth.snapshot
local snapshot = {}

--- The script needs the snapshot no longer: its memory is given back. Once is enough, twice does no
--- harm.
function snapshot:release() end

--- A search for a number in the game's memory: `game:scan{}`.
---@class moth.scan
local scan = {}

--- Keep the places where this holds now: equal = 85, between = { 1, 99 }, changed, unchanged,
--- increased or decreased = true since the step before, decreased = 15 by so much. How many are
--- left.
---@param what table
---@return integer?
---@return string?
function scan:keep(what) end

--- What is left, at most 20 or so many (up to 100): tables with `expression`, for game:watch and
--- --watch, `value` and `pointers`, the number of pointers followed. No expression: no way leads
--- there from the game's own data.
---@param most? integer
---@return table
function scan:list(most) end

--- Places in the game and the ways there: `game:archive{}`.
---@class moth.archive
local archive = {}

--- Note where the game stands: in the cell of `key` (numbers, strings, booleans, tables of them),
--- without one in that of its picture. Of states in one cell the one with the highest score is
--- kept, of equals the one that takes fewer frames. `last`: not to be come back to. The cell's
--- number, which is good until `rolled`, and "opened", "better" or "known", and how often it was
--- met; nil and a message where the picture cannot be read.
---@param key? any
---@param score? number
---@param last? boolean
---@return integer?
---@return string?
---@return integer?
function archive:see(key, score, last) end

--- Begin a roll-out: a cell to go on from, rarely met ones rather than others. nil while no way is
--- known.
---@return integer?
function archive:choose() end

--- End a roll-out: shares what it found and takes over what other workers found. How many cells it
--- opened. Numbers of cells are void after it.
---@return integer
function archive:rolled() end

--- The game died since the last `see`.
function archive:died() end

--- An input was tried in this cell: cells where much was tried are chosen less.
---@param cell integer
function archive:tried(cell) end

--- The way to this cell did not lead there: it is not chosen again.
---@param cell integer
function archive:unreachable(cell) end

--- Any cell that a way leads to.
---@return integer?
function archive:any() end

--- The frame at which its way arrives.
---@param cell integer
---@return integer
function archive:frame(cell) end

--- Remember a number of the script's own, 1 or more, for this way: that of a snapshot taken there.
--- The number it had before.
---@param cell integer
---@param handle integer
---@return integer?
function archive:hold(cell, handle) end

--- The snapshot of that number is there no longer.
---@param handle integer
function archive:forget(handle) end

--- The number held nearest before the end of the cell's way, and its frame; nil when there is none.
---@param cell integer
---@return integer?
---@return integer?
function archive:nearest(cell) end

--- Play the rest of the way to a cell, from where the game stands on that way.
---@param cell integer
function archive:play(cell) end

--- The whole way to a cell: a list of inputs { frame, type, code, device, x, y, text }, and the
--- frame where it ends.
---@param cell integer
---@return table
---@return integer
function archive:inputs(cell) end

--- Leave a text for all archives of this name, also those of other workers: what is known of the
--- game beside its places.
---@param text string
function archive:note(text) end

--- The text that was left last, by whichever worker; nil: none yet.
---@return string?
function archive:noted() end

--- The i-th recording of the run's corpus, in the same form; nil when there is none.
---@param i integer
---@return table?
---@return integer?
function archive:recording(i) end

--- A short run of inputs that opened cells before, by how often it did; their frames count from the
--- first. And how many frames later the cell was met. nil while none is known.
---@return table?
---@return integer?
function archive:ngram() end

--- { cells, reference, step, recordings, deepest, rollouts }: cells now, cells of the fixed grid,
--- step of the adaptive one, recordings in the corpus, frame of the deepest way, roll-outs.
---@return table
function archive:counts() end

--- A game of the group that plays with this one: `game:member(name)`.
---@class moth.member
---@field name string What the others call it.
---@field width integer Pixels of its window; 0: it has none.
---@field height integer Pixels of its window; 0: it has none.
---@field gone boolean It has left by itself.
local member = {}

--- Press a key and keep it down until it is released. Keys have SDL's names in lower case: "a",
--- "left", "return", "left ctrl".
---@param key string
function member:press(key) end

--- Let a key go.
---@param key string
function member:release(key) end

--- Press a key, step `frames` frames (default 1), let it go, step one frame.
---@param key string
---@param frames? integer
function member:tap(key, frames) end

--- Press a key, step `frames` frames (default 1), let it go with the next step.
---@param key string
---@param frames? integer
function member:hold(key, frames) end

--- Type a text, as an input method would: text, not keys.
---@param s string
function member:text(s) end

--- Move the mouse, in window pixels.
---@param x integer
---@param y integer
function member:mouse_move(x, y) end

--- Move the mouse, press a button (1 left, the default; 2 middle; 3 right), step one frame, let it
--- go, step one frame.
---@param x integer
---@param y integer
---@param button? integer
function member:click(x, y, button) end

--- Press a mouse button where the mouse is and keep it down, to drag: 1 left (the default), 2
--- middle, 3 right.
---@param button? integer
function member:mouse_press(button) end

--- Let a mouse button go.
---@param button? integer
function member:mouse_release(button) end

--- Turn the wheel; right and up are positive.
---@param dx integer
---@param dy integer
function member:wheel(dx, dy) end

--- As if the window was closed.
function member:quit() end

--- A virtual game controller: `game:pad(i)`.
---@class moth.pad
local pad = {}

--- Press a button and keep it down. SDL's names: "a", "b", "x", "y", "start", "back", "dpup", …
---@param button string
function pad:press(button) end

--- Let a button go.
---@param button string
function pad:release(button) end

--- Put a stick or trigger: "leftx", "lefty", "rightx", "righty" from -1 to 1, "lefttrigger",
--- "righttrigger" from 0 to 1. It stays there.
---@param name string
---@param value number
function pad:axis(name, value) end

--- The only randomness an agent gets: from the run's seed.
---@class moth.rng
local rng = {}

--- A whole number from a to b, both included.
---@param a integer
---@param b integer
---@return integer
function rng:int(a, b) end

--- One element of a list.
---@param t table
---@return any
function rng:pick(t) end

--- true with probability p.
---@param p number
---@return boolean
function rng:chance(p) end

--- What an agent's file returns: this function, or a table.
---@alias moth.Play fun(game: moth.game, rng: moth.rng, case: table?)

---@class moth.Agent
---@field name? string
---@field play? moth.Play Without it the table is the explorer's.
---@field budget? string|number|table Of game time ("60s", "600 frames"), or milliseconds a frame (16.7).
---@field tags? string[] By which `moth run --tag` chooses scenarios.
---@field cases? table A list: each is played by itself, and given to setup, play and teardown.
---@field setup? moth.Play Before `play`.
---@field teardown? moth.Play After it, also where it failed.
---@field actions? table Keys for the explorer: names, or { key, opposite, weight }.
---@field cell? fun(state: table): any Where one is: the same key, the same place.
---@field prefer? fun(state: table): number Of two states in one cell the one with more is kept.
---@field mouse? boolean Whether the explorer uses the mouse.
---@field pad? boolean Whether it uses a controller.
