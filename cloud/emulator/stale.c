/* Answers of reading actions, kept so that a fault can show what was true before the last change.  Only
 * questions that were asked before can be answered so: a client that looks, acts and looks again meets it. */
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/faults.h"

enum { SLOTS = 1024, LARGEST = 65536 };
struct remembered { uint64_t hash; struct { uint64_t version; char *text; size_t len; } now, before; };
struct stale { struct remembered slots[SLOTS]; };

static uint64_t mix(uint64_t h, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
	return (h ^ 0xff) * UINT64_C(1099511628211);
}

static struct remembered *slot_of(struct emulator *em, const struct stale_key *k, uint64_t *hash)
{
	uint64_t h = mix(UINT64_C(14695981039346656037), k->action, strlen(k->action));
	h = mix(h, k->caller, strlen(k->caller));
	h = mix(h, k->region, strlen(k->region));
	*hash = mix(h, k->body, k->body_len) | 1;
	if (!em->stale)
		em->stale = mem_alloc(sizeof(*em->stale));
	return &em->stale->slots[*hash / 2 % SLOTS];
}

void stale_note(struct emulator *em, const struct stale_key *k, const char *answer, size_t len)
{
	uint64_t hash;
	struct remembered *r = slot_of(em, k, &hash);
	if (len > LARGEST)
		return;
	if (r->hash == hash && r->now.version != em->version) {
		free(r->before.text);
		r->before.text = r->now.text;
		r->before.len = r->now.len;
		r->before.version = r->now.version;
	} else {
		free(r->now.text);
	}
	if (r->hash != hash) {
		free(r->before.text);
		r->before.text = NULL;
	}
	r->hash = hash;
	r->now.text = memcpy(mem_alloc(len + 1), answer, len);
	r->now.len = len;
	r->now.version = em->version;
}

const char *stale_answer(struct emulator *em, const struct stale_key *k, size_t *len)
{
	uint64_t hash;
	const struct remembered *r = slot_of(em, k, &hash);
	if (r->hash != hash)
		return NULL;
	bool outdated = r->now.version != em->version;
	*len = outdated ? r->now.len : r->before.len;
	return outdated ? r->now.text : r->before.text;
}

void stale_free(struct stale *s)
{
	for (size_t i = 0; s && i < SLOTS; i++) {
		free(s->slots[i].now.text);
		free(s->slots[i].before.text);
	}
	free(s);
}
