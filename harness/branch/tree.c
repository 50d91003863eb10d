/* SPDX-License-Identifier: MIT */
#include "branch/tree_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

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
    node->lineage.debt_ns = parent ? parent->lineage.debt_ns : 0;
    node->here = *moth_instance_last(tree->instance);
    node->next = tree->all;
    if (tree->all)
        tree->all->previous = node;
    tree->all = node;
    tree->n_nodes++;
    return node;
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
        moth_parked_drop(tree, node);
        node_free(tree, node);
        node = parent;
    }
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
    tree->costs.work_ns += observation->cpu_ns;
    tree->costs.frames++;
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

struct moth_tree *moth_tree_launch(const struct moth_tree_config *config, struct moth_err *err)
{
    struct moth_tree *tree = calloc(1, sizeof *tree);
    if (!tree) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a tree of branches");
        return NULL;
    }
    tree->config = *config;
    uint64_t began_ns = moth_clock_monotonic_ns();
    tree->instance = moth_instance_launch(&config->launch, err);
    if (!tree->instance) {
        free(tree);
        return NULL;
    }
    tree->costs.launch_ns = moth_clock_monotonic_ns() - began_ns;
    tree->live_max = moth_parked_most();
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

enum moth_step moth_tree_call(struct moth_tree *tree, const char *text, char *result, size_t size, struct moth_err *err)
{
    struct moth_input_event events[MOTH_CALL_EVENTS_MAX];
    if (tree->adrift) {
        moth_err_set(err, MOTH_ERR_INTERNAL, "the game was not brought back to where it is said to stand");
        return MOTH_STEP_FAULT;
    }
    enum moth_step step = moth_instance_call(tree->instance, text, result, size, err);
    size_t n = step == MOTH_STEP_FAULT ? 0 : moth_call_split(text, tree->player.frame, events);
    for (size_t i = 0; i < n; i++)
        moth_way_add_event(&tree->since, &events[i]);
    return step;
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
    moth_parked_put(tree, node, &why); /* without a live snapshot it is rebuilt when it is wanted */
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
    tree->generation = 0;
    /* The next way back to the beginning is shorter. */
    struct moth_err why;
    moth_parked_put(tree, tree->root, &why);
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
    if (step == MOTH_STEP_OK) /* made where the node is, before it was kept */
        step = moth_instance_make_calls(tree->instance, events, node->way.n_events, frames, err);
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

/* The nearest that is still there; else the launch. */
static struct moth_node *nearest(struct moth_node *node)
{
    while (node->parent && !node->snapshot)
        node = node->parent;
    return node;
}

/* Stand at `from`, or before it where its process was killed: then the next ancestor is where to begin. */
static int begin_at(struct moth_tree *tree, struct moth_node **from, struct moth_err *err)
{
    while ((*from)->snapshot) {
        if (moth_instance_restore(tree->instance, (*from)->snapshot, err) == 0) {
            tree->generation = (*from)->lineage.generation + 1;
            return 0;
        }
        moth_parked_drop(tree, *from);
        *from = nearest(*from);
    }
    return relaunch(tree, err);
}

/* By the inputs since `from`, itself or an ancestor. */
static int rebuild(struct moth_tree *tree, struct moth_node *node, struct moth_node *from, struct moth_err *err)
{
    if (begin_at(tree, &from, err) != 0)
        return -1;
    from->used = ++tree->clock;
    start_player(tree);
    size_t depth = 0, n = 0;
    for (const struct moth_node *at = node; at != from; at = at->parent)
        depth++;
    const struct moth_node **way = calloc(depth + 1, sizeof *way);
    if (!way)
        abort();
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

/* By a fork where it has a snapshot, unless it is time for a fresh root. */
static int go_to(struct moth_tree *tree, struct moth_node *node, struct moth_err *err)
{
    struct moth_node *root = node->snapshot ? moth_lineage_root(tree, node) : NULL;
    uint64_t began_ns = moth_clock_monotonic_ns();
    tree->counts.rebuilds += !root && !node->snapshot && node->parent;
    if (rebuild(tree, node, root ? root : nearest(node), err) != 0)
        return -1;
    uint64_t took_ns = moth_clock_monotonic_ns() - began_ns;
    if (root) {
        moth_parked_drop(tree, node); /* for one of the process that stands now */
        moth_lineage_paid(tree, node, took_ns);
    } else if (node->snapshot) {
        moth_lineage_charge(tree, node, took_ns);
    }
    return 0;
}

int moth_tree_restore(struct moth_tree *tree, struct moth_node *node, struct moth_err *err)
{
    tree->counts.restores++;
    tree->rebuilding = true;
    int result = go_to(tree, node, err);
    tree->rebuilding = false;
    stand_at(tree, node);
    tree->adrift = result != 0;
    if (result != 0)
        return -1;
    if (!alike(&node->here, moth_instance_last(tree->instance)))
        return moth_err_set(err, MOTH_ERR_NONDETERMINISTIC,
                            "returning to frame %u by the same inputs led somewhere else", node->here.frame);
    struct moth_err why;
    moth_parked_put(tree, node, &why);
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
        moth_parked_read(node);
}

void moth_tree_counts(struct moth_tree *tree, struct moth_tree_counts *counts)
{
    moth_parked_bytes(tree);
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
        moth_parked_drop(tree, tree->live);
    moth_instance_close(tree->instance);
    moth_way_clear(&tree->since);
    while (tree->all)
        node_free(tree, tree->all);
    free(tree);
}
