#include "ldap/sync_connect.h"

#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void connector_init(struct connector *c, const struct dir_settings *s, const struct clock *clock)
{
	*c = (struct connector){ .settings = s, .clock = clock, .done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
}

static void *run(void *arg)
{
	struct connector *c = arg;
	uint64_t one = 1;

	if (dir_open(c->settings, c->at, c->clock, &c->dir, &c->err))
		c->dir = NULL;
	/* An eventfd takes eight bytes or nothing, and only a full counter is "nothing". */
	while (write(c->done_fd, &one, sizeof(one)) < 0)
		;
	return NULL;
}

/* Signals belong to the program's main thread: this one starts with all of them blocked. */
int connector_start(struct connector *c, size_t at, struct err *e)
{
	sigset_t all, before;
	int rc;

	if (c->done_fd < 0)
		return err_set(e, ERR_TEMP, "no file descriptor was left");
	c->at = at;
	c->dir = NULL;
	c->err = (struct err){ 0 };
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&c->thread, NULL, run, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		return err_set(e, ERR_TEMP, "no thread could be started: %s", strerror(rc));
	c->running = true;
	return 0;
}

bool connector_done(struct connector *c, int *rc, struct dir **dir, struct err *e)
{
	uint64_t n;

	if (!c->running || read(c->done_fd, &n, sizeof(n)) < 0)
		return false;
	pthread_join(c->thread, NULL);
	c->running = false;
	*rc = c->dir ? 0 : (int)c->err.kind;
	if (*rc)
		*e = c->err;
	*dir = c->dir;
	c->dir = NULL;
	return true;
}

void connector_close(struct connector *c)
{
	if (c->running)
		pthread_join(c->thread, NULL);
	c->running = false;
	dir_close(c->dir);
	c->dir = NULL;
	mem_cleanup_fd(&c->done_fd);
}
