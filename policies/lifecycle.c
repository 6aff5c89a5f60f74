#include "policies/lifecycle.h"

#define ON CELL_ON
#define LOCK CELL_LOCK
#define KEEP CELL_KEEP
#define OFF CELL_OFF

/* clang-format off */
static const struct row page[ROW_COUNT] = {
/*                      NONE  DUE   ACTIVE SUSPENDED HELD RETIRED   cut  needed */
	{ ROW_USER,     { OFF,  OFF,  ON,    KEEP,   KEEP,   OFF  },  12,  true,  NULL },
	{ ROW_BOUNDARY, { OFF,  OFF,  ON,    KEEP,   KEEP,   KEEP },  11,  true,  NULL },
	{ ROW_ENV,      { OFF,  OFF,  ON,    KEEP,   KEEP,   OFF  },   8,  true,  NULL },
	{ ROW_POLICY,   { OFF,  OFF,  ON,    LOCK,   LOCK,   OFF  },   5,  true,  NULL },
	{ ROW_ACCESS,   { OFF,  OFF,  ON,    LOCK,   LOCK,   LOCK },   3,  true,  NULL },
	{ ROW_CONSOLE,  { OFF,  OFF,  ON,    LOCK,   LOCK,   OFF  },   2,  false, NULL },
	{ ROW_ENVKEYS,  { OFF,  OFF,  KEEP,  OFF,    OFF,    OFF  },   4,  false, NULL },
	{ ROW_KEY,      { OFF,  OFF,  ON,    LOCK,   LOCK,   OFF  },   1,  true,  NULL },
	{ ROW_PROOF,    { OFF,  OFF,  ON,    KEEP,   KEEP,   KEEP },   9,  false, NULL },
	{ ROW_DELIVERY, { OFF,  OFF,  ON,    ON,     ON,     ON   },  10,  false, NULL },
	{ ROW_SERVER,   { OFF,  OFF,  ON,    LOCK,   LOCK,   OFF  },   6,  false, NULL },
	{ ROW_AGENT,    { OFF,  OFF,  ON,    KEEP,   KEEP,   KEEP },   7,  false, NULL },
};
/* clang-format on */

const char *cell_name(enum cell c)
{
	static const char *const names[] = { "ON", "LOCK", "KEEP", "OFF" };
	return names[c];
}

void lifecycle_make_from(struct lifecycle *l, const struct driver *const drivers[ROW_COUNT])
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		l->rows[i] = page[i];
		l->rows[i].driver = drivers[page[i].id];
	}
}

void lifecycle_make(struct lifecycle *l, const struct driver *delivery)
{
	const struct driver *const drivers[ROW_COUNT] = {
		[ROW_USER] = &user_driver,
		[ROW_BOUNDARY] = &boundary_driver,
		[ROW_ENV] = &env_driver,
		[ROW_POLICY] = &policy_driver,
		[ROW_ACCESS] = &access_driver,
		[ROW_CONSOLE] = &console_driver,
		[ROW_ENVKEYS] = &envkeys_driver,
		[ROW_KEY] = &key_driver,
		[ROW_PROOF] = &proof_driver,
		[ROW_DELIVERY] = delivery,
		[ROW_SERVER] = &server_driver,
		[ROW_AGENT] = &agent_driver,
	};
	lifecycle_make_from(l, drivers);
}

/* Whoever comes back is ACTIVE again: what one stage locks, ACTIVE must switch on. */
static int check_row(const struct row *r, struct err *e)
{
	for (int s = 0; s < STAGE_COUNT; s++) {
		if (r->cells[s] == CELL_LOCK && !r->driver->lock)
			return err_set(e, ERR_BUG, "row \"%s\" cannot be locked", r->driver->name);
		if (r->cells[s] == CELL_LOCK && r->cells[STAGE_ACTIVE] != CELL_ON)
			return err_set(e, ERR_BUG, "row \"%s\" is locked and never switched on", r->driver->name);
		if (r->cells[s] == CELL_OFF && s >= STAGE_ACTIVE && !r->driver->remove)
			return err_set(e, ERR_BUG, "row \"%s\" cannot be removed", r->driver->name);
		if (r->cells[s] == CELL_ON && !r->driver->ensure)
			return err_set(e, ERR_BUG, "row \"%s\" cannot be built", r->driver->name);
	}
	if (r->cut <= CUT_LAST && r->cells[STAGE_SUSPENDED] != CELL_LOCK && r->cells[STAGE_SUSPENDED] != CELL_OFF)
		return err_set(e, ERR_BUG, "row \"%s\" is in the cut and takes nothing away", r->driver->name);
	return 0;
}

int lifecycle_check(const struct lifecycle *l, struct err *e)
{
	unsigned places = 0;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct row *r = &l->rows[i];
		if (r->id != (enum row_id)i || !r->driver)
			return err_set(e, ERR_BUG, "row %zu is out of place or has no driver", i);
		if (r->cut < 1 || r->cut > ROW_COUNT || (places & (1u << r->cut)))
			return err_set(e, ERR_BUG, "row \"%s\" has no place of its own in the cut", r->driver->name);
		places |= 1u << r->cut;
		int rc = check_row(r, e);
		if (rc)
			return rc;
	}
	if (l->rows[ROW_USER].cut != ROW_COUNT)
		return err_set(e, ERR_BUG, "the user must go last");
	return 0;
}
