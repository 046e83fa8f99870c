/* The tree kernel: from a record to the answer of a tree ensemble in about a microsecond.
 *
 * A Forest copies what it is given and checks every index once, when it is made: afterwards no walk can leave
 * its arrays or go round in circles, because children stand behind their parents. `twin.py` gives the same
 * answers, bit for bit; `trees.py` describes the arrays.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LEAF, BELOW, BELOW_OR_MISSING, BELOW_NOT_ZERO, BELOW_OR_ZERO, EQUAL, MEMBER, KINDS };
enum { IDENTITY, SIGMOID, SOFTMAX, PAIRWISE_SOFTMAX, MEAN, SINGLE_SIGMOID, SINGLE_SOFTMAX, LINKS };
enum { FILL, SUBTRACT, DIVIDE, MULTIPLY, ADD, CLIP, OPERATIONS };

#define UNUSUAL (1u << BELOW_NOT_ZERO | 1u << BELOW_OR_ZERO | 1u << MEMBER)
#define ABREAST 8 /* trees that are walked side by side */
#define MOST_SLOTS 65535
#define MOST_OUTPUTS 10000
#define ON_STACK 128
#define ZERO 1.0000000180025095e-35 /* what LightGBM takes for zero: (float) 1e-35 */
#define GREATEST_LEAF 1e290
#define GREATEST_SINGLE_LEAF 1e30

typedef struct {
    double value;   /* threshold; code; first bit of the set; the leaf's value when leaves are narrow */
    uint32_t right; /* index of the right child, the left one is the next node; row of a wide leaf */
    uint16_t slot;
    uint16_t kind;
} Node;
typedef char node_has_16_bytes[sizeof(Node) == 16 ? 1 : -1];

typedef struct {
    double operation, a, b;
} Step;

typedef struct {
    PyObject *name;
    PyObject *codes; /* NULL: numeric */
    uint32_t size;   /* number of codes; 0: numeric */
    uint32_t missing;
    int required;
    Py_ssize_t step_count;
    Step *steps;
} Slot;

typedef struct Exits Exits;

typedef struct {
    PyObject_HEAD
    Py_ssize_t slot_count, tree_count, node_count, row_count, word_count, output_count, width;
    Slot *slots;
    uint32_t *roots, *outputs;
    Node *nodes;
    double *leaves;
    uint64_t *bits;
    double *start;
    int link, single, accepts_missing;
    double scale, limit;
    Exits *exits; /* NULL: it is walked */
} Forest;

/* ---- answers ---------------------------------------------------------------------------------------- */

static const double POWERS[32] = {
    0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
    0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
    0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
    0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
    0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
    0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
    0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0,
    0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0,
};

/* e^value in float32: see links.py */
static double exp_single(double value)
{
    if (value < -104.0)
        return 0.0;
    if (value > 88.72283172607422)
        return INFINITY;
    double scaled = 0x1.71547652b82fep+0 * 32.0 * value;
    double nearest = rint(scaled);
    double rest = scaled - nearest;
    int step = (int)nearest;
    int position = ((step % 32) + 32) % 32;
    double power = ldexp(POWERS[position], (step - position) / 32);
    double c0 = 0x1.c6af84b912394p-5 / 32768.0, c1 = 0x1.ebfce50fac4f3p-3 / 1024.0, c2 = 0x1.62e42ff0c52d6p-1 / 32.0;
    return (float)(((c0 * rest + c1) * (rest * rest) + (c2 * rest + 1.0)) * power);
}

static double pairwise_sum(const double *values, Py_ssize_t count)
{
    if (count < 8) {
        double total = 0.0;
        for (Py_ssize_t i = 0; i < count; i++)
            total += values[i];
        return total;
    }
    if (count > 128) {
        Py_ssize_t half = count / 2;
        half -= half % 8;
        return pairwise_sum(values, half) + pairwise_sum(values + half, count - half);
    }
    double sums[8];
    memcpy(sums, values, sizeof sums);
    Py_ssize_t i = 8;
    for (; i < count - count % 8; i += 8)
        for (int lane = 0; lane < 8; lane++)
            sums[lane] += values[i + lane];
    double total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    for (; i < count; i++)
        total += values[i];
    return total;
}

static void softmax(const Forest *forest, double *scores)
{
    Py_ssize_t count = forest->output_count;
    int single = forest->link == SINGLE_SOFTMAX;
    double greatest = scores[0], total = 0.0;
    for (Py_ssize_t i = 1; i < count; i++)
        if (scores[i] > greatest)
            greatest = scores[i];
    for (Py_ssize_t i = 0; i < count; i++) {
        double distance = scores[i] - greatest;
        scores[i] = single ? exp_single((float)distance) : exp(distance);
        total += scores[i];
    }
    if (forest->link == PAIRWISE_SOFTMAX)
        total = pairwise_sum(scores, count);
    if (single)
        total = (float)total;
    for (Py_ssize_t i = 0; i < count; i++)
        scores[i] = single ? (float)(scores[i] / total) : scores[i] / total;
}

static PyObject *pair(double first, double second)
{
    PyObject *low = PyFloat_FromDouble(first), *high = PyFloat_FromDouble(second), *both = NULL;
    if (low && high)
        both = PyTuple_Pack(2, low, high);
    Py_XDECREF(low);
    Py_XDECREF(high);
    return both;
}

static PyObject *answer(const Forest *forest, double *scores)
{
    if (forest->link == SIGMOID) {
        double positive = 1.0 / (1.0 + exp(-(forest->scale * scores[0])));
        return pair(1.0 - positive, positive);
    }
    if (forest->link == SINGLE_SIGMOID) {
        double exponent = -scores[0] < 88.69999694824219 ? -scores[0] : 88.69999694824219;
        double positive = (float)(1.0 / (float)(exp_single(exponent) + 1.0));
        return pair((float)(1.0 - positive), positive);
    }
    if (forest->link == MEAN)
        for (Py_ssize_t i = 0; i < forest->output_count; i++)
            scores[i] /= forest->scale;
    else if (forest->link != IDENTITY)
        softmax(forest, scores);
    PyObject *all = PyTuple_New(forest->output_count);
    for (Py_ssize_t i = 0; all && i < forest->output_count; i++) {
        PyObject *one = PyFloat_FromDouble(scores[i]);
        if (!one || PyTuple_SetItem(all, i, one) < 0)
            Py_CLEAR(all);
    }
    return all;
}

/* ---- walking ---------------------------------------------------------------------------------------- */

/* Whether a node of an unusual kind sends x to the left. */
static int goes_left(const Forest *forest, const Node *node, double x)
{
    switch (node->kind) {
    case BELOW_NOT_ZERO:
        return x <= node->value && !(x >= -ZERO && x <= ZERO);
    case BELOW_OR_ZERO:
        return !(x > node->value && !(x >= -ZERO && x <= ZERO));
    default: /* MEMBER */
        if (x >= 0.0 && x < (double)forest->slots[node->slot].size) {
            uint64_t bit = (uint64_t)node->value + (uint64_t)x;
            return (int)(forest->bits[bit >> 6] >> (bit & 63)) & 1;
        }
        return 0;
    }
}

#include "_exits.h"

/* Where a node sends x, without a branch for the usual kinds: which way a record goes cannot be predicted.
 * A leaf sends everything to itself. */
static inline uint32_t next_of(const Forest *forest, uint32_t index, const double *vector)
{
    const Node *node = forest->nodes + index;
    double x = vector[node->slot];
    uint32_t kind = node->kind, left;
    left = ((uint32_t)(x <= node->value) & (uint32_t)(kind == BELOW)) |
           ((uint32_t) !(x > node->value) & (uint32_t)(kind == BELOW_OR_MISSING)) |
           ((uint32_t)(x != node->value) & (uint32_t)(kind == EQUAL));
    if (UNUSUAL >> kind & 1)
        left = (uint32_t)goes_left(forest, node, x);
    return node->right ^ ((node->right ^ (index + 1)) & (0u - left));
}

/* The leaves of trees that stand beside each other. They are walked side by side, so that the loads of one are
 * on their way while another is compared. */
static void find_leaves(const Forest *forest, const uint32_t *roots, const double *vector, uint32_t *at)
{
    uint32_t inner;
    memcpy(at, roots, ABREAST * sizeof *at);
    do {
        inner = 0;
        for (int lane = 0; lane < ABREAST; lane++) {
            inner |= forest->nodes[at[lane]].kind;
            at[lane] = next_of(forest, at[lane], vector);
        }
    } while (inner != LEAF);
}

static inline void add_leaf(const Forest *forest, Py_ssize_t tree, double value, double *scores)
{
    if (forest->width > 1) {
        const double *row = forest->leaves + (size_t)value * (size_t)forest->width;
        for (Py_ssize_t i = 0; i < forest->width; i++)
            scores[i] += row[i];
    } else {
        double *score = scores + forest->outputs[tree];
        *score += value;
        if (forest->single)
            *score = (float)*score;
    }
}

static void add_trees(const Forest *forest, const double *vector, double *scores)
{
    Py_ssize_t tree = 0;
    uint64_t left[MOST_STRIDE / 8];
    memcpy(scores, forest->start, (size_t)forest->output_count * sizeof(double));
    if (forest->exits && reachable(forest->exits, vector, left)) {
        if (forest->output_count == 1 && !forest->single) {
            scores[0] = add_exits(forest->exits, left, forest->tree_count, scores[0]);
            return;
        }
        for (; tree < forest->tree_count; tree++)
            add_leaf(forest, tree, exit_value(forest->exits, left, tree, forest->exits->word), scores);
        return;
    }
    for (; tree + ABREAST <= forest->tree_count; tree += ABREAST) {
        uint32_t at[ABREAST];
        find_leaves(forest, forest->roots + tree, vector, at);
        for (int lane = 0; lane < ABREAST; lane++)
            add_leaf(forest, tree + lane, forest->nodes[at[lane]].value, scores);
    }
    for (; tree < forest->tree_count; tree++) {
        uint32_t at = forest->roots[tree];
        while (forest->nodes[at].kind != LEAF)
            at = next_of(forest, at, vector);
        add_leaf(forest, tree, forest->nodes[at].value, scores);
    }
}

static PyObject *score_vector(const Forest *forest, const double *vector)
{
    double on_stack[ON_STACK], *scores = on_stack;
    if (forest->output_count > ON_STACK) {
        scores = PyMem_Malloc((size_t)forest->output_count * sizeof(double));
        if (!scores)
            return PyErr_NoMemory();
    }
    add_trees(forest, vector, scores);
    PyObject *result = answer(forest, scores);
    if (scores != on_stack)
        PyMem_Free(scores);
    return result;
}

/* ---- encoding: 1 it is done, 0 this record is for encoder.py ------------------------------------------ */

static int encode_number(const Forest *forest, const Slot *slot, PyObject *value, double *target)
{
    double x;
    if (!value) {
        if (slot->required)
            return 0;
        x = NAN;
    } else if (PyFloat_CheckExact(value)) {
        x = PyFloat_AsDouble(value);
        if (!isfinite(x))
            return 0;
    } else if (PyLong_CheckExact(value)) {
        x = PyLong_AsDouble(value);
        if (x == -1.0 && PyErr_Occurred()) {
            PyErr_Clear();
            return 0;
        }
    } else {
        return 0;
    }
    for (Py_ssize_t i = 0; i < slot->step_count; i++) {
        const Step *step = slot->steps + i;
        switch ((int)step->operation) {
        case FILL:
            x = isnan(x) ? step->a : x;
            break;
        case SUBTRACT:
            x -= step->a;
            break;
        case DIVIDE:
            x /= step->a;
            break;
        case MULTIPLY:
            x *= step->a;
            break;
        case ADD:
            x += step->a;
            break;
        default: /* CLIP */
            x = x < step->a ? step->a : x > step->b ? step->b : x;
        }
    }
    if (isnan(x) ? !forest->accepts_missing : fabs(x) > forest->limit)
        return 0;
    *target = x;
    return 1;
}

static int encode_category(const Slot *slot, PyObject *value, double *target)
{
    if (!value) {
        if (slot->required)
            return 0;
        *target = slot->missing;
        return 1;
    }
    if (!PyUnicode_CheckExact(value))
        return 0;
    PyObject *code = PyDict_GetItemWithError(slot->codes, value);
    if (!code) {
        PyErr_Clear();
        return 0;
    }
    *target = PyFloat_AsDouble(code);
    return 1;
}

static int encode(const Forest *forest, PyObject *record, double *vector)
{
    for (Py_ssize_t i = 0; i < forest->slot_count; i++) {
        const Slot *slot = forest->slots + i;
        PyObject *value = PyDict_GetItemWithError(record, slot->name);
        if (!value && PyErr_Occurred()) {
            PyErr_Clear();
            return 0;
        }
        if (value == Py_None)
            value = NULL;
        if (!(slot->codes ? encode_category(slot, value, vector + i) : encode_number(forest, slot, value, vector + i)))
            return 0;
    }
    return 1;
}

static double *vector_of(const Forest *forest, double *on_stack)
{
    if (forest->slot_count <= ON_STACK)
        return on_stack;
    double *vector = PyMem_Malloc((size_t)forest->slot_count * sizeof(double));
    if (!vector)
        PyErr_NoMemory();
    return vector;
}

static PyObject *Forest_score(Forest *self, PyObject *record)
{
    double on_stack[ON_STACK], *vector;
    PyObject *result;
    if (!PyDict_CheckExact(record))
        Py_RETURN_NONE;
    vector = vector_of(self, on_stack);
    if (!vector)
        return NULL;
    if (encode(self, record, vector)) {
        result = score_vector(self, vector);
    } else {
        result = Py_None;
        Py_INCREF(result);
    }
    if (vector != on_stack)
        PyMem_Free(vector);
    return result;
}

static PyObject *Forest_outputs(Forest *self, PyObject *given)
{
    double on_stack[ON_STACK], *vector;
    PyObject *result = NULL;
    if (!PyTuple_CheckExact(given) || PyTuple_Size(given) != self->slot_count) {
        PyErr_SetString(PyExc_ValueError, "expected a tuple with one number per slot");
        return NULL;
    }
    vector = vector_of(self, on_stack);
    if (!vector)
        return NULL;
    Py_ssize_t i;
    for (i = 0; i < self->slot_count; i++) {
        vector[i] = PyFloat_AsDouble(PyTuple_GetItem(given, i));
        if (vector[i] == -1.0 && PyErr_Occurred())
            break;
    }
    if (i == self->slot_count)
        result = score_vector(self, vector);
    if (vector != on_stack)
        PyMem_Free(vector);
    return result;
}

/* ---- making ----------------------------------------------------------------------------------------- */

static int refuse(const char *reason)
{
    PyErr_SetString(PyExc_ValueError, reason);
    return -1;
}

/* A copy of a buffer as `count` items of `size` bytes; one spare item, so that no allocation is empty. */
static void *copy_items(const Py_buffer *buffer, size_t size, Py_ssize_t *count)
{
    if (buffer->len % (Py_ssize_t)size != 0 || buffer->len / (Py_ssize_t)size >= UINT32_MAX) {
        refuse("an array has a wrong length");
        return NULL;
    }
    void *copy = PyMem_Malloc((size_t)buffer->len + size);
    if (!copy) {
        PyErr_NoMemory();
        return NULL;
    }
    if (buffer->len)
        memcpy(copy, buffer->buf, (size_t)buffer->len);
    *count = buffer->len / (Py_ssize_t)size;
    return copy;
}

static int check_steps(const Slot *slot)
{
    for (Py_ssize_t i = 0; i < slot->step_count; i++) {
        const Step *step = slot->steps + i;
        if (!(step->operation >= 0.0 && step->operation < OPERATIONS) || !isfinite(step->a) || !isfinite(step->b))
            return refuse("a step is not one");
    }
    return 0;
}

static int check_codes(const Slot *slot)
{
    PyObject *text, *code;
    Py_ssize_t position = 0;
    while (PyDict_Next(slot->codes, &position, &text, &code)) {
        if (!PyUnicode_CheckExact(text) || !PyLong_CheckExact(code))
            return refuse("codes are from text to whole numbers");
        unsigned long number = PyLong_AsUnsignedLong(code);
        if (PyErr_Occurred()) {
            PyErr_Clear();
            return refuse("a code is out of range");
        }
        if (number >= slot->size)
            return refuse("a code is out of range");
    }
    return slot->missing < slot->size ? 0 : refuse("a code is out of range");
}

static int read_slot(Slot *slot, PyObject *given)
{
    PyObject *name, *codes;
    Py_buffer steps;
    unsigned long size, missing;
    if (!PyTuple_CheckExact(given))
        return refuse("a slot is a tuple");
    if (!PyArg_ParseTuple(given, "UOkkpy*", &name, &codes, &size, &missing, &slot->required, &steps))
        return -1;
    slot->steps = copy_items(&steps, sizeof(Step), &slot->step_count);
    PyBuffer_Release(&steps);
    if (!slot->steps)
        return -1;
    Py_INCREF(name);
    slot->name = name;
    if (codes == Py_None)
        return size == 0 ? check_steps(slot) : refuse("a numeric slot has no codes");
    if (!PyDict_CheckExact(codes) || size == 0 || size > UINT32_MAX / 2 || missing > UINT32_MAX)
        return refuse("codes are a dict of a size");
    slot->codes = PyDict_Copy(codes);
    if (!slot->codes)
        return -1;
    slot->size = (uint32_t)size;
    slot->missing = (uint32_t)missing;
    return check_codes(slot);
}

static int read_slots(Forest *forest, PyObject *given)
{
    if (!PyTuple_CheckExact(given) || PyTuple_Size(given) > MOST_SLOTS)
        return refuse("slots are a tuple of at most 65535");
    Py_ssize_t count = PyTuple_Size(given);
    forest->slots = PyMem_Calloc((size_t)count + 1, sizeof(Slot));
    if (!forest->slots) {
        PyErr_NoMemory();
        return -1;
    }
    forest->slot_count = count;
    for (Py_ssize_t i = 0; i < count; i++)
        if (read_slot(forest->slots + i, PyTuple_GetItem(given, i)) < 0)
            return -1;
    return 0;
}

static int fine_leaf(const Forest *forest, double value)
{
    return fabs(value) <= (forest->single ? GREATEST_SINGLE_LEAF : GREATEST_LEAF);
}

static int check_node(const Forest *forest, uint32_t index, uint32_t end)
{
    const Node *node = forest->nodes + index;
    if (node->kind == LEAF) {
        if (forest->width > 1)
            return (Py_ssize_t)node->right < forest->row_count ? 0 : refuse("a leaf has no values");
        return fine_leaf(forest, node->value) ? 0 : refuse("a leaf's value is not finite");
    }
    if (node->kind >= KINDS || node->slot >= forest->slot_count)
        return refuse("a node is of no kind or compares no slot");
    if (node->right <= index + 1 || node->right >= end)
        return refuse("a child does not stand behind its parent");
    if (isnan(node->value))
        return refuse("a threshold is not a number");
    if (node->kind == MEMBER) {
        uint32_t size = forest->slots[node->slot].size;
        double most = (double)forest->word_count * 64.0 - (double)size;
        if (size == 0 || !(node->value >= 0.0 && node->value <= most) || node->value != floor(node->value))
            return refuse("a set of codes stands outside the bits");
    }
    return 0;
}

static int check_trees(const Forest *forest)
{
    for (Py_ssize_t tree = 0; tree < forest->tree_count; tree++) {
        uint32_t root = forest->roots[tree];
        Py_ssize_t end = tree + 1 < forest->tree_count ? (Py_ssize_t)forest->roots[tree + 1] : forest->node_count;
        if ((Py_ssize_t)root >= end || end > forest->node_count || (tree == 0 && root != 0))
            return refuse("the trees do not stand one behind the other");
        if ((Py_ssize_t)forest->outputs[tree] >= forest->output_count)
            return refuse("a tree belongs to no output");
        for (uint32_t i = root; (Py_ssize_t)i < end; i++)
            if (check_node(forest, i, (uint32_t)end) < 0)
                return -1;
    }
    if (forest->tree_count == 0 && forest->node_count != 0)
        return refuse("the trees do not stand one behind the other");
    return 0;
}

/* Let checked leaves lead to themselves; the row of a wide leaf moves to its value. */
static void close_leaves(Forest *forest)
{
    for (Py_ssize_t i = 0; i < forest->node_count; i++) {
        Node *node = forest->nodes + i;
        if (node->kind == LEAF) {
            if (forest->width > 1)
                node->value = node->right;
            node->right = (uint32_t)i;
            node->slot = 0;
        }
    }
}

static int check_shape(const Forest *forest, Py_ssize_t outputs_len, Py_ssize_t leaves_len)
{
    if (outputs_len != forest->tree_count)
        return refuse("an array has a wrong length");
    if (forest->output_count < 1 || forest->output_count > MOST_OUTPUTS)
        return refuse("outputs are 1 to 10000");
    if (forest->width != 1 && forest->width != forest->output_count)
        return refuse("a leaf has one value, or one per output");
    if (forest->width == 1 ? leaves_len != 0 : leaves_len % forest->width != 0)
        return refuse("an array has a wrong length");
    if (forest->link < 0 || forest->link >= LINKS || !(fabs(forest->scale) <= 1e6) || forest->scale == 0.0)
        return refuse("the link is not known");
    if ((forest->link == SIGMOID || forest->link == SINGLE_SIGMOID) && forest->output_count != 1)
        return refuse("a sigmoid has one output");
    if (!(forest->limit > 0.0))
        return refuse("the limit is not positive");
    for (Py_ssize_t i = 0; i < leaves_len; i++)
        if (!fine_leaf(forest, forest->leaves[i]))
            return refuse("a leaf's value is not finite");
    for (Py_ssize_t i = 0; i < forest->output_count; i++)
        if (!fine_leaf(forest, forest->start[i]))
            return refuse("a leaf's value is not finite");
    return 0;
}

static int find_exits(Forest *forest)
{
    Exits *exits = PyMem_Calloc(1, sizeof *exits);
    int made = -1;
    if (exits) {
        /* Nobody else has the forest yet, and others may want the interpreter meanwhile. */
        Py_BEGIN_ALLOW_THREADS
        made = make_exits(forest, exits);
        Py_END_ALLOW_THREADS
    }
    if (made == 1)
        forest->exits = exits;
    else
        PyMem_Free(exits);
    if (made < 0)
        PyErr_NoMemory();
    return made;
}

static int fill(Forest *forest, PyObject *slots, Py_buffer *buffers)
{
    Py_ssize_t outputs_len = 0, leaves_len = 0;
    if (!(forest->roots = copy_items(buffers, sizeof(uint32_t), &forest->tree_count)) ||
        !(forest->outputs = copy_items(buffers + 1, sizeof(uint32_t), &outputs_len)) ||
        !(forest->nodes = copy_items(buffers + 2, sizeof(Node), &forest->node_count)) ||
        !(forest->leaves = copy_items(buffers + 3, sizeof(double), &leaves_len)) ||
        !(forest->bits = copy_items(buffers + 4, sizeof(uint64_t), &forest->word_count)) ||
        !(forest->start = copy_items(buffers + 5, sizeof(double), &forest->output_count)))
        return -1;
    if (check_shape(forest, outputs_len, leaves_len) < 0 || read_slots(forest, slots) < 0)
        return -1;
    forest->row_count = forest->width > 1 ? leaves_len / forest->width : 0;
    if (check_trees(forest) < 0 || find_exits(forest) < 0)
        return -1;
    close_leaves(forest);
    return 0;
}

static PyObject *Forest_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *slots;
    Py_buffer buffers[6];
    Py_ssize_t width;
    int link, single, accepts_missing;
    double scale, limit;
    if (kwargs && PyDict_Size(kwargs) > 0) {
        refuse("a forest takes positions, not names");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "Oy*y*y*y*y*y*nidpdp", &slots, buffers, buffers + 1, buffers + 2, buffers + 3,
                          buffers + 4, buffers + 5, &width, &link, &scale, &single, &limit, &accepts_missing))
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Forest *forest = (Forest *)allocate(type, 0); /* all zero */
    if (forest) {
        forest->width = width;
        forest->link = link;
        forest->scale = scale;
        forest->single = single;
        forest->limit = limit;
        forest->accepts_missing = accepts_missing;
        if (fill(forest, slots, buffers) < 0)
            Py_CLEAR(forest);
    }
    for (int i = 0; i < 6; i++)
        PyBuffer_Release(buffers + i);
    return (PyObject *)forest;
}

static void Forest_dealloc(Forest *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    for (Py_ssize_t i = 0; self->slots && i < self->slot_count; i++) {
        Py_XDECREF(self->slots[i].name);
        Py_XDECREF(self->slots[i].codes);
        PyMem_Free(self->slots[i].steps);
    }
    PyMem_Free(self->slots);
    PyMem_Free(self->roots);
    PyMem_Free(self->outputs);
    PyMem_Free(self->nodes);
    PyMem_Free(self->leaves);
    PyMem_Free(self->bits);
    PyMem_Free(self->start);
    if (self->exits)
        free_exits(self->exits);
    PyMem_Free(self->exits);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyMethodDef forest_methods[] = {
    {"score", (PyCFunction)Forest_score, METH_O,
     "The outputs for a record (a dict), or None when the record is not plain enough: encode it in Python."},
    {"outputs", (PyCFunction)Forest_outputs, METH_O, "The outputs for an encoded vector (a tuple)."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot forest_slots[] = {
    {Py_tp_doc, "A tree ensemble as flat arrays; see scoreline.scoring.kernel."},
    {Py_tp_new, Forest_new},
    {Py_tp_dealloc, Forest_dealloc},
    {Py_tp_methods, forest_methods},
    {0, NULL},
};

static PyType_Spec forest_spec = {
    "scoreline.scoring._kernel.Forest", sizeof(Forest), 0, Py_TPFLAGS_DEFAULT, forest_slots,
};

static int execute(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&forest_spec);
    if (!type)
        return -1;
    int done = PyModule_AddObjectRef(module, "Forest", type);
    Py_DECREF(type);
    return done;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, execute},
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_kernel", "The tree kernel.", 0, NULL, module_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&module);
}
