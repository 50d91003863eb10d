/* SPDX-License-Identifier: MIT
 *
 * Records of the log: what an archive tells the others, and what it takes over from them.
 */
#include "explore/share.h"

#include <stdlib.h>
#include <string.h>

#include "explore/cells.h"
#include "wire/trace_format.h"

#define NAMES_MAX 64u /* archives that a summary tells apart */

enum { SCRIPTED = 1u << 0, TERMINAL = 1u << 1 };

/* ---- numbers ---- */

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value == value ? value : 0;
}

/* ---- entries ---- */

static const struct moth_entry *entry_at(const struct moth_archive *archive, uint64_t place)
{
    size_t from = 0, to = archive->n_entries;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (archive->entries[middle].place < place)
            from = middle + 1;
        else
            to = middle;
    }
    return from < archive->n_entries && archive->entries[from].place == place ? &archive->entries[from] : NULL;
}

static void add_entry(struct moth_archive *archive, const struct moth_entry *entry)
{
    if (archive->n_entries == archive->room_entries) {
        size_t room = archive->room_entries * 2 + 64;
        struct moth_entry *grown = realloc(archive->entries, room * sizeof *grown);
        if (!grown)
            return;
        archive->entries = grown;
        archive->room_entries = room;
    }
    archive->entries[archive->n_entries] = *entry;
    moth_route_ref(entry->route);
    archive->n_entries++;
}

/* ---- telling ---- */

/* The way, from the nearest place before it that the others know. */
static void put_way(struct moth_buf *body, const struct moth_route *route)
{
    const struct moth_route *known = route->parent;
    while (known && known->offset == 0)
        known = known->parent;
    size_t n, from = known ? known->total : 0;
    struct moth_input_event *events = moth_route_events(route, &n);
    struct moth_buf bytes;
    moth_buf_init(&bytes);
    struct moth_record_state state = {0};
    for (size_t i = from; events && i < n; i++)
        moth_record_put_event(&bytes, &state, &events[i]);
    moth_buf_put_varint(body, known ? known->offset : 0);
    moth_buf_put_varint(body, n - from);
    moth_buf_put_varint(body, bytes.size_bytes);
    moth_buf_put(body, bytes.bytes, bytes.size_bytes);
    body->failed = body->failed || bytes.failed || !events;
    moth_buf_fini(&bytes);
    free(events);
}

static void tell_cell(struct moth_archive *archive, struct moth_cell *cell)
{
    struct moth_buf body;
    struct moth_entry entry = {.route = cell->route, .scripted = cell->scripted, .key = cell->key ^ 1};
    moth_grid_pack(&cell->grid, entry.packed);
    moth_buf_init(&body);
    moth_buf_put_u32(&body, archive->name);
    moth_buf_put_u8(&body, (uint8_t)((cell->scripted ? SCRIPTED : 0) | (cell->terminal ? TERMINAL : 0)));
    moth_buf_put_u64(&body, bits_of(cell->score));
    moth_buf_put_varint(&body, cell->route->frame);
    if (cell->scripted)
        moth_buf_put_u64(&body, entry.key);
    else
        moth_buf_put(&body, entry.packed, sizeof entry.packed);
    put_way(&body, cell->route);
    entry.place = moth_log_append(archive->log, MOTH_LOG_CELL, &body);
    if (entry.place != 0) {
        cell->route->offset = entry.place;
        add_entry(archive, &entry);
    }
    cell->untold = false;
    moth_buf_fini(&body);
}

static void tell_stats(struct moth_archive *archive)
{
    struct moth_buf body, list;
    moth_buf_init(&body);
    moth_buf_init(&list);
    uint32_t n = 0;
    for (uint32_t i = 0; i < archive->n_slots; i++) {
        struct moth_cell *cell = &archive->cells[i];
        if (!cell->used || !cell->route || cell->route->offset == 0 ||
            !(cell->new_met || cell->new_chosen || cell->new_deaths))
            continue;
        moth_buf_put_varint(&list, cell->route->offset);
        moth_buf_put_varint(&list, cell->new_met);
        moth_buf_put_varint(&list, cell->new_chosen);
        moth_buf_put_varint(&list, cell->new_deaths);
        cell->new_met = cell->new_chosen = cell->new_deaths = 0;
        n++;
    }
    moth_buf_put_u32(&body, archive->name);
    moth_buf_put_varint(&body, archive->n_cells);
    moth_buf_put_u8(&body, (uint8_t)archive->step);
    moth_buf_put_varint(&body, n);
    moth_buf_put(&body, list.bytes, list.size_bytes);
    body.failed = body.failed || list.failed;
    moth_log_append(archive->log, MOTH_LOG_STATS, &body);
    moth_buf_fini(&list);
    moth_buf_fini(&body);
}

static void tell_reference(struct moth_archive *archive)
{
    if (archive->n_new_reference == 0)
        return;
    struct moth_buf body;
    moth_buf_init(&body);
    moth_buf_put_u32(&body, archive->name);
    moth_buf_put_varint(&body, archive->n_new_reference);
    for (uint32_t i = 0; i < archive->n_new_reference; i++)
        moth_buf_put_u64(&body, archive->new_reference[i]);
    moth_log_append(archive->log, MOTH_LOG_REFERENCE, &body);
    archive->n_new_reference = 0;
    moth_buf_fini(&body);
}

/* ---- taking over ---- */

static void adopt(struct moth_archive *archive, const struct moth_entry *entry, double score, bool terminal)
{
    struct moth_grid grid;
    moth_grid_unpack(&grid, entry->packed);
    archive->pictures = archive->pictures || !entry->scripted;
    uint64_t key = moth_archive_key(archive, entry->scripted, entry->key, &grid);
    uint32_t known = moth_cells_find(archive, key);
    uint32_t number = known != MOTH_ARCHIVE_NONE ? known : moth_cells_add(archive, key);
    if (number == MOTH_ARCHIVE_NONE)
        return;
    struct moth_cell *cell = &archive->cells[number];
    if (!moth_cells_better(score, entry->route->frame, cell))
        return;
    if (known == MOTH_ARCHIVE_NONE) {
        size_t n;
        struct moth_input_event *events = moth_route_events(entry->route, &n);
        if (events)
            moth_ngrams_learn(&archive->ngrams, events, n, entry->route->frame);
        free(events);
    }
    moth_route_unref(cell->route);
    cell->route = moth_route_ref(entry->route);
    cell->grid = grid;
    cell->scripted = entry->scripted;
    cell->score = score;
    cell->terminal = terminal;
    cell->untold = cell->unreachable = false;
}

/* Do these bytes hold these events? Everything behind relies on it. */
static bool valid_events(const uint8_t *bytes, size_t size, uint32_t n)
{
    struct moth_input_event *events = calloc((size_t)n + 1, sizeof *events);
    bool valid = events && bytes && moth_route_decode(bytes, size, n, events);
    free(events);
    return valid;
}

static void take_cell(struct moth_archive *archive, struct moth_cursor *body, uint64_t place)
{
    uint8_t flags = moth_cursor_u8(body);
    double score = of_bits(moth_cursor_u64(body));
    uint32_t frame = (uint32_t)moth_cursor_varint_to(body, UINT32_MAX);
    struct moth_entry entry = {.place = place, .scripted = (flags & SCRIPTED) != 0};
    if (entry.scripted)
        entry.key = moth_cursor_u64(body);
    const uint8_t *packed = entry.scripted ? NULL : moth_cursor_take(body, sizeof entry.packed);
    if (packed)
        memcpy(entry.packed, packed, sizeof entry.packed);
    uint64_t parent_place = moth_cursor_varint(body);
    uint32_t n_events = (uint32_t)moth_cursor_varint_to(body, moth_cursor_left(body));
    size_t size = moth_cursor_varint_to(body, moth_cursor_left(body));
    const uint8_t *bytes = moth_cursor_take(body, size);
    const struct moth_entry *parent = parent_place ? entry_at(archive, parent_place) : NULL;
    if (body->failed || (parent_place && !parent) || !valid_events(bytes, size, n_events))
        return;
    entry.route = moth_route_new(parent ? parent->route : NULL, frame, n_events, bytes, size);
    if (!entry.route)
        return;
    entry.route->offset = place;
    add_entry(archive, &entry);
    if (frame > archive->deepest)
        archive->deepest = frame;
    adopt(archive, &entry, score, (flags & TERMINAL) != 0);
    moth_route_unref(entry.route);
}

static void take_stats(struct moth_archive *archive, struct moth_cursor *body)
{
    archive->rollouts++; /* the others' count as time, too */
    moth_cursor_varint(body);
    moth_cursor_u8(body);
    uint64_t n = moth_cursor_varint(body);
    for (uint64_t i = 0; i < n && !body->failed; i++) {
        const struct moth_entry *entry = entry_at(archive, moth_cursor_varint(body));
        uint32_t met = (uint32_t)moth_cursor_varint_to(body, UINT32_MAX);
        uint32_t chosen = (uint32_t)moth_cursor_varint_to(body, UINT32_MAX);
        uint32_t deaths = (uint32_t)moth_cursor_varint_to(body, UINT32_MAX);
        if (!entry || body->failed)
            continue;
        struct moth_grid grid;
        moth_grid_unpack(&grid, entry->packed);
        uint32_t cell =
            moth_cells_find(archive, moth_archive_key(archive, entry->scripted, entry->key, &grid));
        if (cell == MOTH_ARCHIVE_NONE)
            continue;
        archive->cells[cell].met += met;
        archive->cells[cell].chosen += chosen;
        archive->cells[cell].deaths += deaths;
    }
}

static void take_recording(struct moth_archive *archive, struct moth_cursor *body)
{
    uint32_t frames = (uint32_t)moth_cursor_varint_to(body, UINT32_MAX);
    uint32_t n = (uint32_t)moth_cursor_varint_to(body, moth_cursor_left(body));
    size_t size = moth_cursor_left(body);
    const uint8_t *bytes = moth_cursor_take(body, size);
    struct moth_recording *grown = NULL;
    if (!body->failed && n > 0 && archive->n_recordings < MOTH_ARCHIVE_RECORDINGS_MAX)
        grown = realloc(archive->recordings, (archive->n_recordings + 1) * sizeof *grown);
    if (!grown)
        return;
    archive->recordings = grown;
    struct moth_recording recording = {.n_events = n, .frames = frames, .events = calloc(n, sizeof *recording.events)};
    if (recording.events && moth_route_decode(bytes, size, n, recording.events))
        archive->recordings[archive->n_recordings++] = recording;
    else
        free(recording.events);
}

static void take_note(struct moth_archive *archive, struct moth_cursor *body)
{
    bool out_of_memory = false;
    char *text = moth_cursor_string(body, MOTH_ARCHIVE_NOTE_MAX, &out_of_memory);
    if (body->failed || !text) {
        free(text);
        return;
    }
    free(archive->note);
    archive->note = text;
}

static void take(void *context, enum moth_log_type type, struct moth_cursor *body, uint64_t place)
{
    struct moth_archive *archive = context;
    if (type == MOTH_LOG_RECORDING) {
        take_recording(archive, body);
        return;
    }
    if (type == MOTH_LOG_COUNTS || moth_cursor_u32(body) != archive->name)
        return;
    if (type == MOTH_LOG_CELL)
        take_cell(archive, body, place);
    else if (type == MOTH_LOG_STATS)
        take_stats(archive, body);
    else if (type == MOTH_LOG_NOTE)
        take_note(archive, body);
    else if (type == MOTH_LOG_REFERENCE) {
        uint64_t n = moth_cursor_varint(body);
        for (uint64_t i = 0; i < n && !body->failed; i++)
            moth_archive_note_reference(archive, moth_cursor_u64(body), false);
    }
}

void moth_archive_take_over(struct moth_archive *archive)
{
    moth_log_read(archive->log, take, archive);
}

void moth_archive_note(struct moth_archive *archive, const char *text)
{
    if (strlen(text) >= MOTH_ARCHIVE_NOTE_MAX)
        return;
    bool shared = archive->log && moth_log_begin(archive->log, take, archive);
    free(archive->note);
    archive->note = strdup(text);
    if (!shared)
        return;
    struct moth_buf body;
    moth_buf_init(&body);
    moth_buf_put_u32(&body, archive->name);
    moth_buf_put_string(&body, text);
    moth_log_append(archive->log, MOTH_LOG_NOTE, &body);
    moth_log_end(archive->log, NULL);
    moth_buf_fini(&body);
}

const char *moth_archive_noted(struct moth_archive *archive)
{
    if (archive->log)
        moth_log_read(archive->log, take, archive);
    return archive->note;
}

int moth_archive_share(struct moth_archive *archive, struct moth_err *err)
{
    if (!moth_log_begin(archive->log, take, archive))
        return 0;
    size_t before = archive->n_entries;
    for (uint32_t i = 0; i < archive->n_slots; i++)
        if (archive->cells[i].used && archive->cells[i].untold && archive->cells[i].route)
            tell_cell(archive, &archive->cells[i]);
    tell_stats(archive);
    tell_reference(archive);
    if (moth_log_end(archive->log, err) == 0)
        return 0;
    while (archive->n_entries > before) {
        struct moth_entry *entry = &archive->entries[--archive->n_entries];
        entry->route->offset = 0;
        moth_route_unref(entry->route);
    }
    return -1;
}

/* ---- the file as a whole ---- */

struct tally {
    struct moth_explore_summary *summary;
    struct {
        uint32_t name;
        uint64_t cells;
    } archives[NAMES_MAX];
    size_t n_archives;
    struct moth_hashes reference;
};

static void tally_stats(struct tally *tally, uint32_t name, struct moth_cursor *body)
{
    size_t at = 0;
    while (at < tally->n_archives && tally->archives[at].name != name)
        at++;
    if (at == NAMES_MAX)
        return;
    tally->n_archives += at == tally->n_archives;
    tally->archives[at].name = name;
    tally->archives[at].cells = moth_cursor_varint(body);
    tally->summary->rollouts++;
}

static void tally_record(void *context, enum moth_log_type type, struct moth_cursor *body, uint64_t place)
{
    struct tally *tally = context;
    struct moth_explore_summary *summary = tally->summary;
    summary->size_bytes = place + MOTH_LOG_RECORD_HEAD_BYTES + moth_cursor_left(body);
    if (type == MOTH_LOG_COUNTS) {
        summary->counts.restores += moth_cursor_varint(body);
        summary->counts.rebuilds += moth_cursor_varint(body);
        summary->counts.frames_rebuilt += moth_cursor_varint(body);
        return;
    }
    if (type == MOTH_LOG_RECORDING)
        return;
    uint32_t name = moth_cursor_u32(body);
    if (type == MOTH_LOG_STATS) {
        tally_stats(tally, name, body);
    } else if (type == MOTH_LOG_CELL) {
        moth_cursor_u8(body);
        moth_cursor_u64(body);
        uint64_t frame = moth_cursor_varint_to(body, UINT32_MAX);
        if (frame > summary->deepest_frame)
            summary->deepest_frame = (uint32_t)frame;
    } else if (type == MOTH_LOG_REFERENCE) {
        uint64_t n = moth_cursor_varint(body);
        for (uint64_t i = 0; i < n && !body->failed; i++)
            moth_hashes_add(&tally->reference, moth_cursor_u64(body) ^ (uint64_t)name << 32,
                            MOTH_ARCHIVE_REFERENCE_MAX);
    }
}

int moth_explore_summarise(const char *path, struct moth_explore_summary *summary, struct moth_err *err)
{
    *summary = (struct moth_explore_summary){0};
    struct moth_log *log = moth_log_open(path, err);
    if (!log)
        return -1;
    struct tally tally = {.summary = summary};
    moth_log_read(log, tally_record, &tally);
    for (size_t i = 0; i < tally.n_archives; i++)
        summary->cells += tally.archives[i].cells;
    summary->reference = tally.reference.n;
    free(tally.reference.at);
    moth_log_close(log);
    return 0;
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

int moth_explore_reference(const char *path, uint64_t **cells, size_t *n, struct moth_err *err)
{
    struct moth_explore_summary summary = {0};
    struct tally tally = {.summary = &summary};
    struct moth_log *log = moth_log_open(path, err);
    if (!log)
        return -1;
    moth_log_read(log, tally_record, &tally);
    moth_log_close(log);
    *n = 0;
    for (uint32_t i = 0; i < tally.reference.room; i++)
        if (tally.reference.at[i] != 0)
            tally.reference.at[(*n)++] = tally.reference.at[i];
    *cells = tally.reference.at;
    if (*n > 0)
        qsort(*cells, *n, sizeof **cells, by_value);
    return 0;
}

static void skip(void *context, enum moth_log_type type, struct moth_cursor *body, uint64_t place)
{
    (void)context, (void)type, (void)body, (void)place;
}

static void append_one(struct moth_log *log, enum moth_log_type type, struct moth_buf *body)
{
    if (moth_log_begin(log, skip, NULL)) {
        moth_log_append(log, type, body);
        moth_log_end(log, NULL);
    }
    moth_buf_fini(body);
}

void moth_explore_count(struct moth_log *log, const struct moth_explore_counts *counts)
{
    struct moth_buf body;
    moth_buf_init(&body);
    moth_buf_put_varint(&body, counts->restores);
    moth_buf_put_varint(&body, counts->rebuilds);
    moth_buf_put_varint(&body, counts->frames_rebuilt);
    append_one(log, MOTH_LOG_COUNTS, &body);
}

void moth_explore_recording(struct moth_log *log, const struct moth_trace *trace)
{
    struct moth_buf body;
    struct moth_record_state state = {0};
    moth_buf_init(&body);
    moth_buf_put_varint(&body, trace->frames);
    moth_buf_put_varint(&body, trace->n_events);
    for (size_t i = 0; i < trace->n_events; i++)
        moth_record_put_event(&body, &state, &trace->events[i]);
    append_one(log, MOTH_LOG_RECORDING, &body);
}
