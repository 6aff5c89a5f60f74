/* What an entry says of his account is a hint for people who look; the mark in the cloud decides.  Nothing is ever read from
 * it.  An entry that carries other values than were written into it, another person's above all, is written once more. */
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "hook/roll_inside.h"
#include "ldap/attrs.h"

/* The first of ours that is there and is not what was written; what is missing may be hidden from us.  NULL: none. */
static const char *strange(const struct entry *entry, const struct json *payload)
{
	for (size_t i = 0; i < entry->count; i++) {
		const struct attribute *at = &entry->attributes[i];
		for (size_t own = 0; own < OWN_COUNT; own++) {
			const char *name = own_attributes[own].name, *written = json_text(payload, name);
			if (own_attributes[own].sealed || !attribute_is(at->name, name) || !at->count)
				continue;
			if (at->count > 1 || !written || at->values[0].len != strlen(written) ||
				memcmp(at->values[0].data, written, at->values[0].len) != 0)
				return name;
		}
	}
	return NULL;
}

int roll_hints(struct roll *r, const struct entry *entry, struct arena *a, struct err *e)
{
	struct store_letter letter;
	struct json *payload;
	int rc = store_letter_of(r->store, entry->uuid, a, &letter, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	if (letter.pending || json_parse(a, letter.payload, strlen(letter.payload), &payload, NULL))
		return 0;
	const char *name = strange(entry, payload);
	if (!name)
		return 0;
	log_event(LOG_WARN_LEVEL, "roll", entry->uuid, "the entry shows another \"%s\" than was written: it is written again", name);
	letter.due_ms = clock_now(r->clock);
	return store_letter_put(r->store, &letter, e);
}
