/* A private slapd for tests: its own folder, free ports on 127.0.0.1, ended by its pid.  Needs the packages
 * slapd, ldap-utils and openssl; run from the project's root (the schema is taken from etc/schema).
 *
 * Order: slapd_new, slapd_start, ..., slapd_free.  In between slapd_stop and slapd_start as often as wanted.
 * Everything is about dc=example,dc=org: ou=people, ou=alumni, ou=services, ou=groups, and
 * cn=rollcall,ou=services with the password of slapd_password().  Trouble ends the test program with a message. */
#ifndef ROLLCALL_TESTS_SLAPD_H
#define ROLLCALL_TESTS_SLAPD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SLAPD_SUFFIX "dc=example,dc=org"
#define SLAPD_PEOPLE "ou=people,dc=example,dc=org"
#define SLAPD_ADMIN "cn=admin,dc=example,dc=org"              /* the rootdn */
#define SLAPD_ACCOUNT "cn=rollcall,ou=services,dc=example,dc=org"

struct slapd_options {
	size_t people;               /* uid=u0000, u0001, ... below ou=people, with mail, cn, employeeType=active */
	const char *more_ldif;       /* further entries, NULL: none */
	const char *global_conf;     /* lines before the database, NULL: none */
	const char *database_conf;   /* lines of the database, behind the standard ones; NULL: the account may write everything */
	bool tls;                    /* make a CA and a certificate, listen on ldaps as well */
	bool no_sync;                /* without the overlay syncprov */
	bool config_dir;             /* run from cn=config instead of slapd.conf */
	bool config_ldif;            /* with config_dir: load etc/schema/rollcall.ldif and etc/acl/rollcall-acl.ldif at the first start */
};

struct slapd {
	char folder[64];
	char ldap[64], ldaps[64], ldapi[192];   /* URIs */
	char conf[96], secret[96];              /* slapd.conf; file with the account's password */
	char admin_secret[96];
	char ca[96], other_ca[96];              /* PEM; other_ca did not sign anything here */
	int port, tls_port;
	bool config_dir, tls, load_ldif;
	pid_t pid;
};

void slapd_new(struct slapd *, const struct slapd_options *);
void slapd_start(struct slapd *);
void slapd_stop(struct slapd *, int signal);      /* and wait for its end */
void slapd_free(struct slapd *);                  /* ends it, removes the folder; may be called twice */

/* ldapmodify as the rootdn (or as `who` with the password in a file).  Returns the tool's exit status. */
int slapd_ldif(struct slapd *, const char *ldif);
int slapd_ldif_as(struct slapd *, const char *who, const char *secret_file, const char *ldif);
/* ldapsearch as `who`; the output is put into `out` of size n.  Returns the tool's exit status. */
int slapd_search_as(struct slapd *, const char *who, const char *secret_file, const char *base, const char *filter,
	const char *attribute, char *out, size_t n);
const char *slapd_password(void);

/* A file in the folder, mode 0600; `path` of size n gets its name. */
void slapd_file(struct slapd *, const char *name, const char *text, char *path, size_t n);
/* Run a program to its end with output to `log` (NULL: thrown away).  Returns its exit status, 128 + signal. */
int slapd_run(const char *log, const char *const argv[]);
int slapd_free_port(void);

#endif
