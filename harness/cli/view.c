/* SPDX-License-Identifier: MIT */
#include "cli/view.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"

#define PLAIN_NS (30 * MOTH_NS_PER_S)  /* between lines where nothing can be drawn over */
#define DRAW_NS (200 * MOTH_NS_PER_MS) /* between pictures */
#define SPEED_NS (5 * MOTH_NS_PER_S)   /* the speed is of about this time */
#define NARROW 50u                     /* columns, below which one line must do */
#define LOW 10u                        /* rows, likewise */
#define BAR_MOST 40u

static struct {
    const char *game;
    uint64_t told_ns, drawn_ns;
    uint64_t speed_ns, speed_frames; /* when and where the speed was measured from */
    double frames_per_s;
    struct sigaction before;
} view;
static volatile sig_atomic_t resized;

static void on_resize(int number)
{
    (void)number;
    resized = 1;
}

void moth_cli_view_begin(const char *game)
{
    view.game = game;
    view.told_ns = view.speed_ns = moth_clock_monotonic_ns();
    view.drawn_ns = view.speed_frames = 0;
    view.frames_per_s = 0;
    struct sigaction action = {.sa_handler = on_resize, .sa_flags = SA_RESTART}; /* poll returns all the same */
    sigaction(SIGWINCH, &action, &view.before);
}

void moth_cli_view_end(void)
{
    moth_log_live(NULL);
    sigaction(SIGWINCH, &view.before, NULL);
}

/* ---- pieces of a line ---- */

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void put_time(FILE *out, double seconds)
{
    uint64_t s = (uint64_t)seconds;
    if (s >= 3600)
        fprintf(out, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60, s % 60);
    else
        fprintf(out, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
}

/* Part of the budget that is used up, below 0 where there is none. */
static double share_of(const struct moth_run_progress *progress)
{
    double share = -1;
    if (progress->frames_budget > 0)
        share = (double)progress->frames / (double)progress->frames_budget;
    if (progress->wall_budget_s > 0 && progress->wall_s / progress->wall_budget_s > share)
        share = progress->wall_s / progress->wall_budget_s;
    return share > 1 ? 1 : share;
}

static void put_bar(FILE *out, double share, unsigned columns, bool colours)
{
    unsigned width = columns - 8 < BAR_MOST ? columns - 8 : BAR_MOST, full = (unsigned)(share * width + 0.5);
    fputs(colours ? "\033[32m" : "", out);
    for (unsigned i = 0; i < width; i++)
        fputs(i < full ? "#" : ".", out);
    fprintf(out, "%s %3.0f %%\n", colours ? "\033[m" : "", share * 100);
}

static const char *short_name(const char *name, size_t *length)
{
    const char *slash = strrchr(name, '/');
    const char *from = slash ? slash + 1 : name;
    size_t n = strlen(from);
    *length = n > 4 && strcmp(from + n - 4, ".lua") == 0 ? n - 4 : n;
    return from;
}

/* Text from outside: nothing in it may move the cursor or change colours. */
static void put_plain(FILE *out, const char *text, size_t length)
{
    char *part = moth_fs_path("%.*s", (int)length, text), *plain = moth_str_plain(part);
    fputs(plain, out);
    free(plain);
    free(part);
}

static void put_agents(FILE *out, const struct moth_run_progress *progress)
{
    fputs("agents     ", out);
    for (size_t i = 0; i < progress->n_agents; i++) {
        size_t length;
        const char *name = short_name(progress->agents[i].name, &length);
        fputs(i ? ", " : "", out);
        put_plain(out, name, length);
        fprintf(out, " %.0f %%", progress->agents[i].share * 100);
    }
    fputc('\n', out);
}

static void put_work(FILE *out, const struct moth_run_progress *progress)
{
    fprintf(out, "instances  %u done, %u playing", progress->instances_done, progress->instances_running);
    if (progress->replaying > 0)
        fprintf(out, ", replaying %u", progress->replaying);
    if (progress->shrinking > 0)
        fprintf(out, ", shrinking %u", progress->shrinking);
    fprintf(out, "; %u of %u worker%s\n", progress->workers_alive, progress->workers,
            plural(progress->workers));
}

/* ---- the picture ---- */

char *moth_cli_view_text(const char *game, const struct moth_run_progress *progress, double frames_per_s,
                         unsigned columns, unsigned rows, bool colours)
{
    if (columns < NARROW || rows < LOW)
        return moth_report_progress(progress);
    char *text = NULL;
    size_t size = 0, length;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    const char *name = short_name(game, &length);
    double share = share_of(progress);
    fputs(colours ? "\033[1m" : "", out);
    put_plain(out, name, length);
    fprintf(out, "%s  ", colours ? "\033[m" : "");
    put_time(out, progress->wall_s);
    if (progress->wall_budget_s > 0) {
        fputs(" of ", out);
        put_time(out, progress->wall_budget_s);
    }
    fputc('\n', out);
    if (share >= 0)
        put_bar(out, share, columns, colours);
    fprintf(out, "frames     %" PRIu64 ", %.0f/s", progress->frames, frames_per_s);
    if (progress->virtual_s > 0 && progress->wall_s > 0)
        fprintf(out, ", %.0f times real time", progress->virtual_s / progress->wall_s);
    fputc('\n', out);
    put_work(out, progress);
    if (progress->n_agents > 1)
        put_agents(out, progress);
    const char *colour = colours && progress->findings > 0 ? "\033[31m" : "";
    fprintf(out, "places     %" PRIu64 "\nfindings   %s%zu%s", progress->places, colour, progress->findings,
            *colour ? "\033[m" : "");
    fclose(out);
    return text;
}

static bool wants_colours(void)
{
    const char *no = getenv("NO_COLOR");
    return !(no && *no);
}

static void measure(const struct moth_run_progress *progress, uint64_t now_ns)
{
    uint64_t took_ns = now_ns - view.speed_ns;
    if (progress->frames < view.speed_frames) /* an instance that was begun again */
        view.speed_frames = progress->frames;
    if (view.speed_frames == 0 && progress->wall_s > 0) /* all there is to measure yet */
        view.frames_per_s = (double)progress->frames / progress->wall_s;
    else if (took_ns >= MOTH_NS_PER_S)
        view.frames_per_s =
            (double)(progress->frames - view.speed_frames) * (double)MOTH_NS_PER_S / (double)took_ns;
    if (took_ns >= SPEED_NS) {
        view.speed_ns = now_ns;
        view.speed_frames = progress->frames;
    }
}

static void draw(const struct moth_run_progress *progress, uint64_t now_ns)
{
    if (now_ns - view.drawn_ns < DRAW_NS && !resized)
        return;
    resized = 0;
    view.drawn_ns = now_ns;
    struct winsize window = {0};
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0;
    char *text = moth_cli_view_text(view.game, progress, view.frames_per_s, known ? window.ws_col : 80,
                                    known ? window.ws_row : 24, wants_colours());
    if (text)
        moth_log_live(text);
    free(text);
}

void moth_cli_view_progress(const struct moth_run_progress *progress)
{
    uint64_t now_ns = moth_clock_monotonic_ns();
    measure(progress, now_ns);
    if (moth_log_can_live()) {
        draw(progress, now_ns);
    } else if (now_ns - view.told_ns >= PLAIN_NS) {
        char *line = moth_report_progress(progress);
        if (line)
            moth_log_info("%s", line);
        free(line);
        view.told_ns = now_ns;
    }
}

void moth_cli_view_found(const char *what, const char *kind, const char *title, const char *fingerprint)
{
    bool colours = moth_log_can_live() && wants_colours();
    char *plain = moth_str_plain(title);
    moth_log_info("%s %s%s%s: %s (%s)", what, colours ? "\033[31m" : "", kind, colours ? "\033[m" : "", plain,
                  fingerprint);
    free(plain);
}
