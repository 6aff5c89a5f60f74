/* sd_notify(3), where libsystemd was there at build time; nothing otherwise. */
#ifndef ROLLCALL_HOOK_NOTIFY_H
#define ROLLCALL_HOOK_NOTIFY_H

void notify_ready(void);
void notify_stopping(void);

#endif
