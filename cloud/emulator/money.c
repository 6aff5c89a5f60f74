/* What things cost, and what was paid: amounts are fen. */
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/state.h"
#include "common/str.h"

#define ORDERS_KEPT 100000
#define FIRST_BALANCE INT64_C(100000000)

struct package { char id[65]; int64_t price; };
struct catalogue {
	size_t package_count, bundle_count;
	struct package *packages;
	struct bundle *bundles;
	char **names;            /* of bundles that the price file added */
	size_t name_count;
};

static const struct package packages[] = {
	{ "baas_personal", 1990 }, { "baas_integration", 9900 }, { "baas_pf_standard", 19900 },
	{ "baas_pf_enterprise", 69900 }, { "baas_pf_enterprise_senior", 189900 },
};
static const struct bundle bundles[] = {
	{ "bundle_starter_lin_1c1g", "STARTER_BUNDLE", 1, 1, 20, 2400, false },
	{ "bundle_gen_lin_2c2g", "GENERAL_BUNDLE", 2, 2, 40, 4500, false },
	{ "bundle_gen_lin_2c4g", "GENERAL_BUNDLE", 2, 4, 60, 6500, false },
	{ "bundle_gen_lin_4c8g", "GENERAL_BUNDLE", 4, 8, 120, 16500, false },
	{ "bundle_gen_lin_8c16g", "GENERAL_BUNDLE", 8, 16, 180, 33000, false },
	{ "bundle_gen_lin_16c32g", "GENERAL_BUNDLE", 16, 32, 240, 66000, true },
};
static const struct blueprint blueprints[] = {
	{ "lhbp-0pencla1", "OpenClaw", "2026.10", "APP_OS", "OpenClaw-2026.10-Ubuntu-24.04", "Ubuntu Server 24.04 LTS",
		4, 40 },
	{ "lhbp-ubuntu24", "Ubuntu", "24.04 LTS", "PURE_OS", "Ubuntu-24.04", "Ubuntu Server 24.04 LTS", 1, 20 },
	{ "lhbp-debian12", "Debian", "12", "PURE_OS", "Debian-12", "Debian 12", 1, 20 },
	{ "lhbp-docker26", "Docker CE", "26", "DOCKER", "Docker-26", "OpenCloudOS 8", 1, 20 },
};

const struct blueprint *blueprint_find(const char *id)
{
	for (size_t i = 0; i < ARRAY_LEN(blueprints); i++)
		if (str_eq(blueprints[i].id, id))
			return &blueprints[i];
	return NULL;
}

const struct blueprint *blueprint_at(size_t i)
{
	return i < ARRAY_LEN(blueprints) ? &blueprints[i] : NULL;
}

/* --- the catalogue ------------------------------------------------------------------ */

static struct package *find_package(const struct catalogue *c, const char *id)
{
	for (size_t i = 0; i < c->package_count; i++)
		if (str_eq(c->packages[i].id, id))
			return &c->packages[i];
	return NULL;
}

int64_t package_price(const struct catalogue *c, const char *package)
{
	const struct package *p = find_package(c, package);
	return p ? p->price : -1;
}

size_t package_count(const struct catalogue *c)
{
	return c->package_count;
}

const char *package_at(const struct catalogue *c, size_t i)
{
	return c->packages[i].id;
}

const struct bundle *bundle_find(const struct catalogue *c, const char *id)
{
	for (size_t i = 0; i < c->bundle_count; i++)
		if (str_eq(c->bundles[i].id, id))
			return &c->bundles[i];
	return NULL;
}

size_t bundle_count(const struct catalogue *c)
{
	return c->bundle_count;
}

const struct bundle *bundle_at(const struct catalogue *c, size_t i)
{
	return &c->bundles[i];
}

static int set_package(struct catalogue *c, const char *id, int64_t price, struct err *e)
{
	struct package *p = find_package(c, id);
	if (!p) {
		c->packages = mem_realloc(c->packages, (c->package_count + 1) * sizeof(*p));
		p = &c->packages[c->package_count++];
	}
	if (!str_copy(p->id, sizeof(p->id), id))
		return err_set(e, ERR_INPUT, "prices: package.%s: the name is too long", id);
	p->price = price;
	return 0;
}

/* A bundle that is new here is a general one of 2 cores and 4 GB. */
static int set_bundle(struct catalogue *c, const char *id, int64_t price, struct err *e)
{
	if (strlen(id) > 64)
		return err_set(e, ERR_INPUT, "prices: bundle.%.40s...: the name is too long", id);
	for (size_t i = 0; i < c->bundle_count; i++) {
		if (!str_eq(c->bundles[i].id, id))
			continue;
		c->bundles[i].price = price;
		return 0;
	}
	c->bundles = mem_realloc(c->bundles, (c->bundle_count + 1) * sizeof(*c->bundles));
	c->names = mem_realloc(c->names, (c->name_count + 1) * sizeof(*c->names));
	c->names[c->name_count] = mem_strdup(id);
	c->bundles[c->bundle_count++] = (struct bundle){ c->names[c->name_count++], "GENERAL_BUNDLE", 2, 4, 60, price,
		false };
	return 0;
}

static int read_prices(struct catalogue *c, const struct json *list, const char *name,
	int (*set)(struct catalogue *, const char *, int64_t, struct err *), struct err *e)
{
	if (json_type(list) != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "prices: %s: must be an object", name);
	for (const struct json *m = json_first(list); m; m = json_next(m)) {
		int64_t price = json_int_or(m, "", -1);
		if (json_type(m) != JSON_NUMBER || price < 0)
			return err_set(e, ERR_INPUT, "prices: %s.%s: must be a number of fen", name, json_name(m));
		int rc = set(c, json_name(m), price, e);
		if (rc)
			return rc;
	}
	return 0;
}

static int read_file(struct catalogue *c, const char *text, int64_t *balance, struct err *e)
{
	AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
	struct json *prices;
	int rc = json_parse(a, text, strlen(text), &prices, e);
	if (rc)
		return err_wrap(e, "prices");
	if (json_type(prices) != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "prices: must be an object");
	for (const struct json *m = json_first(prices); m && !rc; m = json_next(m)) {
		const char *name = json_name(m);
		if (str_eq(name, "package"))
			rc = read_prices(c, m, name, set_package, e);
		else if (str_eq(name, "bundle"))
			rc = read_prices(c, m, name, set_bundle, e);
		else if (str_eq(name, "balance") && json_type(m) == JSON_NUMBER)
			*balance = json_int_or(m, "", *balance);
		else
			rc = err_set(e, ERR_INPUT, "prices: %s: unknown (there are package, bundle and balance)", name);
	}
	return rc;
}

struct catalogue *catalogue_new(const char *prices, int64_t *balance, struct err *e)
{
	struct catalogue *c = mem_alloc(sizeof(*c));
	c->package_count = ARRAY_LEN(packages);
	c->packages = memcpy(mem_alloc(sizeof(packages)), packages, sizeof(packages));
	c->bundle_count = ARRAY_LEN(bundles);
	c->bundles = memcpy(mem_alloc(sizeof(bundles)), bundles, sizeof(bundles));
	*balance = FIRST_BALANCE;
	if (prices && read_file(c, prices, balance, e)) {
		catalogue_free(c);
		return NULL;
	}
	return c;
}

void catalogue_free(struct catalogue *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->name_count; i++)
		free(c->names[i]);
	free(c->names);
	free(c->packages);
	free(c->bundles);
	free(c);
}

/* --- the purse --------------------------------------------------------------------------- */

static void book(struct emulator *em, const char *kind, const char *subject, int64_t amount, int64_t at)
{
	struct order *o = mem_alloc(sizeof(*o));
	o->at = at;
	o->amount = amount;
	str_copy(o->kind, sizeof(o->kind), kind);
	str_copy(o->subject, sizeof(o->subject), subject);
	if (em->orders.count >= ORDERS_KEPT) {
		/* The older half goes at once: one by one would be a quadratic habit. */
		for (size_t i = 0; i < ORDERS_KEPT / 2; i++)
			free(em->orders.items[i]);
		em->orders.count -= ORDERS_KEPT / 2;
		memmove(em->orders.items, em->orders.items + ORDERS_KEPT / 2, em->orders.count * sizeof(void *));
	}
	list_add(&em->orders, o);
}

bool money_pay(struct emulator *em, const char *kind, const char *subject, int64_t amount, int64_t at)
{
	if (em->balance < amount)
		return false;
	em->balance -= amount;
	em->paid += amount;
	book(em, kind, subject, amount, at);
	return true;
}

void money_refund(struct emulator *em, const char *subject, int64_t amount)
{
	if (amount <= 0)
		return;
	em->balance += amount;
	em->refunded += amount;
	book(em, "refund", subject, -amount, business_now(em));
}
