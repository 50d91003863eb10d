/* SPDX-License-Identifier: MIT
 *
 * SCRIPTING.md is true: each of its Lua blocks plays without an error, and each call is in it.
 */
#include "lua_play.h"

#include "bindings/lua/api.h"

static char *document;

/* A PNG of one grey pixel, for each picture that a block names. */
static void draw_pictures(const char *folder, const char *script)
{
    static const uint8_t dot[] = {0x89, 'P',  'N',  'G',  '\r', '\n', 0x1a, '\n', 0,    0,    0,    13,   'I',  'H',
                                  'D',  'R',  0,    0,    0,    1,    0,    0,    0,    1,    8,    0,    0,    0,
                                  0,    0x3a, 0x7e, 0x9b, 0x55, 0,    0,    0,    10,   'I',  'D',  'A',  'T',  0x78,
                                  0x9c, 0x63, 0x60, 0,    0,    0,    2,    0,    1,    0x48, 0xaf, 0xa4, 0x71, 0,
                                  0,    0,    0,    'I',  'E',  'N',  'D',  0xae, 0x42, 0x60, 0x82};
    struct moth_err err;
    for (const char *at = script; (at = strstr(at, ".png\"")); at++) {
        const char *begin = at;
        while (begin[-1] != '"')
            begin--;
        char *path = moth_fs_path("%s/%.*s.png", folder, (int)(at - begin), begin);
        assert_int_equal(moth_fs_write_atomic(path, dot, sizeof dot, &err), 0);
        free(path);
    }
}

static void every_block_plays(void **state)
{
    (void)state;
    int blocks = 0;
    for (const char *at = document; (at = strstr(at, "```lua\n")); blocks++) {
        at += strlen("```lua\n");
        const char *end = strstr(at, "\n```");
        assert_non_null(end);
        char *script = moth_fs_path("%.*s", (int)(end - at), at);
        struct lua_play *play = calloc(1, sizeof *play);
        assert_non_null(play);
        play->play.max_frames = 2000;
        play->play.seed = 5;
        char *folder = test_scratch();
        draw_pictures(folder, script);
        play->folder = folder;
        lua_play(play, script);
        test_scratch_remove(folder);
        if (!play->loaded)
            fail_msg("%s\n%s", play->load_err.message, script);
        if (play->outcome.result != MOTH_AGENT_FINISHED && play->outcome.result != MOTH_AGENT_BUDGET)
            fail_msg("%s\n%s", play->outcome.err.message, script);
        free(play);
        free(script);
        at = end;
    }
    assert_in_range(blocks, 7, 100);
}

static void every_call_is_told_of(void **state)
{
    (void)state;
    for (size_t c = 0; moth_lua_classes[c].name; c++)
        for (size_t t = 0; moth_lua_classes[c].tables[t]; t++)
            for (const struct moth_lua_entry *entry = moth_lua_classes[c].tables[t]; entry->name; entry++) {
                char *call = moth_fs_path("%s%c%s", moth_lua_classes[c].name, entry->function ? ':' : '.', entry->name);
                if (!strstr(document, call))
                    fail_msg("SCRIPTING.md says nothing of %s", call);
                free(call);
            }
    for (size_t i = 0; moth_lua_later[i]; i++)
        assert_true(strcmp(moth_lua_later[i], "state") == 0 || strstr(document, moth_lua_later[i]) != NULL);
}

int main(void)
{
    struct moth_err err;
    document = moth_fs_read(MOTH_SCRIPTING_MD, 1 << 20, NULL, &err);
    if (!document) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_plays),
        cmocka_unit_test(every_call_is_told_of),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(document);
    return failed;
}
