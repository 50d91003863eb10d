/* SPDX-License-Identifier: MIT
 *
 * Cave: a small game in one file. Four rooms, coins, bats, a shopkeeper, a locked door and a crystal behind
 * it.
 *
 * Arrows walk. Walk up to the counter to trade: up and down choose, return or space buys, escape leaves. The
 * key opens the door; touch the crystal to win. Bats cost a heart each; the apple gives one back, the boots
 * make you faster.
 *
 * It knows nothing of a test harness. There is one planted bug in it, a few inputs deep: see README.md, but
 * let the harness find it first.
 */
#include <SDL.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TILE 16
#define COLUMNS 20
#define ROWS 13
#define HUD 32
#define WIDTH (COLUMNS * TILE)
#define HEIGHT (ROWS * TILE + HUD)
#define ROOMS_WIDE 2
#define ROOMS 4
#define SHELF_MAX 4
#define BATS_MAX 3
#define SPARKS_MAX 64
#define HEARTS 3

/* --- the world --- */

/* # wall, . floor, o coin, S shopkeeper, s counter, b bat, ~ water, T torch, D door, C crystal. Gaps lead on.
 */
static const char *const maps[ROOMS][ROWS] = {
    {
        "####T#########T#####",
        "#....o.............#",
        "#..##......o...##..#",
        "#..#..o.........#..#",
        "#..................#",
        "#.o.....sSss....o..#",
        "#...................",
        "#...~~.........o...#",
        "#..~~~~.......##...#",
        "#..~~~........#....#",
        "#......#..o......o.#",
        "#.....o#....o......#",
        "#########..#########",
    },
    {
        "#####T##########T###",
        "#..o............o..#",
        "#....b.....##......#",
        "#..###.....##...o..#",
        "#....#.............#",
        "#....#....o....###.#",
        ".........###.....#.#",
        "#....o...###..o..#.#",
        "#................#.#",
        "#..~~~......b......#",
        "#..~~~~..o......o..#",
        "#..o...............#",
        "########....########",
    },
    {
        "#########..#########",
        "#..o...........o...#",
        "#.....b......##....#",
        "#..####......##..o.#",
        "#..#..#............#",
        "#..#o..............#",
        "#..####....~~~......",
        "#.........~~~~~.....",
        "#..o..b....~~~......",
        "#.............b....#",
        "#..##....o.....##..#",
        "#..##..........##.o#",
        "####T##########T####",
    },
    {
        "########....########",
        "#..o...............#",
        "#........b.....#####",
        "#..##..........#...#",
        "#..##..o.......#.C.#",
        "#..............#...#",
        "...............##D##",
        ".....~~~...........#",
        "....~~~~~....o.....#",
        "#....~~~.....b.....#",
        "#..o...........##..#",
        "#.........o....##..#",
        "####T##########T####",
    },
};

struct bat {
    float x, y, dx, dy;
};

struct room {
    char tiles[ROWS][COLUMNS + 1];
    struct bat bats[BATS_MAX];
    int n_bats;
};

/* --- the shop --- */

struct item {
    const char *name;
    int price;
    void (*bought)(void);
};

struct shop {
    const struct item *shelf[SHELF_MAX + 1]; /* what is left, NULL behind the last */
    int n, cursor;
    bool open;
};

struct spark {
    float x, y, dx, dy;
    int life;
    Uint32 rgb;
};

static struct {
    SDL_Window *window;
    SDL_Renderer *renderer;
    struct room rooms[ROOMS];
    int room, coins, hearts, hurt, frame;
    float x, y, speed;
    bool has_key, won, over, quit;
    struct shop shop;
    struct spark sparks[SPARKS_MAX];
    int next_spark;
    SDL_AudioDeviceID audio;
} game;

static SDL_atomic_t tone_hz, tone_left;

static void beep(int hz, int samples)
{
    SDL_AtomicSet(&tone_hz, hz);
    SDL_AtomicSet(&tone_left, samples);
}

static void get_apple(void)
{
    game.hearts = game.hearts < HEARTS ? game.hearts + 1 : game.hearts;
}

static void get_boots(void)
{
    game.speed = 2.6f;
}

static void get_key(void)
{
    game.has_key = true;
}

static const struct item items[] = {
    {"APPLE", 1, get_apple},
    {"BOOTS", 1, get_boots},
    {"KEY", 2, get_key},
};

static void stock_shop(struct shop *shop)
{
    memset(shop, 0, sizeof *shop);
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
        shop->shelf[shop->n++] = &items[i];
}

static void take_from_shelf(struct shop *shop, int i)
{
    memmove(&shop->shelf[i], &shop->shelf[i + 1], sizeof shop->shelf[0] * (size_t)(shop->n - i));
    shop->n--;
}

static bool can_pay_any(const struct shop *shop)
{
    for (int i = 0; i < shop->n; i++)
        if (shop->shelf[i]->price <= game.coins)
            return true;
    return false;
}

static void buy(struct shop *shop)
{
    const struct item *item = shop->shelf[shop->cursor];
    if (item->price > game.coins) {
        beep(110, 3000);
        return;
    }
    game.coins -= item->price;
    item->bought();
    beep(660, 4000);
    take_from_shelf(shop, shop->cursor);
    if (shop->n > 0 && !can_pay_any(shop))
        shop->open = false;
}

static void shop_key(struct shop *shop, int key)
{
    if (key == SDL_SCANCODE_UP && shop->cursor > 0)
        shop->cursor--;
    else if (key == SDL_SCANCODE_DOWN && shop->cursor < shop->n - 1)
        shop->cursor++;
    else if (key == SDL_SCANCODE_RETURN || key == SDL_SCANCODE_SPACE)
        buy(shop);
    else if (key == SDL_SCANCODE_ESCAPE)
        shop->open = false;
}

static void enter_shop(struct shop *shop)
{
    if (!can_pay_any(shop))
        return;
    shop->open = true;
    shop->cursor = 0;
    game.y += 12; /* a step back, so that leaving does not enter at once */
}

/* --- playing --- */

static void add_sparks(float x, float y, Uint32 rgb)
{
    for (int i = 0; i < 8; i++) {
        float angle = (float)rand() / (float)RAND_MAX * 6.2832f;
        game.sparks[game.next_spark] = (struct spark){x, y, cosf(angle), sinf(angle), 20 + rand() % 20, rgb};
        game.next_spark = (game.next_spark + 1) % SPARKS_MAX;
    }
}

static void load_room(struct room *room, const char *const *map)
{
    room->n_bats = 0;
    for (int row = 0; row < ROWS; row++) {
        memcpy(room->tiles[row], map[row], COLUMNS + 1);
        for (int column = 0; column < COLUMNS; column++) {
            if (room->tiles[row][column] != 'b')
                continue;
            room->tiles[row][column] = '.';
            struct bat *bat = &room->bats[room->n_bats++];
            *bat = (struct bat){(float)(column * TILE), (float)(row * TILE), rand() % 2 ? 1.1f : -1.1f, 0.7f};
        }
    }
}

static void new_game(void)
{
    for (int i = 0; i < ROOMS; i++)
        load_room(&game.rooms[i], maps[i]);
    stock_shop(&game.shop);
    game.room = game.hurt = 0;
    game.coins = 3;
    game.hearts = HEARTS;
    game.x = 9 * TILE;
    game.y = 7 * TILE;
    game.speed = 1.8f;
    game.has_key = game.won = game.over = false;
}

static char *tile_at(float x, float y)
{
    int column = (int)floorf(x / TILE), row = (int)floorf(y / TILE);
    if (column < 0 || column >= COLUMNS || row < 0 || row >= ROWS)
        return NULL;
    return &game.rooms[game.room].tiles[row][column];
}

static bool solid(float x, float y)
{
    const char *tile = tile_at(x, y);
    return tile && (*tile == '#' || *tile == 'T' || (*tile == 'D' && !game.has_key));
}

static bool free_at(float x, float y)
{
    return !solid(x + 3, y + 3) && !solid(x + 12, y + 3) && !solid(x + 3, y + 14) && !solid(x + 12, y + 14);
}

static void change_room(int step, float x, float y)
{
    game.room += step;
    game.x = x;
    game.y = y;
}

/* Past an edge lies the next room; the maps have gaps only where there is one. */
static void cross_edges(void)
{
    if (game.x < -8)
        change_room(-1, COLUMNS * TILE - 10, game.y);
    else if (game.x > COLUMNS * TILE - 8)
        change_room(1, -6, game.y);
    else if (game.y < -8)
        change_room(-ROOMS_WIDE, game.x, ROWS * TILE - 10);
    else if (game.y > ROWS * TILE - 8)
        change_room(ROOMS_WIDE, game.x, -6);
}

static void touch_tile(void)
{
    char *tile = tile_at(game.x + 8, game.y + 9);
    if (!tile)
        return;
    if (*tile == 'o') {
        *tile = '.';
        game.coins++;
        add_sparks(game.x + 8, game.y + 8, 0xffe060);
        beep(880, 2000);
    } else if (*tile == 'S' || *tile == 's') {
        enter_shop(&game.shop);
    } else if (*tile == 'C') {
        game.won = true;
        beep(1320, 12000);
    }
}

static void walk(void)
{
    const Uint8 *keys = SDL_GetKeyboardState(NULL);
    const char *tile = tile_at(game.x + 8, game.y + 9);
    float speed = tile && *tile == '~' ? game.speed / 2 : game.speed;
    float dx = speed * (float)(keys[SDL_SCANCODE_RIGHT] - keys[SDL_SCANCODE_LEFT]);
    float dy = speed * (float)(keys[SDL_SCANCODE_DOWN] - keys[SDL_SCANCODE_UP]);
    if (free_at(game.x + dx, game.y))
        game.x += dx;
    if (free_at(game.x, game.y + dy))
        game.y += dy;
    touch_tile();
    cross_edges();
}

static void move_bat(struct bat *bat)
{
    if (!free_at(bat->x + bat->dx, bat->y) || bat->x < 16 || bat->x > (COLUMNS - 2) * TILE)
        bat->dx = -bat->dx;
    if (!free_at(bat->x, bat->y + bat->dy) || bat->y < 16 || bat->y > (ROWS - 2) * TILE)
        bat->dy = -bat->dy;
    bat->x += bat->dx;
    bat->y += bat->dy;
    if (game.hurt || fabsf(bat->x - game.x) > 12 || fabsf(bat->y - game.y) > 12)
        return;
    game.hurt = 90;
    add_sparks(game.x + 8, game.y + 8, 0xff4040);
    beep(180, 5000);
    if (--game.hearts == 0)
        game.over = true;
}

static void tick(void)
{
    struct room *room = &game.rooms[game.room];
    game.frame++;
    for (int i = 0; i < SPARKS_MAX; i++) {
        struct spark *spark = &game.sparks[i];
        spark->x += spark->dx;
        spark->y += spark->dy;
        spark->life -= spark->life > 0;
    }
    if (game.shop.open || game.won || game.over)
        return;
    game.hurt -= game.hurt > 0;
    walk();
    for (int i = 0; i < room->n_bats; i++)
        move_bat(&room->bats[i]);
}

static void on_event(const SDL_Event *event)
{
    if (event->type == SDL_QUIT)
        game.quit = true;
    if (event->type != SDL_KEYDOWN || event->key.repeat)
        return;
    int key = event->key.keysym.scancode;
    if (game.shop.open)
        shop_key(&game.shop, key);
    else if ((game.won || game.over) && key == SDL_SCANCODE_RETURN)
        new_game();
}

/* --- drawing --- */

static void rect(float x, float y, float w, float h, Uint32 rgb)
{
    SDL_FRect r = {x, y, w, h};
    SDL_SetRenderDrawColor(game.renderer, (Uint8)(rgb >> 16), (Uint8)(rgb >> 8), (Uint8)rgb, 255);
    SDL_RenderFillRectF(game.renderer, &r);
}

/* 3x5 letters, one octal digit a row, from the top. */
static const unsigned short font_letters[26] = {
    025755, 065656, 034443, 065556, 074647, 074644, 034553, 055755, 072227, 011152, 055655, 044447, 057755,
    065555, 025552, 065644, 025573, 065655, 034216, 072222, 055557, 055522, 055775, 055255, 055222, 071247,
};
static const unsigned short font_digits[10] = {075557, 026227, 071747, 071317, 055711,
                                               074717, 074757, 071122, 075757, 075717};

static void text(float x, float y, float size, Uint32 rgb, const char *s)
{
    for (; *s; s++, x += 4 * size) {
        unsigned bits = *s >= 'A' && *s <= 'Z'   ? font_letters[*s - 'A']
                        : *s >= '0' && *s <= '9' ? font_digits[*s - '0']
                                                 : 0;
        for (int i = 0; i < 15; i++)
            if (bits >> (14 - i) & 1)
                rect(x + (float)(i % 3) * size, y + (float)(i / 3) * size, size, size, rgb);
    }
}

static void draw_tile(char tile, float x, float y, int column, int row)
{
    int shade = (column * 7 + row * 13) % 3;
    float wave = sinf((float)game.frame * 0.08f + (float)(column + row));
    rect(x, y, TILE, TILE, shade == 0 ? 0x2a2433 : 0x28222f);
    switch (tile) {
    case '#':
    case 'T':
        rect(x, y, TILE, TILE, shade ? 0x54495f : 0x4d4358);
        rect(x, y + 12, TILE, 4, 0x3a3246);
        if (tile == 'T')
            rect(x + 6, y + 6 - wave, 4, 6 + wave, game.frame / 6 % 2 ? 0xffb040 : 0xffd060);
        break;
    case 'o':
        rect(x + 5, y + 4 + wave, 6, 8, 0xd8a830);
        rect(x + 6, y + 5 + wave, 2, 5, 0xfff0a0);
        break;
    case '~':
        rect(x, y, TILE, TILE, 0x24486a);
        rect(x + 3 + wave * 2, y + 6, 7, 2, 0x4a7fa8);
        break;
    case 's':
        rect(x, y + 7, TILE, 8, 0x6a4a2a);
        rect(x, y + 6, TILE, 2, 0x9a7040);
        rect(x + 4, y + 2, 5, 4, column % 2 ? 0xd04040 : 0x60c060);
        break;
    case 'S':
        rect(x + 3, y + 5, 10, 10, 0x3d7a46);
        rect(x + 5, y + 1, 6, 6, 0xe8c09a);
        rect(x + 4, y, 8, 2, 0x8a4a2a);
        break;
    case 'D':
        rect(x, y, TILE, TILE, game.has_key ? 0x6a4a2a : 0x8a5a30);
        rect(x + 11, y + 7, 2, 3, 0xffd060);
        break;
    case 'C':
        rect(x + 5, y + 2 + wave, 6, 12, 0x60e0f0);
        rect(x + 3, y + 5 + wave, 10, 6, 0xa0f8ff);
        break;
    }
}

static void draw_player(void)
{
    if (game.hurt / 6 % 2)
        return;
    rect(game.x + 4, game.y + 7, 8, 8, 0x3a6ad0);
    rect(game.x + 5, game.y + 1, 6, 6, 0xf0c8a0);
    rect(game.x + 4, game.y, 8, 2, 0xb03030);
}

static void draw_room(void)
{
    const struct room *room = &game.rooms[game.room];
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < COLUMNS; column++)
            draw_tile(room->tiles[row][column], (float)(column * TILE), (float)(row * TILE), column, row);
    draw_player();
    for (int i = 0; i < room->n_bats; i++) {
        float flap = game.frame / 5 % 2 ? 2 : 0;
        rect(room->bats[i].x + 5, room->bats[i].y + 5, 6, 6, 0x201824);
        rect(room->bats[i].x, room->bats[i].y + 4 + flap, 5, 4, 0x3a2c44);
        rect(room->bats[i].x + 11, room->bats[i].y + 4 + flap, 5, 4, 0x3a2c44);
        rect(room->bats[i].x + 6, room->bats[i].y + 6, 1, 1, 0xff4040);
        rect(room->bats[i].x + 9, room->bats[i].y + 6, 1, 1, 0xff4040);
    }
    for (int i = 0; i < SPARKS_MAX; i++)
        if (game.sparks[i].life)
            rect(game.sparks[i].x, game.sparks[i].y, 2, 2, game.sparks[i].rgb);
}

static void draw_hud(void)
{
    char line[32];
    rect(0, ROWS * TILE, WIDTH, HUD, 0x18141e);
    for (int i = 0; i < HEARTS; i++)
        rect(10 + (float)i * 16, ROWS * TILE + 11, 10, 9, i < game.hearts ? 0xd83040 : 0x402030);
    snprintf(line, sizeof line, "COINS %d", game.coins);
    text(80, ROWS * TILE + 11, 2, 0xffe060, line);
    if (game.has_key)
        text(200, ROWS * TILE + 11, 2, 0xc0c0ff, "KEY");
}

static void draw_shop(const struct shop *shop)
{
    char line[32];
    rect(70, 50, 180, 110, 0x705030);
    rect(73, 53, 174, 104, 0x241c18);
    text(84, 62, 3, 0xffd890, "SHOP");
    for (int i = 0; i < shop->n; i++) {
        snprintf(line, sizeof line, "%-6s %d", shop->shelf[i]->name, shop->shelf[i]->price);
        text(100, 90 + (float)i * 18, 2, shop->shelf[i]->price > game.coins ? 0x806860 : 0xffffff, line);
    }
    rect(86, 91 + (float)shop->cursor * 18, 6, 6, 0xffe060);
}

static void draw_banner(const char *big, const char *small, Uint32 rgb)
{
    rect(0, 70, WIDTH, 70, 0x100c14);
    text(60, 82, 5, rgb, big);
    text(60, 120, 2, 0xc0c0c0, small);
}

static void draw(void)
{
    draw_room();
    draw_hud();
    if (game.shop.open)
        draw_shop(&game.shop);
    if (game.won)
        draw_banner("YOU WON", "RETURN STARTS ANEW", 0x80f0a0);
    else if (game.over)
        draw_banner("GAME OVER", "RETURN STARTS ANEW", 0xf06060);
    SDL_RenderPresent(game.renderer);
}

/* --- sound and start --- */

static void play_tone(void *userdata, Uint8 *stream, int size)
{
    static unsigned phase;
    (void)userdata;
    for (int i = 0; i < size; i++) {
        int hz = SDL_AtomicGet(&tone_hz);
        bool on = SDL_AtomicGet(&tone_left) > 0;
        phase += (unsigned)hz;
        stream[i] = (Uint8)(128 + (on && phase / 11025 % 2 ? 24 : 0));
        if (on)
            SDL_AtomicAdd(&tone_left, -1);
    }
}

static bool start(void)
{
    SDL_AudioSpec want = {
        .freq = 22050, .format = AUDIO_U8, .channels = 1, .samples = 512, .callback = play_tone};
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        return false;
    game.window = SDL_CreateWindow("Cave", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, WIDTH * 2,
                                   HEIGHT * 2, SDL_WINDOW_RESIZABLE);
    game.renderer = game.window ? SDL_CreateRenderer(game.window, -1, SDL_RENDERER_PRESENTVSYNC) : NULL;
    if (!game.renderer || SDL_RenderSetLogicalSize(game.renderer, WIDTH, HEIGHT) != 0)
        return false;
    /* Without a sound card it is a quiet game. */
    if (SDL_InitSubSystem(SDL_INIT_AUDIO) == 0)
        game.audio = SDL_OpenAudioDevice(NULL, 0, &want, NULL, 0);
    if (game.audio)
        SDL_PauseAudioDevice(game.audio, 0);
    return true;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    if (!start()) {
        fprintf(stderr, "cave: %s\n", SDL_GetError());
        return 1;
    }
    srand((unsigned)time(NULL));
    new_game();
    while (!game.quit) {
        SDL_Event event;
        Uint32 began = SDL_GetTicks();
        while (SDL_PollEvent(&event))
            on_event(&event);
        tick();
        draw();
        Uint32 took = SDL_GetTicks() - began;
        if (took < 16)
            SDL_Delay(16 - took);
    }
    SDL_Quit();
    return 0;
}
