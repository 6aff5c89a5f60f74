/* The table of own attributes against etc/schema (both forms) and etc/acl (both forms). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <ldap_schema.h>

#include "common/str.h"
#include "ldap/attrs.h"

/* A file without comments, in which every continued line is joined to the one before. */
static char *unfolded(struct arena *a, const char *path)
{
	char line[4096];
	struct str s;
	FILE *f = fopen(path, "r");

	if (!f)
		fail_msg("%s cannot be read", path);
	str_init(&s, a);
	while (f && fgets(line, sizeof(line), f)) {
		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = 0;
		str_addf(&s, "%s%s", line[0] == ' ' || line[0] == '\t' ? " " : "\n", line + strspn(line, " \t"));
	}
	if (f)
		fclose(f);
	str_add(&s, "\n");
	return s.text;
}

static const char *rule_for(enum own_syntax s)
{
	static const char *const rules[] = { [OWN_TEXT] = "caseIgnoreMatch", [OWN_INTEGER] = "integerMatch",
		[OWN_TIME] = "generalizedTimeMatch", [OWN_OCTETS] = "octetStringMatch" };

	return rules[s];
}

static const char *syntax_for(enum own_syntax s)
{
	static const char *const numbers[] = { [OWN_TEXT] = "1.3.6.1.4.1.1466.115.121.1.15",
		[OWN_INTEGER] = "1.3.6.1.4.1.1466.115.121.1.27", [OWN_TIME] = "1.3.6.1.4.1.1466.115.121.1.24",
		[OWN_OCTETS] = "1.3.6.1.4.1.1466.115.121.1.40" };

	return numbers[s];
}

static void compare_type(struct arena *a, const char *definition, bool seen[OWN_COUNT])
{
	const char *place;
	int code;
	LDAPAttributeType *t = ldap_str2attributetype(definition, &code, &place, LDAP_SCHEMA_ALLOW_NONE);
	size_t i = 0;

	if (!t) {
		fail_msg("%s at: %s", ldap_scherr2str(code), place);
		return;
	}
	while (i < OWN_COUNT && strcmp(own_attributes[i].name, t->at_names[0]))
		i++;
	if (i == OWN_COUNT) {
		fail_msg("%s is not in the table", t->at_names[0]);
		return;
	}
	assert_string_equal(t->at_oid, arena_printf(a, "%s.1.%u", ROLLCALL_ARC, own_attributes[i].arc));
	assert_string_equal(t->at_syntax_oid, syntax_for(own_attributes[i].syntax));
	assert_string_equal(t->at_equality_oid, rule_for(own_attributes[i].syntax));
	assert_string_equal(t->at_desc, own_attributes[i].help);
	assert_true(t->at_single_value);
	assert_false(seen[i]);
	seen[i] = true;
	ldap_attributetype_free(t);
}

static void compare_class(const char *definition)
{
	const char *place;
	int code;
	LDAPObjectClass *c = ldap_str2objectclass(definition, &code, &place, LDAP_SCHEMA_ALLOW_NONE);
	size_t n = 0;

	if (!c) {
		fail_msg("%s at: %s", ldap_scherr2str(code), place);
		return;
	}
	assert_string_equal(c->oc_oid, ROLLCALL_CLASS_OID);
	assert_string_equal(c->oc_names[0], ROLLCALL_CLASS);
	assert_int_equal(c->oc_kind, LDAP_SCHEMA_AUXILIARY);
	assert_null(c->oc_at_oids_must);
	for (; c->oc_at_oids_may[n]; n++)
		assert_true(n < OWN_COUNT && !strcmp(c->oc_at_oids_may[n], own_attributes[n].name));
	assert_int_equal(n, OWN_COUNT);
	ldap_objectclass_free(c);
}

/* Every definition of a file, wherever its "(" stands behind the keyword. */
static void compare_schema(const char *path, const char *type_word, const char *class_word)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	bool seen[OWN_COUNT] = { false };
	size_t classes = 0;
	char *save = NULL;

	for (char *line = strtok_r(unfolded(a, path), "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (str_starts(line, type_word))
			compare_type(a, strchr(line, '('), seen);
		else if (str_starts(line, class_word) && ++classes)
			compare_class(strchr(line, '('));
	}
	assert_int_equal(classes, 1);
	for (size_t i = 0; i < OWN_COUNT; i++)
		if (!seen[i])
			fail_msg("%s: %s is missing", path, own_attributes[i].name);
}

static void schema_file(void **state)
{
	(void)state;
	compare_schema("etc/schema/rollcall.schema", "attributetype ", "objectclass ");
}

static void schema_ldif(void **state)
{
	(void)state;
	compare_schema("etc/schema/rollcall.ldif", "olcAttributeTypes: ", "olcObjectClasses: ");
}

static void table_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < OWN_COUNT; i++) {
		assert_non_null(own_attributes[i].name);
		assert_true(own_is(own_attributes[i].name));
		assert_int_equal(own_attributes[i].sealed, own_attributes[i].syntax == OWN_OCTETS);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(own_attributes[i].arc, own_attributes[k].arc);
	}
	assert_true(own_is("ROLLCALLSTAGE"));
	assert_true(own_is("rollcallaccount"));
	assert_false(own_is("rollcallStag"));
	assert_false(own_is("uid"));
}

static const char *find_line(struct arena *a, char *text, const char *start)
{
	char *save = NULL;

	for (char *line = strtok_r(arena_strdup(a, text), "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (str_starts(line, start))
			return line + strlen(start);
	fail_msg("no line begins with \"%s\"", start);
	return NULL;
}

/* Both forms hold the same rules; the first two name every attribute, the sealed ones apart. */
static void access_rules(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	char *conf = unfolded(a, "etc/acl/rollcall-acl.conf"), *ldif = unfolded(a, "etc/acl/rollcall-acl.ldif"), *save = NULL;
	struct str sealed, open;
	int n = 0;

	(void)state;
	str_init(&sealed, a);
	str_init(&open, a);
	for (size_t i = 0; i < OWN_COUNT; i++) {
		struct str *s = own_attributes[i].sealed ? &sealed : &open;

		str_addf(s, "%s%s", s->len ? "," : "", own_attributes[i].name);
	}
	assert_string_equal(find_line(a, conf, "limits "), find_line(a, ldif, "olcLimits: "));
	for (char *line = strtok_r(arena_strdup(a, conf), "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!str_starts(line, "access "))
			continue;
		if (n < 2)
			assert_true(str_starts(line, arena_printf(a, "access to attrs=%s ", n ? open.text : sealed.text)));
		assert_string_equal(line + strlen("access "), find_line(a, ldif, arena_printf(a, "olcAccess: {%d}", n)));
		n++;
	}
	assert_int_equal(n, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_whole),
		cmocka_unit_test(schema_file),
		cmocka_unit_test(schema_ldif),
		cmocka_unit_test(access_rules),
	};

	return cmocka_run_group_tests_name("ldap/attrs", tests, NULL, NULL);
}
