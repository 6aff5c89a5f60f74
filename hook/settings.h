/* All settings of rollcalld: one struct, one table (settings.c), one sample (etc/rollcall.conf.sample), one
 * manual page; a test compares the four. */
#ifndef ROLLCALL_HOOK_SETTINGS_H
#define ROLLCALL_HOOK_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "cloud/http.h"
#include "cloud/resource.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/mem.h"
#include "ldap/dir.h"
#include "ldap/person.h"
#include "policies/cam/catalogue.h"

struct profile_settings {          /* profiles = ( { name, filter, package, bundle, region, ... }, ... ) */
	char *name, *filter;           /* filter NULL: fits everyone (the last one) */
	char *package, *bundle;        /* bundle NULL: no server */
	char *blueprint, *zone, *region;
	int trigger;                   /* 0 directory, 1 login */
	bool park;                     /* whose key is dormant is held until his next login on this machine */
	double price_yuan;             /* what one person costs when he joins */
};

struct settings {
	char *installation;            /* first part of the owner mark: two Rollcalls in one root account differ in it */
	struct {
		struct dir_settings dir;   /* uris is filled from `uri` */
		struct conf_texts uri;
		struct attribute_map map;
		char *entitled, *disabled, *guarded;   /* filter texts; the last one is `protected` */
		struct conf_texts sentinels;           /* dir.sentinels is filled from it */
	} directory;
	struct {
		char *credential_file;     /* SecretId, SecretKey */
		char *root_account;        /* a name for it, shown in the directory */
		char *region, *domain;
		struct http_settings endpoint;
		double rate_share;
		int64_t timeout_ms, revoke_timeout_ms;
		double isolation_days;     /* as written; driver.isolation_ms is made from it */
		int by_hand;               /* as written: 0 remove, 1 report; driver.by_hand_kept is made from it */
		struct cloud_settings driver;
		char *openclaw_image;      /* copied into driver */
		char *agent_script_file;
	} cloud;
	struct {
		char *template_file, *boundary_file, *barrier_file, *catalogue_file;
		/* Read once, when they were judged: what is sent is what was proved. */
		char *template_text, *boundary_text, *barrier_text;
		struct cam_catalogue *catalogue;
	} policy;
	struct {
		struct conf_texts escrow;  /* certificate files */
		char *key_file;            /* Rollcall's own key pair */
		char *person_ca;           /* CA of employees' certificates; NULL: not used */
		bool strict_memory;        /* refuse to start when the secure heap cannot be locked */
	} seal;
	struct {
		int64_t grace_ms, undo_ms, weak_wait_ms, sweep_ms, trust_ms, audit_ms, retry_max_ms;
		int64_t listing_audit_ms;  /* 0: never */
		int64_t dormant_ms;        /* a key unused for so long is told; 0: nobody looks */
		int64_t departures_hour, departures_day;               /* the departure brake: so many ... */
		double departures_percent, departures_percent_day;     /* ... or this share of the roll, whichever is more */
		int64_t joins_hour;        /* the spending brake; 0: no limit */
		double money_day_yuan;
		int64_t retirements_day;   /* the deletion budget; 0: none */
	} life;
	struct conf_groups profiles;   /* struct profile_settings */
	int64_t workers, revoke_workers;
	struct {
		char *second;          /* second place of the evidence; NULL: the system log */
		int64_t head_ms;       /* the head of its chain goes to the system log this often */
	} evidence;
	struct { bool kick; } login;   /* end a leaver's sessions on this machine */
	char *state_dir;               /* store, evidence */
	char *socket;                  /* the desk's */
	char *admin_group;             /* may ask everything */
	char *log_level_name;
	int log_level;
};

#define SETTINGS_FILE_MAX (1u << 20)     /* a template, a script */

/* Read, check and complete (filters compiled into *rules, secret files readable, CA files there, at least one
 * profile, escrow certificates usable, policies proved to isolate).  Every complaint, "file:line: path: why", is in
 * *complaints.
 * Fails: INPUT. */
MUST_USE int settings_load(const char *file, struct arena *, struct settings *, struct roll_rules *rules, char **complaints,
	struct err *e);
/* The profile of this name; NULL: there is none, or name is NULL. */
const struct profile_settings *settings_profile(const struct settings *, const char *name);
/* Yuan as written -> fen. */
int64_t settings_fen(double yuan);
char *settings_show(const struct settings *, struct arena *);
extern const struct conf_row settings_rows[];
extern const size_t settings_row_count;

#endif
