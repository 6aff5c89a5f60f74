#include "policies/stage.h"

#include <string.h>

#include "common/failpoint.h"

const char *stage_name(enum stage s)
{
	static const char *const names[] = { "none", "due", "active", "suspended", "held", "retired" };
	return s >= 0 && s < STAGE_COUNT ? names[s] : "?";
}

const char *stage_shown(enum stage s, bool complete)
{
	if (s == STAGE_ACTIVE && !complete)
		return "joining";
	if (s == STAGE_RETIRED && !complete)
		return "retiring";
	return stage_name(s);
}

bool csn_newer(const char *a, const char *b)
{
	if (!a || !b)
		return a != NULL;
	int order = strcmp(a, b);
	/* A stamp of whole seconds (modifyTimestamp) cannot order two changes of one second: the later read is believed. */
	return order > 0 || (order == 0 && !strpbrk(a, ".#"));
}

/* After a weak cut, what was seen last is enough: people whom an access rule hid come back unchanged.  What is older is
 * a server that lags, or a backup. */
static bool csn_as_new(const char *csn, const char *seen)
{
	return !seen || (csn && strcmp(csn, seen) >= 0);
}

static struct decision stay(const struct history *h, const char *why)
{
	return (struct decision){ .stage = h->stage,
		.since_ms = h->since_ms,
		.retire_after_ms = h->retire_after_ms,
		.keep_hold = h->hold_reason && !h->release,
		.why = why };
}

static struct decision move(const struct history *h, const struct news *n, enum stage to, const char *why)
{
	struct decision d = stay(h, why);
	d.stage = to;
	d.since_ms = n->now_ms;
	d.retire_after_ms = 0;
	return d;
}

static struct decision suspend(const struct history *h, const struct news *n, const struct stage_rules *r, const char *why)
{
	struct decision d = move(h, n, STAGE_SUSPENDED, why);
	d.retire_after_ms = n->now_ms + r->grace_ms;
	d.cut = true;
	return d;
}

/* Somebody who has nothing yet. */
static struct decision newcomer(const struct history *h, const struct news *n)
{
	if (n->name_taken)
		return move(h, n, STAGE_NONE, "another person has this login name");
	if (n->signal == SIGNAL_DUE)
		return h->stage == STAGE_DUE ? stay(h, "entitled later") : move(h, n, STAGE_DUE, "entitled later");
	if (n->at_login)
		return h->stage == STAGE_DUE ? stay(h, "waits for the first login")
					     : move(h, n, STAGE_DUE, "waits for the first login");
	if (n->waits)
		return stay(h, "waits for room, or for an approval");
	return move(h, n, STAGE_ACTIVE, "entitled");
}

static struct decision entitled(const struct history *h, const struct news *n)
{
	/* A lagging replica or a restored backup shows a leaver as he was before: only newer evidence counts. */
	bool newer = PLANTED("grant-by-old-csn") || (h->cut_strong ? csn_newer(n->csn, h->cut_csn) : csn_as_new(n->csn, h->cut_csn));
	bool hold = h->hold_reason && !h->release;
	if (n->unsure && h->stage != STAGE_ACTIVE && h->stage != STAGE_HELD)
		return stay(h, "entitled by what is not there, and the source is not believed now");
	switch (h->stage) {
	case STAGE_NONE:
	case STAGE_DUE:
		return newcomer(h, n);
	case STAGE_ACTIVE:
		return stay(h, "entitled");
	case STAGE_SUSPENDED:
		if (!newer)
			return stay(h, "entitled, but by older evidence than the one that cut");
		return hold ? move(h, n, STAGE_HELD, "back, and held") : move(h, n, STAGE_ACTIVE, "back");
	case STAGE_HELD:
		return hold ? stay(h, "held") : move(h, n, STAGE_ACTIVE, "released");
	case STAGE_RETIRED:
		if (!newer)
			return stay(h, "entitled, but by older evidence than the one that cut");
		{
			struct history nobody = { .stage = STAGE_NONE };
			struct decision d = newcomer(&nobody, n);
			if (d.stage == STAGE_NONE)
				return stay(h, d.why);
			d.new_generation = true;
			return d;
		}
	case STAGE_COUNT:
		break;
	}
	return stay(h, "entitled");
}

static struct decision leaving(const struct history *h, const struct news *n, const struct stage_rules *r)
{
	bool strong = n->signal == SIGNAL_DISABLED;
	bool kept = n->is_protected && !strong;
	const char *why = strong ? "disabled" : n->signal == SIGNAL_ABSENT ? "absent, confirmed" : "not entitled, confirmed";
	switch (h->stage) {
	case STAGE_DUE:
		return move(h, n, STAGE_NONE, "not entitled any more before anything was made");
	case STAGE_ACTIVE:
	case STAGE_HELD: {
		/* Also of somebody protected: his entry may say more than that he is not where he was. */
		if (!strong && !n->confirmed && !PLANTED("absent-acts-at-once")) {
			struct decision d = stay(h, "a weak sign: waits for confirmation");
			d.wait = true;
			return d;
		}
		if (kept)
			return stay(h, "protected: only a value that says disabled takes his access");
		return suspend(h, n, r, why);
	}
	default:
		return stay(h, strong ? "disabled" : "not on the roll");
	}
}

struct decision stage_decide(const struct history *h, const struct news *n, const struct stage_rules *r)
{
	bool in = n->signal == SIGNAL_ENTITLED;
	/* A start date that moves into the future takes access from whoever has some: a weak sign. */
	if (n->signal == SIGNAL_DUE)
		in = h->stage == STAGE_NONE || h->stage == STAGE_DUE || h->stage == STAGE_RETIRED;
	if (n->signal == SIGNAL_NONE)
		return stay(h, "nothing is known");
	struct decision d = in ? entitled(h, n) : leaving(h, n, r);
	bool over = h->retire_after_ms && n->now_ms >= h->retire_after_ms;
	if (!in && d.stage == STAGE_SUSPENDED && h->stage == STAGE_SUSPENDED && over && n->gone_again && !n->is_protected) {
		d = move(h, n, STAGE_RETIRED, "grace is over");
		d.cut = true;
	}
	return d;
}

struct decision stage_hold(const struct history *h, int64_t now_ms)
{
	const struct news n = { .now_ms = now_ms };
	struct decision d = stay(h, "nothing to hold");
	switch (h->stage) {
	case STAGE_ACTIVE:
		d = move(h, &n, STAGE_HELD, "held");
		d.cut = d.keep_hold = true;
		break;
	case STAGE_SUSPENDED:
		/* His grace runs on; when he comes back, he is held. */
		d = stay(h, "held when he comes back");
		d.keep_hold = true;
		break;
	case STAGE_HELD:
		d = stay(h, "held already");
		d.keep_hold = true;
		break;
	default:
		d.keep_hold = false;
	}
	return d;
}
