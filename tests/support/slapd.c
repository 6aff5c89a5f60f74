#include "tests/support/slapd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("slapd helper: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(99);
}

const char *slapd_password(void)
{
	return "not-a-secret-1";
}

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* --- programs and files --------------------------------------------------- */

static pid_t start_program(const char *log, const char *const argv[])
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, log ? log : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	rc = posix_spawnp(&pid, argv[0], &actions, NULL, (char **)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		die("%s cannot be started: %s", argv[0], strerror(rc));
	return pid;
}

int slapd_run(const char *log, const char *const argv[])
{
	pid_t pid = start_program(log, argv);
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waiting for %s: %s", argv[0], strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void show(const char *path)
{
	char line[512];
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		fputs(line, stderr);
	if (f)
		fclose(f);
}

/* A tool that must succeed. */
static void need(struct slapd *s, const char *const argv[])
{
	char log[128];

	snprintf(log, sizeof(log), "%s/tool.log", s->folder);
	if (slapd_run(log, argv) == 0)
		return;
	show(log);
	die("%s failed", argv[0]);
}

void slapd_file(struct slapd *s, const char *name, const char *text, char *path, size_t n)
{
	FILE *f;
	int fd;

	if ((size_t)snprintf(path, n, "%s/%s", s->folder, name) >= n)
		die("path of %s is too long", name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		die("%s cannot be written: %s", path, strerror(errno));
}

int slapd_free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || getsockname(fd, (struct sockaddr *)&a, &len))
		die("no free port: %s", strerror(errno));
	close(fd);
	return ntohs(a.sin_port);
}

/* --- what a failed test leaves behind ---------------------------------------- */

/* Servers that were not freed; a test that fails jumps over its slapd_free. */
static struct { char folder[64]; pid_t pid; } living[32];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *w)
{
	(void)st;
	(void)kind;
	(void)w;
	return remove(path);
}

static void clean_up(void)
{
	for (size_t i = 0; i < sizeof(living) / sizeof(living[0]); i++) {
		if (living[i].pid > 0) {
			kill(living[i].pid, SIGKILL);
			waitpid(living[i].pid, NULL, 0);
		}
		if (living[i].folder[0])
			nftw(living[i].folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	}
}

/* pid 0: not running; -1: forget it. */
static void note(const char *folder, pid_t pid)
{
	static bool registered;
	size_t i = 0, most = sizeof(living) / sizeof(living[0]);

	if (!registered && !atexit(clean_up))
		registered = true;
	while (i < most && strcmp(living[i].folder, folder) != 0)
		i++;
	for (size_t k = 0; i == most && k < most; k++)
		if (!living[k].folder[0])
			i = k;
	if (i == most)
		return;
	snprintf(living[i].folder, sizeof(living[i].folder), "%s", pid < 0 ? "" : folder);
	living[i].pid = pid;
}

/* --- certificates ---------------------------------------------------------- */

static void make_ca(struct slapd *s, const char *name, char *cert, size_t n)
{
	char key[128];

	snprintf(cert, n, "%s/%s.pem", s->folder, name);
	snprintf(key, sizeof(key), "%s/%s.key", s->folder, name);
	need(s, (const char *const[]){ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-days", "2", "-subj", "/CN=Test CA", "-keyout", key, "-out", cert, NULL });
}

static void make_certificate(struct slapd *s)
{
	char key[128], request[128], cert[128], ca_key[128], extensions[128];

	snprintf(key, sizeof(key), "%s/server.key", s->folder);
	snprintf(request, sizeof(request), "%s/server.csr", s->folder);
	snprintf(cert, sizeof(cert), "%s/server.pem", s->folder);
	snprintf(ca_key, sizeof(ca_key), "%s/ca.key", s->folder);
	slapd_file(s, "server.ext", "subjectAltName=IP:127.0.0.1\n", extensions, sizeof(extensions));
	need(s, (const char *const[]){ "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-subj", "/CN=127.0.0.1", "-keyout", key, "-out", request, NULL });
	need(s, (const char *const[]){ "openssl", "x509", "-req", "-in", request, "-CA", s->ca, "-CAkey", ca_key, "-CAcreateserial",
		"-days", "2", "-extfile", extensions, "-out", cert, NULL });
}

/* --- configuration and content --------------------------------------------- */

static void write_conf(struct slapd *s, const struct slapd_options *o)
{
	char here[256], *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (!f || !getcwd(here, sizeof(here)))
		die("no memory or no folder");
	fputs("include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n"
		"include /etc/ldap/schema/nis.schema\ninclude /etc/ldap/schema/inetorgperson.schema\n", f);
	if (!o->config_ldif)
		fprintf(f, "include %s/etc/schema/rollcall.schema\n", here);
	fprintf(f, "pidfile %s/slapd.pid\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\nmoduleload syncprov\n"
		"serverID 1\nsizelimit 500\n", s->folder);
	if (o->tls)
		fprintf(f, "TLSCertificateFile %s/server.pem\nTLSCertificateKeyFile %s/server.key\nTLSCACertificateFile %s\n",
			s->folder, s->folder, s->ca);
	fprintf(f, "authz-regexp \"gidNumber=%u\\\\+uidNumber=%u,cn=peercred,cn=external,cn=auth\" \"" SLAPD_ACCOUNT "\"\n",
		(unsigned)getegid(), (unsigned)geteuid());
	if (o->global_conf)
		fputs(o->global_conf, f);
	fprintf(f, "database config\nrootdn cn=config\nrootpw %s\n"
		"database mdb\nsuffix " SLAPD_SUFFIX "\nrootdn " SLAPD_ADMIN "\nrootpw %s\ndirectory %s/db\nmaxsize 1073741824\n"
		"dbnosync\nindex objectClass,uid,entryUUID,entryCSN eq\n", slapd_password(), slapd_password(), s->folder);
	fputs(o->database_conf ? o->database_conf :
		"limits dn.exact=\"" SLAPD_ACCOUNT "\" size=unlimited time=unlimited\n"
		"access to attrs=userPassword by anonymous auth by * none\n"
		"access to * by dn.exact=\"" SLAPD_ACCOUNT "\" write by * read\n", f);
	if (!o->no_sync)
		fputs("\noverlay syncprov\nsyncprov-checkpoint 1 1\n", f);
	fclose(f);
	slapd_file(s, "slapd.conf", text, s->conf, sizeof(s->conf));
	free(text);
}

static void write_people(FILE *f, size_t people)
{
	for (size_t i = 0; i < people; i++)
		fprintf(f, "dn: uid=u%04zu," SLAPD_PEOPLE "\nobjectClass: inetOrgPerson\nuid: u%04zu\ncn: Person %zu\nsn: P%zu\n"
			"mail: u%04zu@example.org\nemployeeType: active\n\n", i, i, i, i, i);
}

/* -w writes the contextCSN.  Without -q: slapadd 2.5.13 with both frees a cursor twice. */
static void fill(struct slapd *s, const struct slapd_options *o)
{
	static const char *const units[] = { "people", "alumni", "services", "groups" };
	char path[128], *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		die("no memory");
	fputs("dn: " SLAPD_SUFFIX "\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n", f);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		fprintf(f, "dn: ou=%s," SLAPD_SUFFIX "\nobjectClass: organizationalUnit\nou: %s\n\n", units[i], units[i]);
	fprintf(f, "dn: " SLAPD_ACCOUNT "\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: rollcall\n"
		"userPassword: %s\n\n", slapd_password());
	write_people(f, o->people);
	if (o->more_ldif)
		fputs(o->more_ldif, f);
	fclose(f);
	slapd_file(s, "content.ldif", text, path, sizeof(path));
	free(text);
	need(s, (const char *const[]){ "/usr/sbin/slapadd", "-S", "1", "-w", "-b", SLAPD_SUFFIX, "-f", s->conf, "-l", path, NULL });
}

/* From slapd.conf to cn=config; slaptest wants to open the database, so that must be there already. */
static void convert(struct slapd *s)
{
	char folder[sizeof(s->conf)];

	snprintf(folder, sizeof(folder), "%s/slapd.d", s->folder);
	if (mkdir(folder, 0700))
		die("%s: %s", folder, strerror(errno));
	need(s, (const char *const[]){ "/usr/sbin/slaptest", "-f", s->conf, "-F", folder, NULL });
	snprintf(s->conf, sizeof(s->conf), "%s", folder);
}

void slapd_new(struct slapd *s, const struct slapd_options *o)
{
	size_t at = 0;
	char db[96];

	*s = (struct slapd){ .folder = "/tmp/rollcall-slapd-XXXXXX", .config_dir = o->config_dir, .tls = o->tls,
		.load_ldif = o->config_ldif };
	if (!mkdtemp(s->folder))
		die("no folder: %s", strerror(errno));
	note(s->folder, 0);
	snprintf(db, sizeof(db), "%s/db", s->folder);
	if (mkdir(db, 0700))
		die("%s: %s", db, strerror(errno));
	s->port = slapd_free_port();
	snprintf(s->ldap, sizeof(s->ldap), "ldap://127.0.0.1:%d", s->port);
	for (const char *p = s->folder; *p; p++)
		at += (size_t)(*p == '/' ? snprintf(s->ldapi + at, sizeof(s->ldapi) - at, "%s%%2F", at ? "" : "ldapi://")
					 : snprintf(s->ldapi + at, sizeof(s->ldapi) - at, "%c", *p));
	snprintf(s->ldapi + at, sizeof(s->ldapi) - at, "%%2Fldapi");
	if (o->tls) {
		make_ca(s, "ca", s->ca, sizeof(s->ca));
		make_ca(s, "other", s->other_ca, sizeof(s->other_ca));
		make_certificate(s);
		s->tls_port = slapd_free_port();
		snprintf(s->ldaps, sizeof(s->ldaps), "ldaps://127.0.0.1:%d", s->tls_port);
	}
	slapd_file(s, "secret", slapd_password(), s->secret, sizeof(s->secret));
	slapd_file(s, "admin-secret", slapd_password(), s->admin_secret, sizeof(s->admin_secret));
	write_conf(s, o);
	fill(s, o);
	if (o->config_dir)
		convert(s);
}

/* --- life ------------------------------------------------------------------ */

static bool answers(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

/* Rollcall's LDIF files as an administrator would load them. */
static void load_ldif(struct slapd *s)
{
	static const char *const files[] = { "etc/schema/rollcall.ldif", "etc/acl/rollcall-acl.ldif" };

	for (size_t i = 0; s->load_ldif && i < sizeof(files) / sizeof(files[0]); i++)
		need(s, (const char *const[]){ i ? "ldapmodify" : "ldapadd", "-x", "-H", s->ldap, "-D", "cn=config", "-y",
			s->admin_secret, "-f", files[i], NULL });
	s->load_ldif = false;
}

void slapd_start(struct slapd *s)
{
	char urls[512], log[128];
	int status;

	snprintf(urls, sizeof(urls), "%s/ %s %s", s->ldap, s->tls ? s->ldaps : "", s->ldapi);
	snprintf(log, sizeof(log), "%s/slapd.log", s->folder);
	/* Should this program be killed, slapd goes with it. */
	s->pid = start_program(log, (const char *const[]){ "setpriv", "--pdeathsig", "KILL", "/usr/sbin/slapd", "-d", "0", s->config_dir ? "-F" : "-f", s->conf,
		"-h", urls, NULL });
	note(s->folder, s->pid);
	for (int i = 0; i < 400; i++) {
		if (answers(s->port)) {
			load_ldif(s);
			return;
		}
		if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
			s->pid = 0;
			note(s->folder, 0);
			break;
		}
		pause_ms(25);
	}
	show(log);
	slapd_free(s);
	die("slapd did not start");
}

void slapd_stop(struct slapd *s, int signal)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, signal);
	if (signal != SIGKILL)
		kill(s->pid, SIGCONT);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
	note(s->folder, 0);
}

void slapd_free(struct slapd *s)
{
	slapd_stop(s, SIGKILL);
	if (!s->folder[0])
		return;
	nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	note(s->folder, -1);
	s->folder[0] = 0;
}

/* --- tools ----------------------------------------------------------------- */

int slapd_ldif_as(struct slapd *s, const char *who, const char *secret_file, const char *ldif)
{
	char path[128], log[128];

	slapd_file(s, "change.ldif", ldif, path, sizeof(path));
	snprintf(log, sizeof(log), "%s/tool.log", s->folder);
	return slapd_run(log, (const char *const[]){ "ldapmodify", "-x", "-H", s->ldap, "-D", who, "-y", secret_file, "-f", path, NULL });
}

int slapd_ldif(struct slapd *s, const char *ldif)
{
	int rc = slapd_ldif_as(s, SLAPD_ADMIN, s->admin_secret, ldif);
	char log[128];

	if (rc) {
		snprintf(log, sizeof(log), "%s/tool.log", s->folder);
		show(log);
	}
	return rc;
}

int slapd_search_as(struct slapd *s, const char *who, const char *secret_file, const char *base, const char *filter,
	const char *attribute, char *out, size_t n)
{
	char log[128];
	size_t got = 0;
	int rc;
	FILE *f;

	snprintf(log, sizeof(log), "%s/tool.log", s->folder);
	rc = slapd_run(log, (const char *const[]){ "ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", s->ldap, "-D", who, "-y",
		secret_file, "-b", base, filter, attribute, NULL });
	f = fopen(log, "r");
	if (f) {
		got = fread(out, 1, n - 1, f);
		fclose(f);
	}
	out[got] = 0;
	return rc;
}
