/* SPDX-License-Identifier: MIT
 *
 * Watch expressions, as text and as a tree. Parsing knows nothing of the game but which names are modules.
 *
 *   watch   := expr [ ":" type ]
 *   expr    := unary { ("+" | "-") number }            bytes from there; needs a type
 *   unary   := "*" unary | "&" unary | "(" type ")" unary | postfix
 *   postfix := primary { "." name | "->" name | "[" expr "]" }
 *   primary := name [ "@" module ] | module "+" number | number | "[" expr "]" | "(" expr ")"
 *   name    := words with "::" between, a template's arguments in "<…>", "file.c::" before
 *
 * "[" expr "]" that begins something reads the pointer there. A module's name with other signs in it may be
 * put between double quotes. Everything is bounded; no allocation; one thread.
 */
#ifndef MOTH_SYMBOLS_EXPRESSION_H
#define MOTH_SYMBOLS_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MOTH_EXPRESSION_BYTES_MAX 512u
#define MOTH_EXPRESSION_NODES_MAX 64u
#define MOTH_EXPRESSION_DEPTH_MAX 32u

enum moth_node_kind {
    MOTH_NODE_NAME,    /* text, module (NULL: any) */
    MOTH_NODE_MODULE,  /* where `module` begins */
    MOTH_NODE_NUMBER,  /* number */
    MOTH_NODE_MEMBER,  /* a, text */
    MOTH_NODE_INDEX,   /* a, b */
    MOTH_NODE_DEREF,   /* a */
    MOTH_NODE_ADDRESS, /* a */
    MOTH_NODE_CAST,    /* a, text is the type */
    MOTH_NODE_OFFSET,  /* a, number */
    MOTH_NODE_POINTER  /* a: the pointer that lies there */
};

struct moth_expression_node {
    enum moth_node_kind kind;
    uint8_t a, b; /* operands: indices in nodes */
    const char *text, *module;
    int64_t number;
};

struct moth_expression {
    size_t n;
    struct moth_expression_node nodes[MOTH_EXPRESSION_NODES_MAX];
    uint8_t root;
    const char *type; /* what stands behind ":", or NULL */
    size_t used;
    char pool[2 * MOTH_EXPRESSION_BYTES_MAX];
};

/* Is a module of this name loaded? NULL: none is. */
struct moth_expression_names {
    bool (*is_module)(void *context, const char *name, size_t length);
    void *context;
};

/* 0, or -1 and MOTH_ERR_USAGE with what is wrong and where. */
int moth_expression_parse(struct moth_expression *expression, const char *text,
                          const struct moth_expression_names *names, struct moth_err *err);

#define MOTH_EXPRESSION_LABEL_MAX 54u

/* "NAME=EXPRESSION" into its two parts; `name` gets up to MOTH_EXPRESSION_LABEL_MAX bytes. "hp@score:int" names itself. The
 * expression, or NULL and err. */
const char *moth_expression_split(const char *pair, char *name, struct moth_err *err);

#endif
