/* Containers of the emulator's state: a list that keeps its order, an index from text to pointer, and the
 * seeded generator that names everything. */
#ifndef ROLLCALL_CLOUD_EMULATOR_STORE_H
#define ROLLCALL_CLOUD_EMULATOR_STORE_H

#include <stddef.h>
#include <stdint.h>

struct list { void **items; size_t count, cap; };
void list_add(struct list *, void *);
void list_remove(struct list *, const void *);      /* keeps the order of the others */
void list_free(struct list *);

/* Keys are borrowed: they live in the values. */
struct index_slot { const char *key; void *value; };
struct index { struct index_slot *slots; size_t count, cap; };
void *index_find(const struct index *, const char *key);     /* NULL when not there */
void index_put(struct index *, const char *key, void *value);
void index_remove(struct index *, const char *key);
void index_free(struct index *);
void *index_find_number(const struct index *, uint64_t key);

struct rng { uint64_t state; };
uint64_t rng_next(struct rng *);
/* n characters of an alphabet and a NUL. */
void rng_text(struct rng *, char *out, size_t n, const char *alphabet);
#define ALPHABET_HEX "0123456789abcdef"
#define ALPHABET_ID "0123456789abcdefghijklmnopqrstuvwxyz"
#define ALPHABET_KEY "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
/* "89da469d-e813-41f1-9271-ca710d083b6f" */
void rng_uuid(struct rng *, char out[37]);

#endif
