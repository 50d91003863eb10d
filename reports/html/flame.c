/* SPDX-License-Identifier: MIT */
#include "reports/html/flame.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "reports/html/write.h"

#define WIDTH 960.0
#define ROW 19
#define DEPTH_MAX 40u
#define NODES_MAX 4000u
#define NARROWEST 1.5   /* units; what is narrower is not drawn */
#define LETTER 6.6      /* units of width, about */
#define ROWS_MAX 15u    /* of the table */
#define HUES 6u

struct node {
    const char *name; /* in the text */
    size_t size;
    double total, self;
    uint32_t parent, child, next; /* child: the first; 0: none */
    uint32_t depth;
};

struct flame {
    struct node *nodes; /* the first is the whole */
    uint32_t n, deepest;
};

/* ---- reading ---- */

static uint32_t child_of(struct flame *flame, uint32_t parent, const char *name, size_t size)
{
    uint32_t *link = &flame->nodes[parent].child;
    for (; *link; link = &flame->nodes[*link].next) {
        const struct node *node = &flame->nodes[*link];
        if (node->size == size && memcmp(node->name, name, size) == 0)
            return *link;
    }
    if (flame->n == NODES_MAX)
        return parent;
    uint32_t depth = flame->nodes[parent].depth + 1;
    flame->nodes[flame->n] = (struct node){.name = name, .size = size, .parent = parent, .depth = depth};
    flame->deepest = depth > flame->deepest ? depth : flame->deepest;
    *link = flame->n;
    return flame->n++;
}

static void read_line(struct flame *flame, const char *line, size_t size)
{
    size_t end = size;
    while (end > 0 && line[end - 1] != ' ')
        end--;
    double weight = end > 0 ? strtod(line + end, NULL) : 0;
    if (!(weight > 0 && weight < 1e15))
        return;
    end--;
    uint32_t at = 0;
    flame->nodes[0].total += weight;
    for (size_t from = 0; from < end && flame->nodes[at].depth < DEPTH_MAX;) {
        const char *semicolon = memchr(line + from, ';', end - from);
        size_t length = semicolon ? (size_t)(semicolon - line) - from : end - from;
        uint32_t next = child_of(flame, at, line + from, length);
        if (next == at)
            break;
        at = next;
        flame->nodes[at].total += weight;
        from += length + 1;
    }
    flame->nodes[at].self += weight;
}

/* ---- drawing ---- */

static void draw_node(FILE *out, const struct flame *flame, const struct node *node, double x)
{
    double width = WIDTH * node->total / flame->nodes[0].total;
    int y = (int)(node->depth - 1) * ROW;
    unsigned hue = (unsigned)(XXH3_64bits(node->name, node->size) % HUES);
    fprintf(out, "<g><title>");
    moth_html_bytes(out, node->name, node->size);
    fprintf(out, " – %.1f %%</title><rect class=\"flame hue%u\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>",
            100 * node->total / flame->nodes[0].total, hue, x, y, width - 0.5, ROW - 1);
    size_t letters = (size_t)(width / LETTER);
    if (letters > 3) {
        fprintf(out, "<text x=\"%.1f\" y=\"%d\">", x + 4, y + 13);
        size_t shown = node->size < letters - 1 ? node->size : letters - 2;
        while (shown > 0 && shown < node->size && ((unsigned char)node->name[shown] & 0xc0) == 0x80)
            shown--;
        moth_html_bytes(out, node->name, shown);
        fputs(shown < node->size ? "…</text>" : "</text>", out);
    }
    fputs("</g>", out);
}

static void draw_children(FILE *out, const struct flame *flame, uint32_t at, double x)
{
    for (uint32_t i = flame->nodes[at].child; i; i = flame->nodes[i].next) {
        double width = WIDTH * flame->nodes[i].total / flame->nodes[0].total;
        if (width >= NARROWEST) {
            draw_node(out, flame, &flame->nodes[i], x);
            draw_children(out, flame, i, x);
        }
        x += width;
    }
}

/* ---- the table ---- */

struct function {
    const struct node *node;
    double total, self;
};

static int by_name(const void *a, const void *b)
{
    const struct node *left = ((const struct function *)a)->node, *right = ((const struct function *)b)->node;
    size_t size = left->size < right->size ? left->size : right->size;
    int order = memcmp(left->name, right->name, size);
    return order ? order : (left->size > right->size) - (left->size < right->size);
}

static int by_self(const void *a, const void *b)
{
    const struct function *left = a, *right = b;
    int order = (left->self < right->self) - (left->self > right->self);
    return order ? order : by_name(a, b);
}

/* Is a caller of it the same function? Then its time is counted there. */
static bool recurses(const struct flame *flame, const struct node *node)
{
    for (uint32_t at = node->parent; at; at = flame->nodes[at].parent)
        if (flame->nodes[at].size == node->size && memcmp(flame->nodes[at].name, node->name, node->size) == 0)
            return true;
    return false;
}

static void put_table(FILE *out, const struct flame *flame)
{
    struct function *functions = calloc(flame->n, sizeof *functions);
    uint32_t n = 0;
    if (!functions)
        return;
    for (uint32_t i = 1; i < flame->n; i++)
        functions[i - 1] = (struct function){.node = &flame->nodes[i],
                                             .total = recurses(flame, &flame->nodes[i]) ? 0 : flame->nodes[i].total,
                                             .self = flame->nodes[i].self};
    qsort(functions, flame->n - 1, sizeof *functions, by_name);
    for (uint32_t i = 0; i + 1 < flame->n; i++) {
        if (n > 0 && by_name(&functions[n - 1], &functions[i]) == 0) {
            functions[n - 1].total += functions[i].total;
            functions[n - 1].self += functions[i].self;
        } else {
            functions[n++] = functions[i];
        }
    }
    qsort(functions, n, sizeof *functions, by_self);
    fputs("<details><summary>The same as a table</summary><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Functions by their time\"><table>"
          "<thead><tr><th scope=\"col\">Function</th><th scope=\"col\" class=\"n\">Itself</th>"
          "<th scope=\"col\" class=\"n\">With what it calls</th></tr></thead><tbody>\n",
          out);
    for (uint32_t i = 0; i < n && i < ROWS_MAX; i++) {
        fputs("<tr><td><code>", out);
        moth_html_bytes(out, functions[i].node->name, functions[i].node->size);
        fprintf(out, "</code></td><td class=\"n\">%.1f %%</td><td class=\"n\">%.1f %%</td></tr>\n",
                100 * functions[i].self / flame->nodes[0].total, 100 * functions[i].total / flame->nodes[0].total);
    }
    fputs("</tbody></table></div></details>\n", out);
    free(functions);
}

bool moth_html_flame(FILE *out, const char *folded, const char *id)
{
    struct flame flame = {.nodes = calloc(NODES_MAX, sizeof *flame.nodes), .n = 1};
    if (!flame.nodes)
        return false;
    for (const char *line = folded; *line;) {
        size_t size = strcspn(line, "\n");
        read_line(&flame, line, size);
        line += size + (line[size] == '\n');
    }
    bool any = flame.n > 1;
    if (any) {
        fprintf(out,
                "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Flame chart\"><svg class=\"flames\" viewBox=\"0 0 %.0f %u\" role=\"img\" "
                "aria-labelledby=\"%s-title\"><title id=\"%s-title\">Where the frame's time went, by function: as wide as "
                "the time it took, callers above what they call; as a table below</title>",
                WIDTH, flame.deepest * ROW, id, id);
        draw_children(out, &flame, 0, 0);
        fputs("</svg></div>\n", out);
        put_table(out, &flame);
    }
    free(flame.nodes);
    return any;
}
