/* What was called and how it ended: counts per action and outcome, and the last calls in order. */
#ifndef ROLLCALL_CLOUD_EMULATOR_JOURNAL_H
#define ROLLCALL_CLOUD_EMULATOR_JOURNAL_H

#include "common/json.h"
#include "cloud/emulator/store.h"

struct journal;
struct journal *journal_new(void);
void journal_free(struct journal *);
/* outcome: "OK", an error code, or what the fault script did ("cut_after").  Nothing here is a secret. */
struct journal_entry { const char *action, *caller, *code, *fault, *subject, *with; int64_t at; };
void journal_add(struct journal *, const struct journal_entry *);
struct json *journal_json(const struct journal *, struct arena *);

#endif
