#include "cloud/emulator/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void list_add(struct list *l, void *item)
{
	if (l->count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->items = mem_realloc(l->items, l->cap * sizeof(*l->items));
	}
	l->items[l->count++] = item;
}

void list_remove(struct list *l, const void *item)
{
	/* From the end: what is removed is mostly young. */
	for (size_t i = l->count; i-- > 0;) {
		if (l->items[i] != item)
			continue;
		memmove(l->items + i, l->items + i + 1, (l->count - i - 1) * sizeof(*l->items));
		l->count--;
		return;
	}
}

void list_free(struct list *l)
{
	free(l->items);
	*l = (struct list){ 0 };
}

/* --- index: open addressing, linear probing -------------------------------------- */

static size_t hash(const char *key)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
	return (size_t)(h ^ h >> 32);
}

static size_t place(const struct index *x, const char *key)
{
	size_t i = hash(key) & (x->cap - 1);
	while (x->slots[i].key && strcmp(x->slots[i].key, key) != 0)
		i = (i + 1) & (x->cap - 1);
	return i;
}

void *index_find(const struct index *x, const char *key)
{
	return x->cap ? x->slots[place(x, key)].value : NULL;
}

void *index_find_number(const struct index *x, uint64_t key)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, key);
	return index_find(x, text);
}

static void grow(struct index *x)
{
	struct index old = *x;
	x->cap = old.cap ? old.cap * 2 : 64;
	x->slots = mem_alloc(x->cap * sizeof(*x->slots));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].key)
			x->slots[place(x, old.slots[i].key)] = old.slots[i];
	free(old.slots);
}

void index_put(struct index *x, const char *key, void *value)
{
	if ((x->count + 1) * 2 > x->cap)
		grow(x);
	size_t i = place(x, key);
	x->count += !x->slots[i].key;
	x->slots[i] = (struct index_slot){ key, value };
}

void index_remove(struct index *x, const char *key)
{
	if (!x->cap)
		return;
	size_t hole = place(x, key);
	if (!x->slots[hole].key)
		return;
	x->slots[hole] = (struct index_slot){ 0 };
	x->count--;
	/* Those behind that were pushed past the hole move up. */
	for (size_t i = (hole + 1) & (x->cap - 1); x->slots[i].key; i = (i + 1) & (x->cap - 1)) {
		struct index_slot moved = x->slots[i];
		x->slots[i] = (struct index_slot){ 0 };
		x->slots[place(x, moved.key)] = moved;
	}
}

void index_free(struct index *x)
{
	free(x->slots);
	*x = (struct index){ 0 };
}

/* --- generator: splitmix64 --------------------------------------------------------- */

uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void rng_text(struct rng *r, char *out, size_t n, const char *alphabet)
{
	size_t letters = strlen(alphabet);
	for (size_t i = 0; i < n; i++)
		out[i] = alphabet[rng_next(r) % letters];
	out[n] = '\0';
}

void rng_uuid(struct rng *r, char out[37])
{
	rng_text(r, out, 36, ALPHABET_HEX);
	out[8] = out[13] = out[18] = out[23] = '-';
	out[14] = '4';
	out[19] = "89ab"[rng_next(r) & 3];
}
