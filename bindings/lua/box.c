/* SPDX-License-Identifier: MIT */
#include "bindings/lua/box.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <lualib.h>

#define HASH_SEED 0x6d6f7468u
#define HOOK_EVERY 1000
#define INSTRUCTIONS_DEFAULT UINT64_C(100000000)
#define MEMORY_DEFAULT ((size_t)256 << 20)
#define STUCK_MS_DEFAULT 4000
#define MEMORY_MOST ((size_t)1 << 30)

/* Lua mixes addresses and the time into the seed of its string hash, and with it the order of pairs()
 * and the moments at which tables grow differ from run to run. There is no call to choose the seed. It is
 * set inside lua_newstate after the state's own block was allocated and before the second allocation,
 * when there is no string yet; so the allocator sets it then. This is how Lua 5.4's global_State begins;
 * what is known of the values is compared before anything is written, and seed_works() looks at the
 * outcome, so that another layout is an error and never a wrong write. */
struct global_head {
    lua_Alloc frealloc;
    void *ud;
    size_t total_bytes, debt, estimate, last_atomic;
    void *strings;
    int n_strings, strings_size;
    struct {
        uint64_t value;
        uint8_t type;
    } registry, nil_value;
    unsigned int seed;
};

static void *box_alloc(void *user, void *block, size_t old_bytes, size_t new_bytes);

static void fix_seed(struct moth_lua_box *box)
{
    size_t size = box->arena.used_bytes; /* the state's block is all there is */
    uint8_t *state = box->arena.base + 4096;
    for (size_t at = 0; at + sizeof(struct global_head) <= size; at += sizeof(void *)) {
        struct global_head *head = (struct global_head *)(void *)(state + at);
        if (head->frealloc != box_alloc || head->ud != box)
            continue;
        if (head->total_bytes == size && head->debt == 0 && !head->strings && head->n_strings == 0 &&
            head->strings_size == 0 && head->registry.type == LUA_TNIL && head->nil_value.value == 0) {
            head->seed = HASH_SEED;
            box->seed_fixed = true;
        }
        return;
    }
}

static void *box_alloc(void *user, void *block, size_t old_bytes, size_t new_bytes)
{
    struct moth_lua_box *box = user;
    if (!box->seed_fixed && box->arena.allocations == 1)
        fix_seed(box);
    return moth_arena_alloc(&box->arena, block, old_bytes, new_bytes);
}

/* Lua's hash of a short string, as of 5.4. */
static unsigned string_hash(const char *text, unsigned seed)
{
    size_t n = strlen(text);
    unsigned hash = seed ^ (unsigned)n;
    for (; n > 0; n--)
        hash ^= (hash << 5) + (hash >> 2) + (unsigned char)text[n - 1];
    return hash;
}

/* Raises unless pairs() goes the way HASH_SEED says: the nodes of a table are visited by place, and the
 * place of a key that collides with none is its hash. */
static void check_seed(lua_State *L)
{
    static const char *const keys[] = {"left", "right", "up", "down", "space", "return"};
    enum { SLOTS = 1024 };
    lua_createtable(L, 0, SLOTS);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, keys[i]);
    }
    unsigned before = 0;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        unsigned place = string_hash(lua_tostring(L, -2), HASH_SEED) % SLOTS;
        if (place < before)
            luaL_error(L, "this liblua5.4 keeps its hash seed where moth does not find it: agents would "
                          "not repeat; use Lua 5.4 as Debian 12 has it");
        before = place;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void moth_lua_box_see(lua_State *L, int level)
{
    struct moth_lua_box *box = moth_lua_box_of(L);
    lua_Debug record;
    if (!lua_getstack(L, level, &record) || !lua_getinfo(L, "Sl", &record) || record.currentline < 0)
        return;
    memcpy(box->seen_source, record.short_src, sizeof box->seen_source);
    box->seen_line = record.currentline;
}

/* ", last seen at file:line", or "". */
static const char *last_seen(const struct moth_lua_box *box, char text[LUA_IDSIZE + 40])
{
    text[0] = '\0';
    if (box->seen_line)
        snprintf(text, LUA_IDSIZE + 40, ", last seen at %s:%d", box->seen_source, box->seen_line);
    return text;
}

static void on_count(lua_State *L, lua_Debug *record)
{
    (void)record;
    struct moth_lua_box *box = moth_lua_box_of(L);
    box->watchdog.moves++;
    if (!box->stopped) {
        moth_lua_box_see(L, 0);
        box->instructions += HOOK_EVERY;
        if (box->instructions < box->options.instructions_max)
            return;
        snprintf(box->message, sizeof box->message, "%s:%d: the script ran %" PRIu64 " instructions%s",
                 box->seen_source, box->seen_line, box->options.instructions_max, box->options.limit_words);
        box->stopped = true;
        luaL_traceback(L, L, NULL, 0);
        snprintf(box->traceback, sizeof box->traceback, "%s", lua_tostring(L, -1));
    }
    moth_lua_box_stop(L);
}

_Noreturn void moth_lua_box_stop(lua_State *L)
{
    moth_lua_box_of(L)->stopped = true;
    /* From here on every single instruction raises, so that no pcall keeps the script alive. */
    lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, "moth.stop");
    lua_error(L);
    __builtin_unreachable();
}

static int stop_text(lua_State *L)
{
    lua_pushliteral(L, "the play is over: the script must end");
    return 1;
}

static int on_error(lua_State *L)
{
    struct moth_lua_box *box = moth_lua_box_of(L);
    if (box->stopped)
        return 1;
    if (lua_isstring(L, 1)) {
        lua_pushvalue(L, 1);
    } else if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL) {
        lua_pop(L, 1);
        moth_lua_push_text(L, 1);
    } else {
        lua_pushfstring(L, "(the error is a %s value)", luaL_typename(L, 1));
    }
    snprintf(box->message, sizeof box->message, "%s", lua_tostring(L, -1));
    luaL_traceback(L, L, NULL, 1);
    snprintf(box->traceback, sizeof box->traceback, "%s", lua_tostring(L, -1));
    return 1;
}

static void memory_message(struct moth_lua_box *box)
{
    char seen[LUA_IDSIZE + 40];
    if (box->arena.hit_limit)
        snprintf(box->message, sizeof box->message, "the script used more than %zu MB of memory%s",
                 box->arena.limit_bytes >> 20, last_seen(box, seen));
    else
        snprintf(box->message, sizeof box->message, "out of memory");
}

/* 0, a Lua status, or -1 when the watchdog tore the state. Its own function: nothing that lives across
 * sigsetjmp may change after it. */
static int watched_pcall(struct moth_lua_box *box, int n_args, int n_results, int handler)
{
    if (sigsetjmp(box->watchdog.escape, 1) != 0) {
        moth_lua_watchdog_stop(&box->watchdog);
        return -1;
    }
    moth_lua_watchdog_start(&box->watchdog);
    int status = lua_pcall(box->L, n_args, n_results, handler);
    moth_lua_watchdog_stop(&box->watchdog);
    return status;
}

static void explain(struct moth_lua_box *box, int status)
{
    if (status == LUA_ERRMEM)
        memory_message(box);
    else if (!box->message[0])
        snprintf(box->message, sizeof box->message, "%s",
                 lua_type(box->L, -1) == LUA_TSTRING ? lua_tostring(box->L, -1) : "error without a message");
}

int moth_lua_box_call(struct moth_lua_box *box, int n_args, int n_results)
{
    lua_State *L = box->L;
    int base = lua_gettop(L) - n_args;
    if (!box->stopped)
        box->message[0] = box->traceback[0] = '\0';
    lua_pushcfunction(L, on_error);
    lua_insert(L, base);
    int status = watched_pcall(box, n_args, n_results, base);
    if (status < 0) {
        char seen[LUA_IDSIZE + 40];
        box->stopped = box->poisoned = true;
        snprintf(box->message, sizeof box->message,
                 "the script was stuck for more than %u ms in one call of a library function%s",
                 box->watchdog.period_ms, last_seen(box, seen));
        return -1;
    }
    if (status == LUA_OK) {
        lua_remove(L, base);
        return 0;
    }
    if (!box->stopped)
        explain(box, status);
    lua_settop(L, base - 1);
    return -1;
}

int moth_lua_box_compile(struct moth_lua_box *box, const char *text, size_t size_bytes, const char *name)
{
    int status = luaL_loadbufferx(box->L, text, size_bytes, name, box->options.unsafe_lua ? NULL : "t");
    if (status == LUA_OK)
        return 0;
    box->traceback[0] = '\0';
    if (status == LUA_ERRMEM)
        memory_message(box);
    else
        snprintf(box->message, sizeof box->message, "%s", lua_tostring(box->L, -1));
    lua_pop(box->L, 1);
    return -1;
}

static int set_up(lua_State *L)
{
    struct moth_lua_box *box = moth_lua_box_of(L);
    check_seed(L);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushcfunction(L, stop_text);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, "moth.stop");
    moth_lua_open_sandbox(L);
    lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_EVERY);
    moth_lua_box_alive(box);
    return 0;
}

static void fill_defaults(struct moth_lua_box_options *options)
{
    if (!options->instructions_max)
        options->instructions_max = INSTRUCTIONS_DEFAULT;
    if (!options->memory_bytes_max)
        options->memory_bytes_max = MEMORY_DEFAULT;
    if (options->memory_bytes_max > MEMORY_MOST)
        options->memory_bytes_max = MEMORY_MOST;
    if (!options->stuck_ms)
        options->stuck_ms = STUCK_MS_DEFAULT;
    if (!options->limit_words)
        options->limit_words = "";
}

int moth_lua_box_open(struct moth_lua_box *box, const struct moth_lua_box_options *options,
                      struct moth_err *err)
{
    memset(box, 0, sizeof *box);
    box->options = *options;
    fill_defaults(&box->options);
    box->watchdog.period_ms = box->options.stuck_ms;
    moth_rng_seed(&box->rng, options->seed);
    if (moth_arena_open(&box->arena, box->options.memory_bytes_max) != 0)
        return moth_err_sys(err, MOTH_ERR_MEMORY, "no address space for a Lua state");
    box->arena.fail_from = options->fail_allocation;
    box->L = lua_newstate(box_alloc, box);
    if (!box->L) {
        moth_arena_close(&box->arena);
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a Lua state");
    }
    memcpy(lua_getextraspace(box->L), &box, sizeof box);
    lua_pushcfunction(box->L, set_up);
    if (moth_lua_box_call(box, 0, 0) != 0) {
        enum moth_err_code code = box->arena.hit_limit || options->fail_allocation ? MOTH_ERR_MEMORY
                                                                                    : MOTH_ERR_INTERNAL;
        moth_err_set(err, code, "%s", box->message);
        moth_lua_box_close(box);
        return -1;
    }
    return 0;
}

void moth_lua_box_close(struct moth_lua_box *box)
{
    /* A state in the box holds nothing but memory; only unsafe ones may hold open files. */
    if (box->L && box->options.unsafe_lua && !box->poisoned)
        lua_close(box->L);
    box->L = NULL;
    moth_lua_sources_free(&box->own_sources);
    moth_arena_close(&box->arena);
}
