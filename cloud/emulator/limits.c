/* Rate limits: one bucket per action and signing account, as large as one second of the documented rate. */
#include "cloud/emulator/call.h"

static struct bucket *buckets_of(struct call *c)
{
	struct bucket **all = c->caller ? &c->caller->buckets : &c->em->root_buckets;
	if (!*all)
		*all = mem_alloc(c->em->action_count * sizeof(**all));
	return *all;
}

bool limits_take(struct call *c)
{
	struct emulator *em = c->em;
	if (em->limits == EMULATOR_LIMITS_OFF)
		return true;
	struct bucket *b = &buckets_of(c)[c->slot->number];
	double rate = c->action->rate * em->limit_factor, full = rate < 1 ? 1 : rate;
	if (!b->at)
		b->tokens = full;
	else if (em->now > b->at)
		b->tokens += (double)(em->now - b->at) * rate / 1000.0;
	if (b->tokens > full)
		b->tokens = full;
	/* 0 is "never used"; a clock that starts at 0 loses one millisecond. */
	b->at = em->now ? em->now : 1;
	if (b->tokens < 1)
		return false;
	b->tokens -= 1;
	return true;
}
