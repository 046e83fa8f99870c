/* Which leaf of each tree a vector reaches, without walking: the bit vectors of QuickScorer (Lucchese and
 * others, SIGIR 2015), added up beforehand.
 *
 * The leaves of a tree are numbered from left to right, a bit for each. A node that sends x to the right makes the
 * leaves on its left unreachable; the exit is the lowest bit that no node has cleared. What the nodes of one slot
 * clear hangs on x alone and changes at their thresholds only: so every slot has a row of masks, one per tree, for
 * each interval between thresholds, and a vector costs a search and an AND per slot. `twin.py` does the same.
 *
 * Made for forests that were checked; forests that are too large, or whose trees do not stand in preorder, are
 * walked instead. */

#define MOST_STRIDE 8192          /* bytes of a row */
#define MOST_MASKED_BITS 2048     /* slots that are compared, times the bits of a mask: beyond it walking is quicker */
#define MOST_ROW_BYTES (8u << 20) /* of all rows together */
#define MOST_WORK (1u << 26)      /* comparisons while making them */

typedef struct {
    uint32_t slot;
    uint32_t count;     /* thresholds, or codes */
    double *thresholds; /* ascending; row i is for an x above i of them, the last row for a missing x. NULL: row x */
    unsigned char *rows;
} Mask;

struct Exits {
    Py_ssize_t mask_count, stride, word; /* word: bytes of a mask */
    Mask *masks;
    unsigned char *full; /* the row that clears nothing */
    uint32_t *firsts;    /* where the leaves of each tree begin in `values` */
    double *values;      /* of the leaves: value, or row of a wide leaf */
};

typedef struct {
    double value;
    uint64_t keep; /* all leaves but those on the left of the node */
    uint32_t node, tree;
    int steady; /* it sends an x to the right when it is above the value, and only then; maybe one that is missing, too */
} Split;

static void free_exits(Exits *exits)
{
    for (Py_ssize_t i = 0; exits->masks && i < exits->mask_count; i++) {
        free(exits->masks[i].thresholds);
        free(exits->masks[i].rows);
    }
    free(exits->masks);
    free(exits->full);
    free(exits->firsts);
    free(exits->values);
    memset(exits, 0, sizeof *exits);
}

/* ---- using ------------------------------------------------------------------------------------------ */

/* How many of the ascending thresholds are below x. */
static inline uint32_t count_below(const Mask *mask, double x)
{
    const double *base = mask->thresholds;
    uint32_t count = mask->count;
    while (count > 1) {
        uint32_t half = count / 2;
        base += base[half - 1] < x ? half : 0;
        count -= half;
    }
    return (uint32_t)(base - mask->thresholds) + (count && *base < x);
}

/* The masks of the leaves that can be reached; 0 when a number is not a code, and the forest is to be walked. */
static int reachable(const Exits *exits, const double *vector, uint64_t *left)
{
    Py_ssize_t words = exits->stride / 8;
    memcpy(left, exits->full, (size_t)exits->stride);
    for (Py_ssize_t i = 0; i < exits->mask_count; i++) {
        const Mask *mask = exits->masks + i;
        double x = vector[mask->slot];
        uint32_t row;
        if (mask->thresholds) {
            row = isnan(x) ? mask->count + 1 : count_below(mask, x);
        } else {
            if (!(x >= 0.0 && x < (double)mask->count))
                return 0;
            row = (uint32_t)x;
            if ((double)row != x)
                return 0;
        }
        const uint64_t *masks = (const uint64_t *)(const void *)(mask->rows + (size_t)row * (size_t)exits->stride);
        for (Py_ssize_t j = 0; j < words; j++)
            left[j] &= masks[j];
    }
    return 1;
}

static inline double exit_value(const Exits *exits, const uint64_t *left, Py_ssize_t tree, Py_ssize_t word)
{
    uint64_t mask = 0; /* the lowest bytes come first */
    const unsigned char *masks = (const unsigned char *)left;
    switch (word) {
    case 1:
        mask = masks[tree];
        break;
    case 2:
        memcpy(&mask, masks + 2 * tree, 2);
        break;
    case 4:
        memcpy(&mask, masks + 4 * tree, 4);
        break;
    default:
        mask = left[tree];
    }
    return exits->values[exits->firsts[tree] + (uint32_t)__builtin_ctzll(mask)];
}

static inline double sum_of_exits(const Exits *exits, const uint64_t *left, Py_ssize_t trees, double sum, Py_ssize_t word)
{
    for (Py_ssize_t tree = 0; tree < trees; tree++)
        sum += exit_value(exits, left, tree, word);
    return sum;
}

/* The leaves of all trees added to `sum`, in the order of the trees; a loop for each size of a mask. */
static double add_exits(const Exits *exits, const uint64_t *left, Py_ssize_t trees, double sum)
{
    switch (exits->word) {
    case 1:
        return sum_of_exits(exits, left, trees, sum, 1);
    case 2:
        return sum_of_exits(exits, left, trees, sum, 2);
    case 4:
        return sum_of_exits(exits, left, trees, sum, 4);
    default:
        return sum_of_exits(exits, left, trees, sum, 8);
    }
}

/* ---- making: 1 it is done, 0 this forest is to be walked, -1 there is no memory ------------------------
 * It may take some milliseconds and is done without the interpreter's lock, so with the C library's memory. */

/* The leaves before each node in its tree; 0 when the trees are not in preorder. */
static int count_leaves(const Forest *forest, uint32_t *before, uint32_t *sizes, uint32_t *most)
{
    *most = 1;
    for (Py_ssize_t tree = 0; tree < forest->tree_count; tree++) {
        uint32_t root = forest->roots[tree], leaves = 0;
        uint32_t end = (uint32_t)(tree + 1 < forest->tree_count ? (Py_ssize_t)forest->roots[tree + 1] : forest->node_count);
        for (uint32_t i = root; i < end; i++) {
            before[i] = leaves;
            leaves += forest->nodes[i].kind == LEAF;
        }
        for (uint32_t i = end; i-- > root;) {
            const Node *node = forest->nodes + i;
            sizes[i] = 1;
            if (node->kind != LEAF) {
                if (node->right != i + 1 + sizes[i + 1])
                    return 0;
                sizes[i] += sizes[i + 1] + sizes[node->right];
            }
        }
        if (sizes[root] != end - root)
            return 0;
        *most = leaves > *most ? leaves : *most;
    }
    return 1;
}

static int by_value(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* Where the answer of a node can change: at most three places. */
static int breakpoints(const Node *node, double *places)
{
    places[0] = node->value;
    if (node->kind == BELOW || node->kind == BELOW_OR_MISSING)
        return 1;
    places[1] = nextafter(node->kind == EQUAL ? node->value : -ZERO, -INFINITY);
    places[2] = ZERO;
    return node->kind == EQUAL ? 2 : 3;
}

static int sends_left(const Forest *forest, const Node *node, double x)
{
    switch (node->kind) {
    case BELOW:
        return x <= node->value;
    case BELOW_OR_MISSING:
        return !(x > node->value);
    case EQUAL:
        return x != node->value;
    default:
        return goes_left(forest, node, x);
    }
}

static int find_thresholds(const Forest *forest, Mask *mask, const Split *splits, Py_ssize_t count)
{
    double *found = malloc((size_t)count * 3 * sizeof(double));
    Py_ssize_t places = 0, kept = 0;
    if (!found)
        return -1;
    for (Py_ssize_t i = 0; i < count; i++)
        places += breakpoints(forest->nodes + splits[i].node, found + places);
    qsort(found, (size_t)places, sizeof(double), by_value);
    for (Py_ssize_t i = 0; i < places; i++)
        if (kept == 0 || found[i] != found[kept - 1])
            found[kept++] = found[i];
    mask->thresholds = found;
    mask->count = (uint32_t)kept;
    return 1;
}

/* The steady ones first, by value. */
static int by_steadiness(const void *one, const void *other)
{
    const Split *a = one, *b = other;
    return a->steady != b->steady ? b->steady - a->steady : by_value(&a->value, &b->value);
}

static inline void clear_left(const Exits *exits, unsigned char *row, const Split *split)
{
    unsigned char *masks = row + (Py_ssize_t)split->tree * exits->word;
    for (Py_ssize_t i = 0; i < exits->word; i++)
        masks[i] &= (unsigned char)(split->keep >> 8 * i);
}

static double number_of_row(const Mask *mask, uint32_t row)
{
    if (!mask->thresholds)
        return row;
    return row < mask->count ? mask->thresholds[row] : row == mask->count ? INFINITY : NAN;
}

/* The numbers of the rows ascend: what a steady node has cleared in one row is cleared in the next. */
static void fill_rows(const Forest *forest, const Exits *exits, const Mask *mask, uint32_t rows, const Split *splits,
                      Py_ssize_t count, Py_ssize_t steady)
{
    Py_ssize_t passed = 0;
    const unsigned char *former = exits->full;
    for (uint32_t i = 0; i < rows; i++) {
        unsigned char *row = mask->rows + (size_t)i * (size_t)exits->stride;
        double x = number_of_row(mask, i);
        memcpy(row, isnan(x) ? exits->full : former, (size_t)exits->stride);
        for (; passed < steady && splits[passed].value < x; passed++)
            clear_left(exits, row, splits + passed);
        former = row;
    }
    for (uint32_t i = 0; i < rows; i++) {
        unsigned char *row = mask->rows + (size_t)i * (size_t)exits->stride;
        double x = number_of_row(mask, i);
        for (Py_ssize_t j = isnan(x) ? 0 : steady; j < count; j++)
            if (!sends_left(forest, forest->nodes + splits[j].node, x))
                clear_left(exits, row, splits + j);
    }
}

static int make_mask(const Forest *forest, Exits *exits, Mask *mask, Split *splits, Py_ssize_t count, size_t *bytes,
                     size_t *work)
{
    uint32_t size = forest->slots[mask->slot].size, rows = mask->count = size;
    Py_ssize_t steady = 0;
    qsort(splits, (size_t)count, sizeof *splits, by_steadiness);
    while (steady < count && splits[steady].steady)
        steady++;
    if (!size) {
        if (find_thresholds(forest, mask, splits, count) < 0)
            return -1;
        rows = mask->count + 2;
    }
    *bytes += (size_t)rows * (size_t)exits->stride;
    *work += (size_t)rows * (size_t)(count - steady);
    if (*bytes > MOST_ROW_BYTES || *work > MOST_WORK)
        return 0;
    mask->rows = malloc((size_t)rows * (size_t)exits->stride);
    if (!mask->rows)
        return -1;
    fill_rows(forest, exits, mask, rows, splits, count, steady);
    return 1;
}

/* The inner nodes sorted by slot, and how many each slot has. */
static void collect_splits(const Forest *forest, const uint32_t *before, Split *splits, uint32_t *ends)
{
    for (Py_ssize_t i = 0; i < forest->node_count; i++)
        if (forest->nodes[i].kind != LEAF)
            ends[forest->nodes[i].slot + 1]++;
    for (Py_ssize_t slot = 0; slot < forest->slot_count; slot++)
        ends[slot + 1] += ends[slot];
    Py_ssize_t tree = -1;
    for (Py_ssize_t i = 0; i < forest->node_count; i++) {
        if (tree + 1 < forest->tree_count && forest->roots[tree + 1] == (uint32_t)i)
            tree++;
        const Node *node = forest->nodes + i;
        if (node->kind != LEAF) {
            uint64_t left = (UINT64_C(1) << before[node->right]) - (UINT64_C(1) << before[i + 1]);
            int steady = node->kind == BELOW || node->kind == BELOW_OR_MISSING;
            splits[ends[node->slot]++] = (Split){node->value, ~left, (uint32_t)i, (uint32_t)tree, steady};
        }
    }
    for (Py_ssize_t slot = forest->slot_count; slot > 0; slot--)
        ends[slot] = ends[slot - 1];
    ends[0] = 0;
}

static int list_leaves(const Forest *forest, Exits *exits)
{
    exits->full = calloc(1, (size_t)exits->stride);
    exits->firsts = malloc((size_t)forest->tree_count * sizeof(uint32_t));
    exits->values = malloc((size_t)forest->node_count * sizeof(double));
    if (!exits->full || !exits->firsts || !exits->values)
        return -1;
    uint32_t count = 0;
    Py_ssize_t tree = -1;
    for (Py_ssize_t i = 0; i < forest->node_count; i++) {
        if (tree + 1 < forest->tree_count && forest->roots[tree + 1] == (uint32_t)i)
            exits->firsts[++tree] = count;
        const Node *node = forest->nodes + i;
        if (node->kind == LEAF) {
            uint32_t leaf = count - exits->firsts[tree];
            exits->full[tree * exits->word + leaf / 8] |= (unsigned char)(1u << leaf % 8);
            exits->values[count++] = forest->width > 1 ? node->right : node->value;
        }
    }
    return 1;
}

static int make_masks(const Forest *forest, Exits *exits, Split *splits, const uint32_t *ends)
{
    size_t bytes = 0, work = 0;
    exits->masks = calloc((size_t)forest->slot_count + 1, sizeof(Mask));
    if (!exits->masks)
        return -1;
    for (Py_ssize_t slot = 0; slot < forest->slot_count; slot++) {
        Py_ssize_t count = (Py_ssize_t)(ends[slot + 1] - ends[slot]);
        if (!count)
            continue;
        Mask *mask = exits->masks + exits->mask_count++;
        mask->slot = (uint32_t)slot;
        if (exits->mask_count * exits->word * 8 > MOST_MASKED_BITS)
            return 0;
        int made = make_mask(forest, exits, mask, splits + ends[slot], count, &bytes, &work);
        if (made != 1)
            return made;
    }
    return 1;
}

static int make_exits(const Forest *forest, Exits *exits)
{
    size_t nodes = (size_t)forest->node_count + 1;
    uint32_t *before = malloc(nodes * sizeof *before), *sizes = malloc(nodes * sizeof *sizes);
    uint32_t *ends = calloc((size_t)forest->slot_count + 2, sizeof *ends), most = 0;
    Split *splits = malloc(nodes * sizeof *splits);
    int made = before && sizes && ends && splits ? 1 : -1;
    if (made == 1)
        made = forest->tree_count > 0 && count_leaves(forest, before, sizes, &most) && most <= 64;
    if (made == 1) {
        exits->word = most <= 8 ? 1 : most <= 16 ? 2 : most <= 32 ? 4 : 8;
        exits->stride = (forest->tree_count * exits->word + 31) / 32 * 32;
        made = exits->stride <= MOST_STRIDE;
    }
    if (made == 1)
        made = list_leaves(forest, exits);
    if (made == 1) {
        collect_splits(forest, before, splits, ends);
        made = make_masks(forest, exits, splits, ends);
    }
    free(before);
    free(sizes);
    free(ends);
    free(splits);
    if (made != 1)
        free_exits(exits);
    return made;
}
