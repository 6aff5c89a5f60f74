/* The emulator's own paths: /_emulator/state, calls, faults and clock. */
#ifndef ROLLCALL_CLOUD_EMULATOR_CONTROL_H
#define ROLLCALL_CLOUD_EMULATOR_CONTROL_H

#include "cloud/emulator/emulator.h"

void control(struct emulator *, const struct emulator_request *, struct arena *, struct emulator_reply *);

#endif
