/* The keys of the one person of a test, as the cloud has them. */
#ifndef ROLLCALL_TESTS_UNIT_CLOUD_KEYS_H
#define ROLLCALL_TESTS_UNIT_CLOUD_KEYS_H

#include "tests/support/cloud.h"

#define CAM "cam", "2019-01-16"

static inline size_t keys(struct cloud *c)
{
	return json_count(cloud_state(c, "users[0].keys"));
}

static inline bool active(struct cloud *c, const char *id)
{
	for (const struct json *k = json_first(cloud_state(c, "users[0].keys")); k; k = json_next(k))
		if (str_eq(json_text(k, "id"), id))
			return str_eq(json_text(k, "status"), "Active");
	return false;
}

/* One that somebody makes in the console; its id. */
static inline const char *by_hand(struct cloud *c, const char *description)
{
	const struct json *answer = cloud_raw(c, CAM, "CreateAccessKey", arena_printf(c->arena,
		"{\"TargetUin\":%llu,\"Description\":\"%s\"}", (unsigned long long)c->found.uin, description));
	return arena_strdup(c->arena, json_text(answer, "AccessKey.AccessKeyId"));
}

#endif
