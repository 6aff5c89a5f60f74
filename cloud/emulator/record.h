/* One request as its shape: which action of which service in which version and region, from which client, and the names
 * and types of its parameters.  Never a value of a parameter, and nothing of the key, so that what real programs send
 * can be kept and compared with the vendor's models. */
#ifndef ROLLCALL_CLOUD_EMULATOR_RECORD_H
#define ROLLCALL_CLOUD_EMULATOR_RECORD_H

#include "cloud/emulator/emulator.h"

/* {"service","version","action","region","client","parameters"} in one line, without its end.  A parameter is "string",
 * "int", "number" (with a fraction), "bool", "null", an object of parameters, or an array of the different
 * shapes of its items; `parameters` is null when the body is no JSON object.  NULL: not a request to a service. */
const char *record_line(const struct emulator_request *, struct arena *);

#endif
