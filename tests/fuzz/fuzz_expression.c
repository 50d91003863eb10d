/* SPDX-License-Identifier: MIT
 *
 * Watch expressions, their types, pairs and the steps of a scan: whatever a person or a script writes is taken or
 * refused with a reason, within its bounds. What is taken is a tree.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "scan/scan.h"
#include "symbols/expression.h"
#include "symbols/symbols.h"

static bool some_are_modules(void *context, const char *name, size_t length)
{
    (void)context;
    return length > 0 && (name[0] == 'm' || name[length - 1] == '6');
}

static bool inside(const struct moth_expression *e, const char *text)
{
    return !text || (text >= e->pool && text < e->pool + e->used && memchr(text, 0, (size_t)(e->pool + e->used - text)));
}

/* Operands come before what they are operands of, so there is no circle. */
static void check_tree(const struct moth_expression *e)
{
    if (e->n == 0 || e->n > MOTH_EXPRESSION_NODES_MAX || e->root >= e->n || e->used > sizeof e->pool || !inside(e, e->type))
        abort();
    for (size_t i = 0; i < e->n; i++) {
        const struct moth_expression_node *node = &e->nodes[i];
        bool leaf = node->kind <= MOTH_NODE_NUMBER;
        bool named = node->kind == MOTH_NODE_NAME || node->kind == MOTH_NODE_MEMBER || node->kind == MOTH_NODE_CAST;
        if ((!leaf && node->a >= i) || (node->kind == MOTH_NODE_INDEX && node->b >= i))
            abort();
        if ((named && !node->text) || (node->kind == MOTH_NODE_MODULE && !node->module))
            abort();
        if (!inside(e, node->text) || !inside(e, node->module))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    static struct moth_expression expression;
    struct moth_expression_names names = {.is_module = some_are_modules};
    struct moth_err err = {0};
    char name[MOTH_EXPRESSION_LABEL_MAX + 1];
    struct moth_scan_step step;
    char *text = malloc(size_bytes + 1);
    if (!text)
        return 0;
    memcpy(text, bytes, size_bytes);
    text[size_bytes] = '\0';
    if (moth_expression_parse(&expression, text, &names, &err) == 0)
        check_tree(&expression);
    else if (!err.message[0])
        abort();
    if (moth_expression_parse(&expression, text, NULL, &err) == 0)
        check_tree(&expression);
    (void)moth_expression_split(text, name, &err);
    (void)moth_scan_parse(text, &step, &err);
    if (!moth_symbols_type(NULL, text, &err) && !err.message[0])
        abort();
    free(text);
    return 0;
}
