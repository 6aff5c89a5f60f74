/* What the lighthouse and tat handlers share. */
#ifndef ROLLCALL_CLOUD_EMULATOR_SERVERS_H
#define ROLLCALL_CLOUD_EMULATOR_SERVERS_H

#include "cloud/emulator/call.h"

/* The servers of the parameter InstanceIds in the region of the call.  Fails by call_fail() on an id that is
 * malformed, named twice, or not there. */
int servers_named(struct call *, struct server ***out, size_t *count);
/* Many reads take a list of ids or `Filters`, not both.  Fails by call_fail() with the product's own code. */
int ids_or_filters(struct call *, const char *code, const char *ids);
/* Is the id named by that parameter?  All are when it is missing or empty. */
bool ids_have(const struct call *, const char *ids, const char *id);
bool server_id_fits(const char *id);
bool server_agent_online(const struct emulator *, const struct server *);
const char *server_state_name(const struct server *);
/* 0, or DescribeInstancesReturnable's ReturnFailCode. */
int server_return_code(const struct emulator *, const struct server *);

#endif
