/* SPDX-License-Identifier: MIT */
#include "branch/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "branch/way.h"
#include "runner/snapshot.h"

#define PSS_READS 3u        /* live snapshots whose memory is read again for each new one */
#define LIVE_MAX 1000u      /* processes … */
#define LIVE_DESCRIPTORS 4u /* … and what each holds open here */
#define OTHER_DESCRIPTORS 64u

/* A node lives while somebody can come back to it: the caller, a child, or the game that stands below it. */
struct moth_node {
    struct moth_node *parent;
    unsigned references; /* the caller's 1, each child's 1, the current game's 1 */
    struct moth_way way; /* from the parent to here */
    struct moth_observation here;
    struct moth_snapshot *snapshot;              /* live, or NULL */
    uint64_t pss_bytes, used;                    /* when it was last restored or taken */
    struct moth_node *live_next, *live_previous; /* in the tree's list while live */
    struct moth_node *next, *previous;           /* in the tree's list of all */
};

struct moth_tree {
    struct moth_tree_config config;
    struct moth_instance *instance;
    struct moth_player player;
    struct moth_node *root; /* the first boundary */
    struct moth_node *at;   /* the node the game has last passed */
    struct moth_way since;  /* what was played since */
    bool rebuilding;
    bool adrift;                  /* the last restore failed: the game stands on no recorded way */
    struct moth_node *all, *live; /* newest first */
    struct moth_node *next_read;  /* of the live ones; NULL: from the newest on */
    uint32_t n_live, n_nodes, live_max;
    uint64_t mean_bytes; /* of a live snapshot that is not packed, when last read */
    uint64_t clock;      /* counts uses */
    struct moth_tree_counts counts;
};

/* ---- nodes ---- */

static struct moth_node *node_new(struct moth_tree *tree, struct moth_node *parent)
{
    struct moth_node *node = calloc(1, sizeof *node);
    if (!node)
        abort();
    node->parent = parent;
    if (parent)
        parent->references++;
    node->references = 1;
    node->here = *moth_instance_last(tree->instance);
    node->next = tree->all;
    if (tree->all)
        tree->all->previous = node;
    tree->all = node;
    tree->n_nodes++;
    return node;
}

static void snapshot_drop(struct moth_tree *tree, struct moth_node *node)
{
    if (!node->snapshot)
        return;
    moth_snapshot_release(node->snapshot);
    node->snapshot = NULL;
    if (tree->next_read == node)
        tree->next_read = node->live_next;
    if (node->live_previous)
        node->live_previous->live_next = node->live_next;
    else
        tree->live = node->live_next;
    if (node->live_next)
        node->live_next->live_previous = node->live_previous;
    node->live_next = node->live_previous = NULL;
    tree->n_live--;
}

static void node_free(struct moth_tree *tree, struct moth_node *node)
{
    *(node->previous ? &node->previous->next : &tree->all) = node->next;
    if (node->next)
        node->next->previous = node->previous;
    moth_way_clear(&node->way);
    free(node);
    tree->n_nodes--;
}

static void unref(struct moth_tree *tree, struct moth_node *node)
{
    while (node && --node->references == 0) {
        struct moth_node *parent = node->parent;
        snapshot_drop(tree, node);
        node_free(tree, node);
        node = parent;
    }
}

/* ---- the budget ---- */

static void read_bytes(struct moth_node *node)
{
    node->pss_bytes = moth_snapshot_pss_bytes(node->snapshot);
}

/* Reading the figure walks all pages of a process, and what one holds changes as others come and go: each new
 * one has a few of the others looked at again, in turn. Until it is its turn it counts as the mean. */
static void read_some(struct moth_tree *tree)
{
    for (unsigned i = 0; i < PSS_READS && i < tree->n_live; i++) {
        if (!tree->next_read)
            tree->next_read = tree->live;
        read_bytes(tree->next_read);
        tree->next_read = tree->next_read->live_next;
    }
}

static uint64_t live_bytes(struct moth_tree *tree)
{
    uint64_t sum = 0, unpacked = 0;
    uint32_t n_unpacked = 0;
    for (const struct moth_node *node = tree->live; node; node = node->live_next) {
        sum += node->pss_bytes;
        if (!moth_snapshot_packed(node->snapshot)) {
            unpacked += node->pss_bytes;
            n_unpacked++;
        }
    }
    tree->mean_bytes = n_unpacked ? unpacked / n_unpacked : tree->mean_bytes;
    tree->counts.pss_bytes = sum;
    return sum;
}

static struct moth_node *least_used(struct moth_tree *tree, const struct moth_node *keep, bool unpacked)
{
    struct moth_node *least = NULL;
    for (struct moth_node *node = tree->live; node; node = node->live_next)
        if (node != keep && !(unpacked && moth_snapshot_packed(node->snapshot)) &&
            (!least || node->used < least->used))
            least = node;
    return least;
}

static void drop_one(struct moth_tree *tree, struct moth_node *node)
{
    snapshot_drop(tree, node);
    tree->counts.evictions++;
}

/* Bytes that became free. */
static uint64_t pack_one(struct moth_tree *tree, struct moth_node *node)
{
    struct moth_err why;
    uint64_t before = node->pss_bytes;
    if (moth_snapshot_pack(node->snapshot, &why) != 0) {
        drop_one(tree, node);
        return before;
    }
    tree->counts.packed++;
    before = moth_snapshot_pss_bytes(node->snapshot);
    uint64_t freed = node->pss_bytes > before ? node->pss_bytes - before : 0;
    node->pss_bytes = before;
    return freed;
}

/* Those used least are packed first, and given up when that is not enough. */
static void evict(struct moth_tree *tree, const struct moth_node *keep)
{
    read_some(tree);
    uint64_t bytes = live_bytes(tree);
    struct moth_node *node;
    while (bytes > tree->config.memory_bytes && (node = least_used(tree, keep, true))) {
        uint64_t freed = pack_one(tree, node);
        bytes -= freed < bytes ? freed : bytes;
    }
    while (bytes > tree->config.memory_bytes && (node = least_used(tree, keep, false))) {
        bytes -= node->pss_bytes < bytes ? node->pss_bytes : bytes;
        drop_one(tree, node);
    }
    while (tree->n_live > tree->live_max && (node = least_used(tree, keep, false)))
        drop_one(tree, node);
}

/* Put a live snapshot behind a node where the game stands, if the budget has room for one. */
static int park(struct moth_tree *tree, struct moth_node *node, struct moth_err *err)
{
    if (tree->config.memory_bytes == 0 || node->snapshot)
        return 0;
    node->snapshot = moth_instance_snapshot(tree->instance, err);
    if (!node->snapshot)
        return -1;
    if (tree->counts.shared[0] == '\0')
        snprintf(tree->counts.shared, sizeof tree->counts.shared, "%s", moth_instance_shared(tree->instance));
    node->used = ++tree->clock;
    node->pss_bytes = tree->mean_bytes;
    node->live_previous = NULL;
    node->live_next = tree->live;
    if (tree->live)
        tree->live->live_previous = node;
    tree->live = node;
    tree->n_live++;
    evict(tree, node);
    return 0;
}

/* ---- playing ---- */

static void on_checkpoint(void *context, const struct moth_trace_checkpoint *checkpoint)
{
    struct moth_tree *tree = context;
    if (!tree->rebuilding)
        moth_way_add_checkpoint(&tree->since, checkpoint);
}

static void on_observed(void *context, const struct moth_observation *observation)
{
    struct moth_tree *tree = context;
    if (!tree->rebuilding && tree->config.observed)
        tree->config.observed(tree->config.context, observation);
}

static void start_player(struct moth_tree *tree)
{
    moth_player_init(&tree->player, tree->instance);
    tree->player.checkpoint = on_checkpoint;
    tree->player.observed = on_observed;
    tree->player.context = tree;
}

/* As many as the limit of open files has room for, once it is as high as it may be. */
static uint32_t most_live(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t room =
        limit.rlim_cur > OTHER_DESCRIPTORS ? (limit.rlim_cur - OTHER_DESCRIPTORS) / LIVE_DESCRIPTORS : 1;
    return room < LIVE_MAX ? (uint32_t)room : LIVE_MAX;
}

struct moth_tree *moth_tree_launch(const struct moth_tree_config *config, struct moth_err *err)
{
    struct moth_tree *tree = calloc(1, sizeof *tree);
    if (!tree) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a tree of branches");
        return NULL;
    }
    tree->config = *config;
    tree->instance = moth_instance_launch(&config->launch, err);
    if (!tree->instance) {
        free(tree);
        return NULL;
    }
    tree->live_max = most_live();
    start_player(tree);
    tree->root = node_new(tree, NULL);
    tree->at = tree->root;
    tree->at->references++;
    return tree;
}

struct moth_instance *moth_tree_instance(struct moth_tree *tree)
{
    return tree->instance;
}

uint32_t moth_tree_frame(const struct moth_tree *tree)
{
    return tree->player.frame;
}

enum moth_step moth_tree_step(struct moth_tree *tree, uint32_t frames, const struct moth_input_event *events,
                              size_t n_events, struct moth_err *err)
{
    if (tree->adrift) {
        moth_err_set(err, MOTH_ERR_INTERNAL, "the game was not brought back to where it is said to stand");
        return MOTH_STEP_FAULT;
    }
    for (size_t i = 0; i < n_events; i++) {
        struct moth_input_event event = events[i];
        event.frame += tree->player.frame;
        moth_way_add_event(&tree->since, &event);
    }
    return moth_player_step(&tree->player, frames, events, n_events, err);
}

void moth_tree_mark(struct moth_tree *tree, const char *text)
{
    moth_way_add_mark(&tree->since, tree->player.frame, text);
}

/* ---- nodes and returning to them ---- */

static void stand_at(struct moth_tree *tree, struct moth_node *node)
{
    node->references++;
    unref(tree, tree->at);
    tree->at = node;
    moth_way_clear(&tree->since);
}

struct moth_node *moth_tree_snapshot(struct moth_tree *tree, struct moth_err *err)
{
    if (tree->adrift || moth_instance_death(tree->instance)->how != MOTH_STEP_OK) {
        moth_err_set(err, MOTH_ERR_USAGE, "the game is over; restore a snapshot that was taken before");
        return NULL;
    }
    struct moth_node *node = node_new(tree, tree->at);
    struct moth_err why;
    park(tree, node, &why); /* without a live snapshot it is rebuilt when it is wanted */
    node->way = tree->since;
    tree->since = (struct moth_way){0};
    stand_at(tree, node);
    return node;
}

void moth_tree_release(struct moth_tree *tree, struct moth_node *node)
{
    unref(tree, node);
}

static int relaunch(struct moth_tree *tree, struct moth_err *err)
{
    struct moth_instance *again = moth_instance_launch(&tree->config.launch, err);
    if (!again)
        return -1;
    moth_instance_close(tree->instance);
    tree->instance = again;
    /* The next way back to the beginning is shorter. */
    struct moth_err why;
    park(tree, tree->root, &why);
    return 0;
}

static int replay(struct moth_tree *tree, const struct moth_node *node, struct moth_err *err)
{
    uint32_t from = tree->player.frame, frames = node->here.frame - from;
    if (node->here.frame < from)
        return moth_err_set(err, MOTH_ERR_NONDETERMINISTIC, "the way to frame %u began at frame %u",
                            node->here.frame, from);
    struct moth_input_event *events = calloc(node->way.n_events + 1, sizeof *events);
    if (!events)
        abort();
    for (size_t i = 0; i < node->way.n_events; i++) {
        events[i] = node->way.events[i];
        events[i].frame -= from;
    }
    enum moth_step step = moth_player_step(&tree->player, frames, events, node->way.n_events, err);
    free(events);
    tree->counts.frames_rebuilt += tree->player.frame - from;
    if (step == MOTH_STEP_FAULT)
        return -1;
    if (step != MOTH_STEP_OK)
        return moth_err_set(err, MOTH_ERR_NONDETERMINISTIC,
                            "the game ended (%s) at frame %u of a way it had survived", moth_step_name(step),
                            tree->player.frame);
    return 0;
}

static bool alike(const struct moth_observation *a, const struct moth_observation *b)
{
    return a->frame == b->frame && a->time_ns == b->time_ns && a->audio_chain == b->audio_chain &&
           a->random_chain == b->random_chain && a->call_chain == b->call_chain;
}

/* From the nearest ancestor that is still there. */
static int rebuild(struct moth_tree *tree, struct moth_node *node, struct moth_err *err)
{
    size_t depth = 0;
    struct moth_node *from = node;
    while (from->parent && !from->snapshot) {
        from = from->parent;
        depth++;
    }
    if (from->snapshot && moth_instance_restore(tree->instance, from->snapshot, err) != 0) {
        snapshot_drop(tree, from); /* its process was killed: the next ancestor */
        return rebuild(tree, node, err);
    }
    if (!from->snapshot && relaunch(tree, err) != 0)
        return -1;
    from->used = ++tree->clock;
    start_player(tree);
    tree->counts.rebuilds += depth > 0;
    const struct moth_node **way = calloc(depth + 1, sizeof *way);
    if (!way)
        abort();
    size_t n = 0;
    for (const struct moth_node *at = node; at != from; at = at->parent)
        way[n++] = at;
    int result = 0;
    while (result == 0 && n > 0) {
        if (tree->config.interrupted && tree->config.interrupted(tree->config.context))
            result = moth_err_set(err, MOTH_ERR_INTERRUPTED, "interrupted");
        else
            result = replay(tree, way[--n], err);
    }
    free(way);
    return result;
}

int moth_tree_restore(struct moth_tree *tree, struct moth_node *node, struct moth_err *err)
{
    tree->counts.restores++;
    tree->rebuilding = true;
    int result = rebuild(tree, node, err);
    tree->rebuilding = false;
    stand_at(tree, node);
    tree->adrift = result != 0;
    if (result != 0)
        return -1;
    if (!alike(&node->here, moth_instance_last(tree->instance)))
        return moth_err_set(err, MOTH_ERR_NONDETERMINISTIC,
                            "returning to frame %u by the same inputs led somewhere else", node->here.frame);
    struct moth_err why;
    park(tree, node, &why);
    return 0;
}

uint32_t moth_node_frame(const struct moth_node *node)
{
    return node->here.frame;
}

bool moth_node_live(const struct moth_node *node)
{
    return node->snapshot != NULL;
}

void moth_tree_read_memory(struct moth_tree *tree)
{
    for (struct moth_node *node = tree->live; node; node = node->live_next)
        read_bytes(node);
}

void moth_tree_counts(struct moth_tree *tree, struct moth_tree_counts *counts)
{
    live_bytes(tree);
    *counts = tree->counts;
    counts->live = tree->n_live;
    counts->nodes = tree->n_nodes;
}

/* ---- traces ---- */

static char *copied(const char *text)
{
    return text ? strdup(text) : NULL;
}

static char **copied_list(char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    char **copy = calloc(n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = copied(list[i]);
    return copy;
}

static void copy_members(struct moth_trace_header *to, const struct moth_trace_header *from)
{
    to->members = calloc(from->n_members + 1, sizeof *to->members);
    if (!to->members)
        abort();
    for (size_t i = 0; i < from->n_members; i++) {
        to->members[i].name = copied(from->members[i].name);
        to->members[i].argv = copied_list(from->members[i].argv);
    }
}

static void append_way_to(struct moth_trace *trace, const struct moth_node *node)
{
    size_t depth = 0, n = 0;
    for (const struct moth_node *at = node; at; at = at->parent)
        depth++;
    const struct moth_node **way = calloc(depth, sizeof *way);
    if (!way)
        abort();
    for (const struct moth_node *at = node; at; at = at->parent)
        way[n++] = at;
    while (n > 0)
        moth_way_append(trace, &way[--n]->way);
    free(way);
}

struct moth_trace *moth_node_trace(const struct moth_node *node, const struct moth_trace_header *header)
{
    struct moth_trace *trace = calloc(1, sizeof *trace);
    if (!trace)
        return NULL;
    trace->header = *header;
    trace->header.argv = copied_list(header->argv);
    trace->header.env = copied_list(header->env);
    trace->header.build_id = copied(header->build_id);
    trace->header.agent = copied(header->agent);
    trace->header.moth_version = copied(header->moth_version);
    trace->header.directory = copied(header->directory);
    copy_members(&trace->header, header);
    append_way_to(trace, node);
    trace->frames = node->here.frame;
    return trace;
}

struct moth_trace *moth_tree_trace(const struct moth_tree *tree, const struct moth_trace_header *header)
{
    struct moth_trace *trace = moth_node_trace(tree->at, header);
    if (!trace)
        return NULL;
    moth_way_append(trace, &tree->since);
    trace->frames = tree->player.frame;
    return trace;
}

void moth_tree_close(struct moth_tree *tree)
{
    if (!tree)
        return;
    while (tree->live)
        snapshot_drop(tree, tree->live);
    moth_instance_close(tree->instance);
    moth_way_clear(&tree->since);
    while (tree->all)
        node_free(tree, tree->all);
    free(tree);
}
