/* What the module costs at login:  pam DIR ROUNDS USER
 * Two services of DIR, "without" and "with" the module, in turns: account, session open and close, by libpam itself.  Prints
 * median and 99th percentile of both in microseconds. */
#include <security/pam_appl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int silent(int n, const struct pam_message **m, struct pam_response **out, void *ctx)
{
	(void)m, (void)ctx;
	*out = calloc((size_t)n, sizeof(**out));
	return *out ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t one_login(const char *dir, const char *service, const char *user)
{
	const struct pam_conv conv = { silent, NULL };
	pam_handle_t *h = NULL;
	int64_t began = now_us();
	int rc = pam_start_confdir(service, user, &conv, dir, &h);
	if (rc == PAM_SUCCESS)
		rc = pam_acct_mgmt(h, 0);
	if (rc == PAM_SUCCESS)
		rc = pam_open_session(h, 0);
	if (rc == PAM_SUCCESS)
		rc = pam_close_session(h, 0);
	int64_t took = now_us() - began;
	if (rc != PAM_SUCCESS) {
		fprintf(stderr, "%s: %s\n", service, h ? pam_strerror(h, rc) : "no handle");
		exit(1);
	}
	pam_end(h, rc);
	return took;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static const char *const services[] = { "without", "with" };
	size_t rounds = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	if (rounds < 100 || rounds > 1000000) {
		fprintf(stderr, "usage: pam DIR ROUNDS USER, with 100 rounds or more\n");
		return 2;
	}
	int64_t *took[2] = { calloc(rounds, sizeof(int64_t)), calloc(rounds, sizeof(int64_t)) };
	if (!took[0] || !took[1])
		return 2;
	for (size_t i = 0; i < rounds; i++)
		for (int s = 0; s < 2; s++)
			took[s][i] = one_login(argv[1], services[s], argv[3]);
	for (int s = 0; s < 2; s++) {
		qsort(took[s], rounds, sizeof(int64_t), by_size);
		printf("%s %lld %lld\n", services[s], (long long)took[s][rounds / 2], (long long)took[s][rounds * 99 / 100]);
		free(took[s]);
	}
	return 0;
}
