/* SPDX-License-Identifier: MIT
 *
 * Eyes: finding a picture on screen, and holding what is on screen against a picture of how it should be.
 */
#include "bindings/lua/api.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "eyes/compare.h"

#define THRESHOLD 0.9
#define TOLERANCE 8 /* of 255 */

void moth_lua_eyes_blink(struct moth_lua_host *host)
{
    moth_grey_fini(&host->eyes.grey);
}

static void forget_expected(struct moth_lua_host *host)
{
    struct moth_lua_expected *expected = &host->eyes.expected;
    moth_pixmap_fini(&expected->golden);
    free(expected->mask);
    free(expected->difference);
    *expected = (struct moth_lua_expected){0};
}

void moth_lua_eyes_fini(struct moth_lua_host *host)
{
    struct moth_lua_eyes *eyes = &host->eyes;
    moth_lua_eyes_blink(host);
    moth_see_room_fini(&eyes->room);
    forget_expected(host);
    for (size_t i = 0; i < eyes->n_templates; i++) {
        free(eyes->templates[i].name);
        moth_template_fini(&eyes->templates[i].template);
    }
    free(eyes->templates);
    eyes->templates = NULL;
    eyes->n_templates = 0;
}

/* ---- options ---- */

struct wishes {
    const char *call;
    double threshold, share;
    lua_Integer tolerance;
    bool has_region;
    double region[4];
    const char *mask; /* on the Lua stack while the call lasts */
};

static double number_option(lua_State *L, const struct wishes *wishes, const char *name, double least, double most)
{
    double value = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : (double)NAN;
    if (!(value >= least && value <= most)) {
        char param[64];
        snprintf(param, sizeof param, "options.%s", name);
        moth_lua_argument_error(L, "game", wishes->call, param, "must be a number from %g to %g, not %s%s", least, most,
                                lua_type(L, -1) == LUA_TSTRING ? "the string " : "", luaL_tolstring(L, -1, NULL));
    }
    return value;
}

/* { x, y, w, h } or { x = …, y = …, w = …, h = … }, in window pixels. */
static void region_option(lua_State *L, struct wishes *wishes)
{
    static const char *const names[] = {"x", "y", "w", "h"};
    for (int i = 0; i < 4 && lua_istable(L, -1); i++) {
        if (lua_geti(L, -1, i + 1) == LUA_TNIL) {
            lua_pop(L, 1);
            lua_getfield(L, -1, names[i]);
        }
        wishes->region[i] = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : (double)NAN;
        lua_pop(L, 1);
    }
    const double *region = wishes->region;
    bool right = lua_istable(L, -1) && fabs(region[0]) < 1e6 && fabs(region[1]) < 1e6 && region[2] >= 1 &&
                 region[2] < 1e6 && region[3] >= 1 && region[3] < 1e6;
    if (!right)
        moth_lua_argument_error(L, "game", wishes->call, "options.region",
                                "must be {x, y, w, h} in window pixels, w and h at least 1");
    wishes->has_region = true;
}

static void one_option(lua_State *L, struct wishes *wishes, const char *name, bool sees)
{
    if (sees && strcmp(name, "threshold") == 0)
        wishes->threshold = number_option(L, wishes, name, 0, 1);
    else if (!sees && strcmp(name, "tolerance") == 0)
        wishes->tolerance = (lua_Integer)number_option(L, wishes, name, 0, 255);
    else if (!sees && strcmp(name, "share") == 0)
        wishes->share = number_option(L, wishes, name, 0, 1);
    else if (strcmp(name, "region") == 0)
        region_option(L, wishes);
    else if (strcmp(name, "mask") == 0 && lua_type(L, -1) == LUA_TSTRING)
        wishes->mask = lua_tostring(L, -1);
    else if (strcmp(name, "mask") == 0)
        moth_lua_argument_error(L, "game", wishes->call, "options.mask", "must be a PNG file or \"alpha\"");
    else
        moth_lua_argument_error(L, "game", wishes->call, "options", "knows %s, region and mask, not '%s'",
                                sees ? "threshold" : "tolerance, share", name);
}

/* The table at 3, or nil. */
static struct wishes take_wishes(lua_State *L, const char *call, bool sees)
{
    struct wishes wishes = {.call = call, .threshold = THRESHOLD, .tolerance = TOLERANCE};
    if (lua_isnil(L, 3))
        return wishes;
    lua_pushnil(L);
    while (lua_next(L, 3)) {
        lua_pushvalue(L, -2);
        const char *name = luaL_tolstring(L, -1, NULL);
        lua_insert(L, -3);
        lua_pop(L, 1);
        one_option(L, &wishes, name, sees);
        lua_pop(L, 2);
    }
    return wishes;
}

/* ---- pictures ---- */

/* What is on screen; false: nil and a message are pushed. */
static bool look(lua_State *L, struct moth_lua_host *host, struct moth_lua_picture *picture)
{
    struct moth_err err = {.message = "pictures are not available here"};
    moth_lua_box_leave(&host->box);
    int result = host->backend->pixels ? host->backend->pixels(host->backend->context, picture, &err) : -1;
    moth_lua_box_return(&host->box);
    if (result != 0)
        moth_lua_fail(L, &err);
    return result == 0;
}

static bool look_in_grey(lua_State *L, struct moth_lua_host *host)
{
    struct moth_lua_picture picture;
    struct moth_grey *grey = &host->eyes.grey;
    if (grey->at)
        return true;
    if (!look(L, host, &picture))
        return false;
    if (moth_grey_of(picture.pixels, picture.width, picture.height, grey) == 0)
        return true;
    luaL_error(L, "no memory for a picture");
    return false;
}

/* A file that the script names lies beside it. Pushes the path. */
static const char *path_of(lua_State *L, const struct moth_lua_host *host, const char *file)
{
    if (file[0] == '/')
        return lua_pushstring(L, file);
    return lua_pushfstring(L, "%s/%s", host->folder ? host->folder : ".", file);
}

static uint8_t *read_mask(const char *path, uint32_t width, uint32_t height, struct moth_err *err)
{
    struct moth_pixmap pixmap;
    if (moth_pixmap_read(path, &pixmap, err) != 0)
        return NULL;
    uint8_t *mask = NULL;
    if (pixmap.width != width || pixmap.height != height)
        moth_err_set(err, MOTH_ERR_SCRIPT, "%s is %u x %u, and what it is the mask of %u x %u", path, pixmap.width,
                     pixmap.height, width, height);
    else if (!(mask = moth_mask_of(&pixmap, false)))
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path);
    moth_pixmap_fini(&pixmap);
    return mask;
}

/* ---- see ---- */

static int load_template(const char *path, const char *mask_path, struct moth_template *template, struct moth_err *err)
{
    struct moth_pixmap pixmap;
    if (moth_pixmap_read(path, &pixmap, err) != 0)
        return -1;
    uint8_t *mask = NULL;
    bool wanted = mask_path != NULL;
    if (wanted && strcmp(mask_path, "alpha") == 0 && !(mask = moth_mask_of(&pixmap, true)))
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path);
    else if (wanted && strcmp(mask_path, "alpha") != 0)
        mask = read_mask(mask_path, pixmap.width, pixmap.height, err);
    int result = wanted && !mask ? -1 : moth_template_init(template, &pixmap, mask, err);
    if (result != 0 && !strstr(err->message, path) && !(mask_path && strstr(err->message, mask_path))) {
        struct moth_err why = *err;
        moth_err_set(err, why.code, "%s: %s", path, why.message);
    }
    moth_pixmap_fini(&pixmap);
    return result;
}

/* From the play's memory, or its file. Raises. */
static const struct moth_template *template_for(lua_State *L, struct moth_lua_host *host, const char *call,
                                                const char *file, const char *mask)
{
    struct moth_lua_eyes *eyes = &host->eyes;
    const char *path = path_of(L, host, file);
    const char *mask_path = mask && strcmp(mask, "alpha") != 0 ? path_of(L, host, mask) : mask;
    const char *name = lua_pushfstring(L, "%s\n%s", path, mask_path ? mask_path : "");
    for (size_t i = 0; i < eyes->n_templates; i++)
        if (strcmp(eyes->templates[i].name, name) == 0)
            return &eyes->templates[i].template;
    if (eyes->n_templates == MOTH_LUA_TEMPLATES_MAX)
        luaL_error(L, "game:%s: more than %d different pictures are looked for", call, (int)MOTH_LUA_TEMPLATES_MAX);
    struct moth_lua_template *grown = realloc(eyes->templates, (eyes->n_templates + 1) * sizeof *grown);
    if (grown)
        eyes->templates = grown;
    struct moth_lua_template *entry = grown ? &grown[eyes->n_templates] : NULL;
    char *copy = entry ? strdup(name) : NULL;
    struct moth_err err = {.message = "no memory for a picture to look for"};
    if (!copy || load_template(path, mask_path, &entry->template, &err) != 0) {
        free(copy);
        moth_lua_argument_error(L, "game", call, "png", "%s", err.message);
    }
    entry->name = copy;
    eyes->n_templates++;
    return &entry->template;
}

static uint32_t clip(double value, uint32_t most)
{
    return value <= 0 ? 0 : value >= most ? most : (uint32_t)value;
}

/* The region in the picture's pixels; what of it lies outside is left out. Width 0: nothing is left. */
static struct moth_rect region_of(const struct moth_lua_host *host, const struct wishes *wishes, uint32_t width,
                                  uint32_t height)
{
    struct moth_rect all = {0, 0, width, height};
    if (!wishes->has_region)
        return all;
    double sx = host->now.window_w ? (double)width / host->now.window_w : 1;
    double sy = host->now.window_h ? (double)height / host->now.window_h : 1;
    uint32_t left = clip(floor(wishes->region[0] * sx), width), top = clip(floor(wishes->region[1] * sy), height);
    uint32_t right = clip(ceil((wishes->region[0] + wishes->region[2]) * sx), width);
    uint32_t bottom = clip(ceil((wishes->region[1] + wishes->region[3]) * sy), height);
    if (right <= left || bottom <= top)
        return (struct moth_rect){0};
    return (struct moth_rect){left, top, right - left, bottom - top};
}

/* Of a picture's pixel, the window's: a renderer may draw more or fewer of them than the window has. */
static lua_Integer in_window(double at, uint32_t picture, uint32_t window)
{
    return (lua_Integer)(window ? floor(at * window / picture) : floor(at));
}

/* Look for the file at 2: true, or nil and a message are pushed. */
static bool see(lua_State *L, struct moth_lua_host *host, const char *call, const struct moth_template **which,
                struct moth_sight *sight)
{
    const char *file = lua_tostring(L, 2);
    struct wishes wishes = take_wishes(L, call, true);
    const struct moth_template *template = *which = template_for(L, host, call, file, wishes.mask);
    if (!look_in_grey(L, host))
        return false;
    const struct moth_grey *grey = &host->eyes.grey;
    struct moth_rect region = region_of(host, &wishes, grey->width, grey->height);
    if (template->width > region.width || template->height > region.height) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s is %d x %d pixels, and where it is looked for %d x %d", file, (int)template->width,
                        (int)template->height, (int)region.width, (int)region.height);
        return false;
    }
    moth_lua_box_leave(&host->box);
    int result = moth_see(grey, &region, template, wishes.threshold, &host->eyes.room, sight);
    moth_lua_box_return(&host->box);
    if (result != 0)
        luaL_error(L, "no memory to look for %s", file);
    if (!sight->found) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s is not to be seen", file);
    }
    return sight->found;
}

static int api_see(lua_State *L, struct moth_lua_host *host)
{
    const struct moth_template *template;
    struct moth_sight sight;
    if (!see(L, host, "see", &template, &sight))
        return 2;
    const struct moth_grey *grey = &host->eyes.grey;
    lua_pushinteger(L, in_window(sight.x + template->width / 2.0, grey->width, host->now.window_w));
    lua_pushinteger(L, in_window(sight.y + template->height / 2.0, grey->height, host->now.window_h));
    return 2;
}

static int api_sight(lua_State *L, struct moth_lua_host *host)
{
    const struct moth_template *template;
    struct moth_sight sight;
    if (!see(L, host, "sight", &template, &sight))
        return 2;
    const struct moth_grey *grey = &host->eyes.grey;
    uint32_t window_w = host->now.window_w, window_h = host->now.window_h;
    const struct {
        const char *name;
        lua_Integer value;
    } fields[] = {{"x", in_window(sight.x + template->width / 2.0, grey->width, window_w)},
                  {"y", in_window(sight.y + template->height / 2.0, grey->height, window_h)},
                  {"left", in_window(sight.x, grey->width, window_w)},
                  {"top", in_window(sight.y, grey->height, window_h)},
                  {"width", in_window(template->width, grey->width, window_w)},
                  {"height", in_window(template->height, grey->height, window_h)}};
    lua_createtable(L, 0, 8);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        lua_pushinteger(L, fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
    lua_pushnumber(L, sight.score);
    lua_setfield(L, -2, "score");
    return 1;
}

/* ---- expect_picture ---- */

static void keep(struct moth_lua_host *host, const char *name, const char *suffix, const uint8_t *pixels,
                 uint32_t width, uint32_t height)
{
    char full[MOTH_LUA_PICTURE_NAME_MAX + 16];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    moth_lua_box_leave(&host->box);
    if (host->backend->keep_picture)
        host->backend->keep_picture(host->backend->context, NULL, full, pixels, width, height, NULL);
    moth_lua_box_return(&host->box);
}

/* --update-pictures: what is on screen is right. */
static int update(lua_State *L, struct moth_lua_host *host, const char *path, const struct moth_lua_picture *actual)
{
    struct moth_err err = {.message = "pictures cannot be written here"};
    moth_lua_box_leave(&host->box);
    int result = host->backend->keep_picture
                     ? host->backend->keep_picture(host->backend->context, path, NULL, actual->pixels, actual->width,
                                                   actual->height, &err)
                     : -1;
    moth_lua_box_return(&host->box);
    if (result != 0)
        return luaL_error(L, "game:expect_picture: %s", err.message);
    lua_pushboolean(L, 1);
    return 1;
}

/* Not as it should be: a finding with the title on the top. */
static int differs(lua_State *L, struct moth_lua_host *host, const struct moth_lua_picture *actual)
{
    const char *name = lua_tostring(L, 2), *title = lua_tostring(L, -1);
    const struct moth_lua_expected *expected = &host->eyes.expected;
    keep(host, name, "-actual", actual->pixels, actual->width, actual->height);
    if (expected->golden.rgba)
        keep(host, name, "-expected", expected->golden.rgba, expected->golden.width, expected->golden.height);
    if (expected->difference)
        keep(host, name, "-difference", expected->difference, actual->width, actual->height);
    moth_lua_finding(L, host, MOTH_FINDING_INVARIANT, title);
    lua_pushboolean(L, 0);
    lua_pushvalue(L, -2);
    return 2;
}

/* The mask's, or NULL for all. Raises. */
static const uint8_t *expected_mask(lua_State *L, struct moth_lua_host *host, const char *mask)
{
    struct moth_lua_expected *expected = &host->eyes.expected;
    struct moth_err err = {.message = "no memory for a mask"};
    if (!mask)
        return NULL;
    expected->mask = strcmp(mask, "alpha") == 0
                         ? moth_mask_of(&expected->golden, true)
                         : read_mask(path_of(L, host, mask), expected->golden.width, expected->golden.height, &err);
    if (!expected->mask)
        moth_lua_argument_error(L, "game", "expect_picture", "options.mask", "%s", err.message);
    return expected->mask;
}

/* Golden and actual are of one size. Pushes a title where they differ too much. */
static bool is_alike(lua_State *L, struct moth_lua_host *host, const struct wishes *wishes,
                     const struct moth_lua_picture *actual)
{
    struct moth_lua_expected *expected = &host->eyes.expected;
    const uint8_t *mask = expected_mask(L, host, wishes->mask);
    struct moth_rect region = region_of(host, wishes, actual->width, actual->height);
    size_t n = (size_t)actual->width * actual->height;
    expected->difference = malloc(n * 4);
    if (!expected->difference)
        luaL_error(L, "no memory for a picture");
    moth_lua_box_leave(&host->box);
    moth_picture_fade(actual->pixels, n, expected->difference);
    struct moth_likeness likeness = moth_pictures_compare(expected->golden.rgba, actual->pixels, actual->width, &region,
                                                          mask, (uint32_t)wishes->tolerance, expected->difference);
    moth_lua_box_return(&host->box);
    if ((double)likeness.different <= wishes->share * (double)likeness.pixels)
        return true;
    lua_pushfstring(L, "the picture is not '%s': %I of %I pixels are off, by up to %d", lua_tostring(L, 2),
                    (lua_Integer)likeness.different, (lua_Integer)likeness.pixels, (int)likeness.most);
    return false;
}

static int expect_picture(lua_State *L, struct moth_lua_host *host)
{
    const char *name = lua_tostring(L, 2);
    struct wishes wishes = take_wishes(L, "expect_picture", false);
    struct moth_lua_picture actual;
    struct moth_lua_expected *expected = &host->eyes.expected;
    struct moth_err err;
    if (!look(L, host, &actual))
        return 2;
    const char *file = lua_pushfstring(L, "pictures/%s/%s.png", host->stem ? host->stem : "script", name);
    const char *path = path_of(L, host, file);
    bool there = access(path, F_OK) == 0;
    if (there && !host->update_pictures && moth_pixmap_read(path, &expected->golden, &err) != 0)
        return luaL_error(L, "game:expect_picture: %s (moth run --update-pictures makes it anew)", err.message);
    if (host->update_pictures)
        return update(L, host, path, &actual);
    if (!there) {
        lua_pushfstring(L, "there is no picture '%s' to expect: `moth run --update-pictures` makes %s", name, file);
        return differs(L, host, &actual);
    }
    if (expected->golden.width != actual.width || expected->golden.height != actual.height) {
        lua_pushfstring(L, "the picture is not '%s': it is %d x %d and not %d x %d", name, (int)actual.width,
                        (int)actual.height, (int)expected->golden.width, (int)expected->golden.height);
        return differs(L, host, &actual);
    }
    if (!is_alike(L, host, &wishes, &actual))
        return differs(L, host, &actual);
    lua_pushboolean(L, 1);
    return 1;
}

static int api_expect_picture(lua_State *L, struct moth_lua_host *host)
{
    moth_lua_check_picture_name(L, "expect_picture", 2);
    forget_expected(host);
    int n = expect_picture(L, host);
    forget_expected(host);
    return n;
}

const struct moth_lua_entry moth_lua_api_see[] = {
    {"see", api_see, "png: string, options?: table -> pixels?, pixels?",
     "Look on screen for a picture from a file, which lies beside the script: by normalized cross-correlation of grey "
     "values. Its centre in window pixels, so that game:click(game:see(\"ok.png\")) clicks on it; nil and a message "
     "where it is not to be seen. options.threshold: how well it must match, to 1 (0.9); options.region: {x, y, w, h}, "
     "where to look; options.mask: a PNG of the same size, dark where it does not count, or \"alpha\" for the "
     "picture's own."},
    {"sight", api_sight, "png: string, options?: table -> table?, string?",
     "The same, and all that is known: { x, y, left, top, width, height, score }, in window pixels."},
    {"expect_picture", api_expect_picture, "name: string, options?: table -> boolean?, string?",
     "What is on screen must be pictures/<script>/<name>.png beside the script; else an `invariant` finding with the "
     "picture, the expected one and the difference. `moth run --update-pictures` makes the file. true; false and what "
     "is wrong; nil and a message where the picture cannot be read. options.tolerance: how far off red, green or blue "
     "of a pixel may be, of 255 (8); options.share: part of the pixels that may be further off (0); options.region, "
     "options.mask: where it counts, as for see."},
    {NULL, NULL, NULL, NULL}};
