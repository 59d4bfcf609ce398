/* Each family is a treap: a search tree by key that is also a heap by the
 * keys' hashes, which keeps it shallow whatever the order of the inserts.
 *
 * Nodes are counted references, and only a node with a single one is changed
 * in place; a shared one is copied first. So whoever acquires a root owns a
 * state of the family that never changes: a scan does that under the lock and
 * then walks without it. While nobody scans, nothing is copied.
 *
 * Running out of memory ends the process, as it does inside RocksDB. */
#include "storage/engine/memory_engine.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"

struct entry {
    atomic_size_t references;
    struct bytes key; /* both point into `stored` */
    struct bytes value;
    uint8_t stored[];
};

struct node {
    atomic_size_t references;
    uint64_t priority; /* no child has a higher one */
    struct entry *entry;
    struct node *left;
    struct node *right;
};

struct memory_engine {
    struct engine base;
    pthread_mutex_t lock; /* of `roots` and of every node that only they reach */
    struct node *roots[FAMILY_COUNT];
};

/* --- entries and nodes ---------------------------------------------------- */

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (!memory)
        abort();
    return memory;
}

static struct entry *entry_create(struct bytes key, struct bytes value)
{
    struct entry *entry = allocate(sizeof *entry + key.size + value.size);

    atomic_init(&entry->references, 1);
    if (key.size)
        memcpy(entry->stored, key.data, key.size);
    if (value.size)
        memcpy(entry->stored + key.size, value.data, value.size);
    entry->key = (struct bytes){entry->stored, key.size};
    entry->value = (struct bytes){entry->stored + key.size, value.size};
    return entry;
}

static void entry_release(struct entry *entry)
{
    if (atomic_fetch_sub(&entry->references, 1) == 1)
        free(entry);
}

/* Takes the reference to `entry`. */
static struct node *node_create(struct entry *entry)
{
    struct node *node = allocate(sizeof *node);

    *node = (struct node){.priority = hash_bytes(entry->key), .entry = entry};
    atomic_init(&node->references, 1);
    return node;
}

static struct node *node_acquire(struct node *node)
{
    if (node)
        atomic_fetch_add(&node->references, 1);
    return node;
}

/* As deep as the tree, a few times the logarithm of its size. */
static void node_release(struct node *node)
{
    if (!node || atomic_fetch_sub(&node->references, 1) != 1)
        return;
    node_release(node->left);
    node_release(node->right);
    entry_release(node->entry);
    free(node);
}

/* The node itself if nobody shares it, else a copy that takes its place. */
static struct node *node_own(struct node *node)
{
    if (atomic_load(&node->references) == 1)
        return node;
    struct node *copy = allocate(sizeof *copy);
    atomic_init(&copy->references, 1);
    copy->priority = node->priority;
    copy->entry = node->entry;
    copy->left = node_acquire(node->left);
    copy->right = node_acquire(node->right);
    atomic_fetch_add(&copy->entry->references, 1);
    node_release(node);
    return copy;
}

/* --- trees: each takes a reference to a root and returns the new one ------ */

static struct node *rotate_right(struct node *node)
{
    struct node *raised = node->left;

    node->left = raised->right;
    raised->right = node;
    return raised;
}

static struct node *rotate_left(struct node *node)
{
    struct node *raised = node->right;

    node->right = raised->left;
    raised->left = node;
    return raised;
}

/* Takes the reference to `entry`. */
static struct node *tree_put(struct node *node, struct entry *entry)
{
    if (!node)
        return node_create(entry);
    node = node_own(node);
    int order = bytes_compare(entry->key, node->entry->key);
    if (order == 0) {
        entry_release(node->entry);
        node->entry = entry;
    } else if (order < 0) {
        node->left = tree_put(node->left, entry);
        if (node->left->priority > node->priority)
            return rotate_right(node);
    } else {
        node->right = tree_put(node->right, entry);
        if (node->right->priority > node->priority)
            return rotate_left(node);
    }
    return node;
}

/* Every key of `left` is below every key of `right`. */
static struct node *tree_join(struct node *left, struct node *right)
{
    if (!left)
        return right;
    if (!right)
        return left;
    if (left->priority > right->priority) {
        left = node_own(left);
        left->right = tree_join(left->right, right);
        return left;
    }
    right = node_own(right);
    right->left = tree_join(left, right->left);
    return right;
}

static struct node *tree_delete(struct node *node, struct bytes key)
{
    if (!node)
        return NULL;
    node = node_own(node);
    int order = bytes_compare(key, node->entry->key);
    if (order < 0) {
        node->left = tree_delete(node->left, key);
    } else if (order > 0) {
        node->right = tree_delete(node->right, key);
    } else {
        struct node *joined = tree_join(node->left, node->right);
        node->left = NULL;
        node->right = NULL;
        node_release(node);
        return joined;
    }
    return node;
}

static const struct entry *tree_find(const struct node *node, struct bytes key)
{
    while (node) {
        int order = bytes_compare(key, node->entry->key);
        if (order == 0)
            return node->entry;
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

/* False once `visit` has ended the scan. */
static bool tree_scan(const struct node *node, const struct scan *scan, scan_visit *visit,
                      void *context)
{
    if (!node)
        return true;
    struct bytes key = node->entry->key;
    bool below = bytes_compare(key, scan->from) < 0;
    bool beyond = scan->to.size > 0 && bytes_compare(key, scan->to) >= 0;
    bool go_left = !below;
    bool go_right = !beyond;

    if (scan->backwards) {
        if (go_right && !tree_scan(node->right, scan, visit, context))
            return false;
    } else {
        if (go_left && !tree_scan(node->left, scan, visit, context))
            return false;
    }
    if (!below && !beyond && !visit(context, key, node->entry->value))
        return false;
    if (scan->backwards)
        return !go_left || tree_scan(node->left, scan, visit, context);
    return !go_right || tree_scan(node->right, scan, visit, context);
}

/* --- the port ------------------------------------------------------------- */

static struct memory_engine *memory_engine_of(struct engine *engine)
{
    return container_of(engine, struct memory_engine, base);
}

/* The lock is held. */
static struct status copy_value(const struct memory_engine *engine, enum family family,
                                struct bytes key, struct arena *arena, struct bytes *value)
{
    const struct entry *entry = tree_find(engine->roots[family], key);
    struct bytes copy = {0};

    if (entry) {
        copy = arena_copy(arena, entry->value);
        if (!copy.data)
            return status_make(STATUS_RESOURCE_EXHAUSTED, "get: more than the %zu bytes allowed",
                               arena->bytes_max);
    }
    *value = copy;
    return OK;
}

static struct status memory_get(struct engine *base, enum family family, struct bytes key,
                                struct arena *arena, struct bytes *value)
{
    struct memory_engine *engine = memory_engine_of(base);

    pthread_mutex_lock(&engine->lock);
    struct status status = copy_value(engine, family, key, arena, value);
    pthread_mutex_unlock(&engine->lock);
    return status;
}

static struct status memory_multi_get(struct engine *base, enum family family,
                                      const struct bytes *keys, size_t count, struct arena *arena,
                                      struct bytes *values)
{
    struct memory_engine *engine = memory_engine_of(base);
    struct status status = OK;

    pthread_mutex_lock(&engine->lock);
    for (size_t i = 0; i < count && status_ok(status); i++) {
        assert(i == 0 || bytes_compare(keys[i - 1], keys[i]) <= 0);
        status = copy_value(engine, family, keys[i], arena, &values[i]);
    }
    pthread_mutex_unlock(&engine->lock);
    return status;
}

static struct status memory_scan(struct engine *base, const struct scan *scan, scan_visit *visit,
                                 void *context)
{
    struct memory_engine *engine = memory_engine_of(base);

    pthread_mutex_lock(&engine->lock);
    struct node *root = node_acquire(engine->roots[scan->family]);
    pthread_mutex_unlock(&engine->lock);
    tree_scan(root, scan, visit, context);
    node_release(root);
    return OK;
}

static struct status memory_commit(struct engine *base, const struct write *writes, size_t count,
                                   bool durable)
{
    struct memory_engine *engine = memory_engine_of(base);

    (void)durable; /* nothing here outlives the process */
    pthread_mutex_lock(&engine->lock);
    for (size_t i = 0; i < count; i++) {
        const struct write *write = &writes[i];
        struct node **root = &engine->roots[write->family];
        if (write->kind == WRITE_PUT)
            *root = tree_put(*root, entry_create(write->key, write->value));
        else
            *root = tree_delete(*root, write->key);
    }
    pthread_mutex_unlock(&engine->lock);
    return OK;
}

static void memory_close(struct engine *base)
{
    struct memory_engine *engine = memory_engine_of(base);

    for (int family = 0; family < FAMILY_COUNT; family++)
        node_release(engine->roots[family]);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

static struct status memory_admit(struct engine *base)
{
    (void)base; /* memory is the limit, and running out of it ends the process */
    return OK;
}

static struct status memory_checkpoint(struct engine *base, const char *directory)
{
    (void)base;
    (void)directory;
    return status_make(STATUS_UNIMPLEMENTED, "checkpoint: the store is in memory only");
}

static struct status memory_compact(struct engine *base, enum family family, struct bytes from,
                                    struct bytes to)
{
    (void)base; /* what a node held was freed with it */
    (void)family;
    (void)from;
    (void)to;
    return OK;
}

struct status memory_engine_open(struct engine **opened)
{
    static const struct engine_operations operations = {
        .name = "memory",
        .get = memory_get,
        .multi_get = memory_multi_get,
        .scan = memory_scan,
        .commit = memory_commit,
        .admit = memory_admit,
        .checkpoint = memory_checkpoint,
        .compact = memory_compact,
        .close = memory_close,
    };
    struct memory_engine *engine = calloc(1, sizeof *engine);

    if (!engine)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "open: out of memory");
    engine->base.operations = &operations;
    pthread_mutex_init(&engine->lock, NULL);
    *opened = &engine->base;
    return OK;
}
